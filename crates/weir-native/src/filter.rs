//! [`NativePlugin`] and [`NativeFilter`]: a library's filter as the graph knows it.

use std::ffi::c_void;
use std::fmt;

use weir_media::Bundle;
use weir_plugin::{
    Create, Ctx, Error, ErrorKind, Event, Filter, Lane, Level, OptionDef, Options, Plugin, Result, Role, Status,
};

use crate::abi::{self, RawCtx};
use crate::describe::{Description, Functions};
use crate::host::{Call, Kept};
use crate::options::OptionsCall;

/// A filter type from a library.
pub(crate) struct NativePlugin(pub(crate) Description);

impl fmt::Debug for NativePlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NativePlugin({})", self.0.name)
    }
}

impl Plugin for NativePlugin {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn summary(&self) -> &'static str {
        self.0.summary
    }

    fn help(&self) -> &'static str {
        self.0.help
    }

    fn role(&self) -> Role {
        self.0.role
    }

    /// A thread of its own: native code may sleep, wait or never return, and must not hold a reactor or a worker.
    fn lane(&self) -> Lane {
        Lane::Blocking
    }

    fn options(&self) -> &'static [OptionDef] {
        self.0.options
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        self.0.bundles.clone()
    }

    fn max_inputs(&self) -> usize {
        match (self.0.max_inputs, self.0.role) {
            (_, Role::Source) => 0,
            (0, Role::Mux) => usize::MAX,
            (0, _) => 1,
            (n, _) => n,
        }
    }

    fn explicit_only(&self) -> bool {
        !self.0.automatic
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        let mut call = OptionsCall::new(&with.options);
        let raw = &raw mut call;
        let mut instance = std::ptr::null_mut();
        // SAFETY: `raw` is the head of an OptionsCall that outlives this call, and nothing else refers to it meanwhile;
        // the function is one of a library that is never unloaded.
        let code = unsafe { (self.0.functions.create)(raw.cast(), &raw mut instance) };
        done(code, call.failure.take(), call.misuse.take())?;
        Ok(Box::new(NativeFilter { functions: self.0.functions, instance, kept: Kept::default() }))
    }
}

/// An instance.
struct NativeFilter {
    functions: Functions,
    /// What `create` made; its meaning is the library's.
    instance: *mut c_void,
    kept: Kept,
}

// SAFETY: `weir.h` says that calls to one instance may come from different threads as long as they never overlap, and
// `&mut self` sees to that.
unsafe impl Send for NativeFilter {}

impl NativeFilter {
    /// Calls into the library and turns the code it returns into a status or an error.
    fn enter(&mut self, ctx: &mut Ctx<'_>, function: impl FnOnce(*mut c_void, *mut RawCtx) -> i32) -> Result<Status> {
        let mut call = Call::new(ctx, &mut self.kept);
        let raw = &raw mut call;
        let code = function(self.instance, raw.cast());
        let (failure, misuse) = (call.failure.take(), call.misuse.take());
        let status = match (code, call.until) {
            (abi::OK, _) => Status::Idle,
            (abi::AGAIN, _) => Status::Again,
            (abi::UNTIL, Some(time)) => Status::Until(time),
            (abi::DONE, _) => Status::Done,
            _ => return Err(error(code, failure, misuse)),
        };
        if let Some(what) = misuse.filter(|_| !self.kept.warned) {
            self.kept.warned = true; // one line is enough to find it
            ctx.log(Level::Warning, format!("the filter used the plugin interface wrongly and went on: {what}"));
        }
        Ok(status)
    }
}

impl Filter for NativeFilter {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let Some(start) = self.functions.start else { return Ok(()) };
        // SAFETY: `enter` gives the instance that create made and a context for this call.
        self.enter(ctx, |instance, raw| unsafe { start(instance, raw) }).and_then(only_ok)
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let process = self.functions.process;
        // SAFETY: as in `start`.
        self.enter(ctx, |instance, raw| unsafe { process(instance, raw) })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        let (kind, output) = match event {
            Event::KeyRequest(out) => (abi::EVENT_KEY_REQUEST, out.0),
            Event::Stop => (abi::EVENT_STOP, 0),
            Event::Wish(..) => return Ok(()), // the interface has no word for it
            // Only of services, which native filters do not have, and for filters that ask for it.
            Event::Message(_) | Event::Change(_) => return Ok(()),
        };
        let Some(on_event) = self.functions.event else { return Ok(()) };
        // SAFETY: as in `start`.
        self.enter(ctx, |instance, raw| unsafe { on_event(instance, raw, kind, output) }).and_then(only_ok)
    }
}

impl Drop for NativeFilter {
    fn drop(&mut self) {
        if let Some(destroy) = self.functions.destroy {
            // SAFETY: the instance that create made, for the last time.
            unsafe { destroy(self.instance) }
        }
    }
}

fn only_ok(status: Status) -> Result<()> {
    match status {
        Status::Idle => Ok(()),
        _ => Err(Error::new(ErrorKind::Internal, "a status of process came back from another function of the filter")),
    }
}

fn done(code: i32, failure: Option<String>, misuse: Option<String>) -> Result<()> {
    if code == abi::OK { Ok(()) } else { Err(error(code, failure, misuse)) }
}

/// The error for a code: in the filter's own words, or in ours for a verb it used wrongly.
fn error(code: i32, failure: Option<String>, misuse: Option<String>) -> Error {
    let kind = match code {
        abi::E_OPTION => ErrorKind::BadOption,
        abi::E_INPUT => ErrorKind::BadInput,
        abi::E_UNSUPPORTED => ErrorKind::Unsupported,
        abi::E_IO => ErrorKind::Io,
        abi::E_LIMIT => ErrorKind::Limit,
        abi::E_INTERNAL | abi::E_ARGUMENT => ErrorKind::Internal,
        abi::UNTIL => return Error::new(ErrorKind::Internal, "the filter returned WEIR_UNTIL without a time"),
        code => return Error::new(ErrorKind::Internal, format!("the filter returned {code}, which means nothing")),
    };
    let misuse = misuse.map(|what| format!("the filter used the plugin interface wrongly: {what}"));
    Error::new(kind, failure.or(misuse).unwrap_or_else(|| "the filter failed and did not say why".into()))
}
