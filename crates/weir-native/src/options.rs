//! Option values for `create` of a native filter.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_args::value::Kind;
use weir_plugin::Options;

use crate::abi::{self, RawOptions};
use crate::host;

/// A call of `create`: what native code sees, and behind it what it reaches through the host.
#[repr(C)]
pub(crate) struct OptionsCall<'a> {
    head: RawOptions,
    options: &'a Options,
    /// Texts handed out, which live as long as the call.
    texts: Vec<CString>,
    /// Why create fails, in its own words, or in ours when it used a verb wrongly.
    pub(crate) failure: Option<String>,
    pub(crate) misuse: Option<String>,
}

impl<'a> OptionsCall<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self { head: RawOptions { host: &host::HOST }, options, texts: Vec::new(), failure: None, misuse: None }
    }

    fn wrong(&mut self, what: String) -> i32 {
        self.misuse = Some(what);
        abi::E_ARGUMENT
    }

    fn kind(&self, name: &str) -> Result<Kind, String> {
        let def = self.options.table().iter().find(|o| o.name == name);
        def.map(|o| o.kind).ok_or_else(|| format!("this filter has no option {name}"))
    }

    fn ints(&self, name: &str) -> Result<Vec<i64>, String> {
        let o = self.options;
        let pair = |(a, b): (u32, u32)| [a.into(), b.into()];
        Ok(match self.kind(name)? {
            Kind::Bool => o.bool(name).map(i64::from).into_iter().collect(),
            Kind::Int { .. } => o.int(name).into_iter().collect(),
            Kind::Millis => o.millis(name).map(|v| i64::try_from(v).unwrap_or(i64::MAX)).into_iter().collect(),
            Kind::Frac => o.frac(name).map_or(vec![], |f| vec![f.num, f.den.into()]),
            Kind::Size => o.size(name).map_or(vec![], |s| pair(s).to_vec()),
            Kind::Sizes => o.sizes(name).unwrap_or_default().iter().flat_map(|s| pair(*s)).collect(),
            Kind::Ints => o.ints(name).unwrap_or_default().to_vec(),
            _ => return Err(format!("option {name} is text")),
        })
    }

    fn strs(&self, name: &str) -> Result<Vec<&str>, String> {
        let o = self.options;
        Ok(match self.kind(name)? {
            Kind::Str => o.text(name).into_iter().collect(),
            Kind::Secret => o.secret(name).into_iter().collect(),
            Kind::Enum(_) => o.word(name).into_iter().collect(),
            Kind::Strs => o.texts(name).unwrap_or_default().iter().map(String::as_str).collect(),
            _ => return Err(format!("option {name} is not text")),
        })
    }

    fn count(&self, name: &str) -> Result<i32, String> {
        let count = self.ints(name).map(|v| v.len()).or_else(|_| self.strs(name).map(|v| v.len()))?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// Runs a verb on the call behind `raw`. Panics stay here.
///
/// # Safety
/// `raw` is null, or the pointer a call of `create` that is still going on was given.
unsafe fn with(raw: *mut RawOptions, verb: impl FnOnce(&mut OptionsCall<'_>) -> Result<i32, String>) -> i32 {
    if raw.is_null() {
        return abi::E_ARGUMENT;
    }
    // SAFETY: by contract this is the head of an OptionsCall that lives until create returns; only the verb that runs
    // now refers to it, as the caller of create holds it by this same pointer and waits.
    let call = unsafe { &mut *raw.cast::<OptionsCall<'_>>() };
    match catch_unwind(AssertUnwindSafe(|| verb(call))) {
        Ok(Ok(code)) => code,
        Ok(Err(what)) => call.wrong(what),
        Err(_) => call.wrong("the host failed while it looked up an option".into()),
    }
}

/// Reads a name from native code.
///
/// # Safety
/// As [`abi::read_text`].
unsafe fn name_of(name: *const c_char) -> Result<String, String> {
    // SAFETY: the same contract.
    unsafe { abi::read_text(name) }.map_err(|e| format!("the name of an option {e}"))
}

// The verbs below share one contract, that of `weir.h`: `raw` as for `with`, names as for `read_text`, and other pointers
// null or good to write to.

pub(crate) unsafe extern "C" fn option_count(raw: *mut RawOptions, name: *const c_char) -> i32 {
    // SAFETY: the contract of the verbs.
    unsafe { with(raw, |call| call.count(&name_of(name)?)) }
}

pub(crate) unsafe extern "C" fn option_int(
    raw: *mut RawOptions,
    name: *const c_char,
    index: u32,
    value: *mut i64,
) -> i32 {
    let verb = |call: &mut OptionsCall<'_>| {
        // SAFETY: the contract of the verbs.
        let all = call.ints(&unsafe { name_of(name) }?)?;
        // SAFETY: the contract of the verbs.
        unsafe { host::give(value, all.get(index as usize).copied()) }
    };
    // SAFETY: the contract of the verbs.
    unsafe { with(raw, verb) }
}

pub(crate) unsafe extern "C" fn option_str(
    raw: *mut RawOptions,
    name: *const c_char,
    index: u32,
    value: *mut *const c_char,
) -> i32 {
    let verb = |call: &mut OptionsCall<'_>| {
        // SAFETY: the contract of the verbs.
        let name = unsafe { name_of(name) }?;
        let text = call.strs(&name)?.get(index as usize).map(|t| CString::new(*t)).transpose();
        let text = text.map_err(|_| format!("option {name} holds a zero byte"))?;
        let place = text.as_ref().map(|t| t.as_ptr());
        call.texts.extend(text); // a CString's bytes stay where they are
        // SAFETY: the contract of the verbs.
        unsafe { host::give(value, place) }
    };
    // SAFETY: the contract of the verbs.
    unsafe { with(raw, verb) }
}

pub(crate) unsafe extern "C" fn options_fail(raw: *mut RawOptions, code: i32, message: *const c_char) -> i32 {
    let verb = |call: &mut OptionsCall<'_>| {
        // SAFETY: the contract of the verbs.
        call.failure = unsafe { abi::read_text(message) }.ok();
        Ok(code)
    };
    // SAFETY: the contract of the verbs.
    unsafe { with(raw, verb) }
}
