//! The verbs of a native filter: `weir_host`, over [`Ctx`].
//!
//! Every verb checks its handles, names and pointers, keeps panics on this side, and says what was wrong in the call, so
//! that the filter's failure can name it.

use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use weir_media::{Bytes, CodecId, Flags, Frac, Frame, Packet, Payload, Prop, Props, StreamType, Time, Value};
use weir_plugin::{Ctx, InId, Item, Level, OutId};

use crate::abi::{self, RawCtx, RawHost, RawPacket, RawPlane};
use crate::options;
use crate::props::{self, Shape};

/// Largest packet taken from native code, bytes.
const MAX_PACKET: usize = 256 << 20;

/// Largest value of a bytes property taken from native code.
const MAX_BYTES_PROP: usize = 1 << 20;

/// Largest side of a raw picture, pixels.
const MAX_SIDE: u32 = 1 << 15;

/// What is kept for an instance between calls.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Properties of each input as last taken.
    inputs: Vec<Option<Props>>,
    /// Properties of each output.
    outputs: Vec<Props>,
    /// A wrong use of a verb was logged.
    pub(crate) warned: bool,
}

/// One call into native code: what it sees, and behind it what it reaches through the verbs.
#[repr(C)]
pub(crate) struct Call<'c, 'm> {
    head: RawCtx,
    ctx: &'c mut Ctx<'m>,
    kept: &'c mut Kept,
    /// Properties being built.
    draft: Props,
    /// The packet last taken, alive while native code may read it.
    taken: Option<Packet>,
    peeked: Option<Packet>,
    /// Texts handed out, which live as long as the call.
    texts: Vec<CString>,
    /// Values of properties handed out, likewise.
    held: Vec<Bytes>,
    /// Set by `until`.
    pub(crate) until: Option<Time>,
    /// Why the call fails, in the filter's own words.
    pub(crate) failure: Option<String>,
    /// The last wrong use of a verb, in ours.
    pub(crate) misuse: Option<String>,
}

type Verb<T> = std::result::Result<T, String>;

impl<'c, 'm> Call<'c, 'm> {
    pub(crate) fn new(ctx: &'c mut Ctx<'m>, kept: &'c mut Kept) -> Self {
        Self {
            head: RawCtx { host: &HOST },
            ctx,
            kept,
            draft: Props::new(),
            taken: None,
            peeked: None,
            texts: Vec::new(),
            held: Vec::new(),
            until: None,
            failure: None,
            misuse: None,
        }
    }

    fn input(&self, input: u32) -> Verb<InId> {
        let known = self.ctx.inputs().any(|i| i.0 == input);
        known.then_some(InId(input)).ok_or_else(|| format!("there is no input {input}"))
    }

    fn output(&self, output: u32) -> Verb<OutId> {
        let known = (output as usize) < self.kept.outputs.len();
        known.then_some(OutId(output)).ok_or_else(|| format!("there is no output {output}"))
    }

    fn input_props(&self, input: u32) -> Verb<Option<&Props>> {
        self.input(input)?;
        Ok(self.kept.inputs.get(input as usize).and_then(Option::as_ref))
    }

    /// The value of a property of an input, when `shape` is as native code expects it.
    fn get(&self, input: u32, name: &str, fits: impl FnOnce(Shape) -> bool) -> Verb<Option<Value>> {
        let (prop, shape) = props::find(name)?;
        let props = self.input_props(input)?;
        if !fits(shape) {
            return Err(format!("property {name} has another type"));
        }
        Ok(props.and_then(|p| p.get(prop)).cloned())
    }

    fn set(&mut self, name: &str, value: impl FnOnce(Prop, Shape) -> Option<Value>) -> Verb<i32> {
        let (prop, shape) = props::find(name)?;
        let value = value(prop, shape).ok_or_else(|| format!("property {name} cannot have this value"))?;
        self.draft.set(prop, value);
        Ok(abi::OK)
    }

    fn keep_props(&mut self, input: u32, props: Props) {
        let index = input as usize; // below the number of inputs, so small
        if self.kept.inputs.len() <= index {
            self.kept.inputs.resize(index + 1, None);
        }
        self.kept.inputs[index] = Some(props);
    }

    /// The properties built so far, when they can be those of an output.
    fn drafted(&self) -> Verb<Props> {
        let ty = self.draft.stream_type().ok_or("an output needs the property StreamType")?;
        if ty != StreamType::File && self.draft.codec().is_none() {
            return Err("an output that is no File needs the property CodecID".into());
        }
        Ok(self.draft.clone())
    }

    fn open(&mut self) -> Verb<u32> {
        let props = self.drafted()?;
        let out = self.ctx.open(props.clone());
        self.kept.outputs.push(props);
        Ok(out.0)
    }

    fn set_props(&mut self, output: u32) -> Verb<i32> {
        let out = self.output(output)?;
        let props = self.drafted()?;
        self.kept.outputs[output as usize] = props.clone();
        self.ctx.set_props(out, props);
        Ok(abi::OK)
    }

    fn send(&mut self, output: u32, bytes: Bytes, times: &RawPacket) -> Verb<i32> {
        let out = self.output(output)?;
        let data = payload(&self.kept.outputs[output as usize], bytes)?;
        let packet = Packet {
            data,
            dts: times.dts,
            cts: times.cts,
            duration: times.duration,
            flags: Flags::from_bits(times.flags.to_le_bytes()[0]),
            origin: Time::from_micros(times.origin),
            patch_at: None,
            piece: None,
        };
        self.ctx.send(out, packet);
        Ok(abi::OK)
    }

    fn log(&mut self, level: u32, line: String) -> Verb<i32> {
        let levels = [Level::Error, Level::Warning, Level::Info, Level::Debug];
        let level = levels.get(level as usize).ok_or_else(|| format!("there is no log level {level}"))?;
        self.ctx.log(*level, line);
        Ok(abi::OK)
    }
}

/// `bytes` as the payload of an output: a raw picture where that is what it carries.
fn payload(props: &Props, bytes: Bytes) -> Verb<Payload> {
    if props.stream_type() != Some(StreamType::Visual) || props.codec() != Some(CodecId::Raw) {
        return Ok(Payload::Bytes(bytes));
    }
    let side = |prop: Prop| props.u32(prop).filter(|v| (1..=MAX_SIDE).contains(v));
    let (Some(width), Some(height), Some(Value::Pixel(format))) =
        (side(Prop::Width), side(Prop::Height), props.get(Prop::PixelFormat))
    else {
        return Err("an output of raw pictures needs Width, Height and PixelFormat".into());
    };
    let (_, need) = Frame::layout(*format, width, height);
    let exact = Some(bytes).filter(|b| b.len() == need).and_then(|b| Frame::new(*format, width, height, b));
    exact.map(|f| Payload::Frame(Arc::new(f))).ok_or_else(|| format!("a raw picture of this size has {need} bytes"))
}

/// A packet as native code sees it. Valid while `packet` is.
fn view(packet: &Packet) -> RawPacket {
    let none = RawPlane { data: std::ptr::null(), stride: 0, width: 0, rows: 0, reserved: 0 };
    let small = |v: usize| u32::try_from(v).unwrap_or(u32::MAX);
    let planes = packet.frame().map(|frame| {
        [0, 1, 2].map(|i| {
            let p = frame.plane(i);
            let (stride, width, rows) = (small(p.stride), small(p.width), small(p.rows));
            RawPlane { data: p.data.as_ptr(), stride, width, rows, reserved: 0 }
        })
    });
    let (data, len) = packet.bytes().map_or((std::ptr::null(), 0), |b| (b.as_ptr(), b.len()));
    RawPacket {
        data,
        len,
        dts: packet.dts,
        cts: packet.cts,
        origin: packet.origin.as_micros(),
        duration: packet.duration,
        flags: packet.flags.bits().into(),
        plane_count: planes.map_or(0, |_| 3),
        reserved: 0,
        planes: planes.unwrap_or([none; 3]),
    }
}

/// Writes `value` to `place` when there is one: 1, or 0 when there is none.
///
/// # Safety
/// `place` is null or good to write to.
pub(crate) unsafe fn give<T>(place: *mut T, value: Option<T>) -> Verb<i32> {
    if place.is_null() {
        return Err("the place for a result is a null pointer".into());
    }
    let Some(value) = value else { return Ok(0) };
    // SAFETY: not null, so good to write to by contract.
    unsafe { place.write(value) };
    Ok(1)
}

/// Runs a verb on the call behind `raw`. Panics stay here.
///
/// # Safety
/// `raw` is null, or the pointer a call into native code that is still going on was given.
unsafe fn with<T>(raw: *mut RawCtx, failed: T, verb: impl FnOnce(&mut Call<'_, '_>) -> Verb<T>) -> T {
    if raw.is_null() {
        return failed;
    }
    // SAFETY: by contract this is the head of a Call that lives until the native function returns; only the verb that
    // runs now refers to it, as the caller of that function holds it by this same pointer and waits.
    let call = unsafe { &mut *raw.cast::<Call<'_, '_>>() };
    match catch_unwind(AssertUnwindSafe(|| verb(call))) {
        Ok(Ok(value)) => return value,
        Ok(Err(what)) => call.misuse = Some(what),
        Err(_) => call.misuse = Some("the host failed in a verb".into()),
    }
    failed
}

/// Reads the name of a property.
///
/// # Safety
/// As [`abi::read_text`].
unsafe fn name_of(name: *const c_char) -> Verb<String> {
    // SAFETY: the same contract.
    unsafe { abi::read_text(name) }.map_err(|e| format!("the name of a property {e}"))
}

/// Copies bytes from native code.
///
/// # Safety
/// `data` is null or points to `len` bytes.
unsafe fn copy(data: *const u8, len: usize, max: usize) -> Verb<Bytes> {
    match (data.is_null(), len) {
        (_, 0) => Ok(Bytes::new()),
        (true, _) => Err("content is a null pointer".into()),
        (_, len) if len > max => Err(format!("{len} bytes are more than the {max} allowed")),
        // SAFETY: not null, so `len` readable bytes by contract; `max` keeps them far below isize::MAX.
        _ => Ok(Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(data, len) })),
    }
}

const FAILED: i32 = abi::E_ARGUMENT;

/// Defines verbs: functions of the C ABI whose body runs on a [`Call`].
///
/// All share the contract of `weir.h`: `raw` as for [`with`], texts as for [`abi::read_text`], bytes as for [`copy`],
/// other pointers null or good to write to. Each body may rely on it.
macro_rules! verbs {
    ($(fn $name:ident($call:ident $(, $arg:ident: $ty:ty)*) -> $out:ty, $failed:expr; $body:block)+) => {
        $(
            unsafe extern "C" fn $name(raw: *mut RawCtx $(, $arg: $ty)*) -> $out {
                // SAFETY: the contract of the verbs is that of `with` and of all that the bodies call.
                unsafe { with(raw, $failed, |$call| $body) }
            }
        )+
    };
}

verbs! {
    fn now(call) -> u64, 0; { Ok(call.ctx.now().as_micros()) }

    fn utc(call) -> u64, 0; { Ok(call.ctx.utc_micros()) }

    fn until(call, time: u64) -> i32, FAILED; {
        call.until = Some(Time::from_micros(time));
        Ok(abi::UNTIL)
    }

    fn fail(call, code: i32, message: *const c_char) -> i32, FAILED; {
        call.failure = abi::read_text(message).ok();
        Ok(code)
    }

    fn log(call, level: u32, line: *const c_char) -> i32, FAILED; {
        let line = abi::read_text(line).map_err(|e| format!("a log line {e}"))?;
        call.log(level, line)
    }

    fn input_count(call) -> u32, 0; { Ok(u32::try_from(call.ctx.inputs().count()).unwrap_or(u32::MAX)) }

    fn settled(call) -> i32, FAILED; { Ok(call.ctx.settled().into()) }

    fn next(call, input: u32, packet: *mut RawPacket) -> i32, FAILED; {
        let id = call.input(input)?;
        if packet.is_null() {
            return Err("the place for a packet is a null pointer".into());
        }
        (call.taken, call.peeked) = (None, None);
        Ok(match call.ctx.next(id) {
            None => abi::ITEM_NONE,
            Some(Item::End) => abi::ITEM_END,
            Some(Item::Props(props)) => {
                call.keep_props(input, props);
                abi::ITEM_PROPS
            }
            Some(Item::Packet(p)) => {
                give(packet, Some(view(&p)))?;
                call.taken = Some(p);
                abi::ITEM_PACKET
            }
        })
    }

    fn peek(call, input: u32, packet: *mut RawPacket) -> i32, FAILED; {
        let id = call.input(input)?;
        let found = match call.ctx.peek(id) {
            None => return Ok(abi::ITEM_NONE),
            Some(Item::End) => return Ok(abi::ITEM_END),
            Some(Item::Props(_)) => return Ok(abi::ITEM_PROPS),
            Some(Item::Packet(p)) => p.clone(),
        };
        give(packet, Some(view(&found)))?;
        call.peeked = Some(found);
        Ok(abi::ITEM_PACKET)
    }

    fn request_key(call, input: u32) -> i32, FAILED; {
        let id = call.input(input)?;
        call.ctx.request_key(id);
        Ok(abi::OK)
    }

    fn get_uint(call, input: u32, name: *const c_char, value: *mut u64) -> i32, FAILED; {
        let found = call.get(input, &name_of(name)?, |s| matches!(s, Shape::Uint | Shape::Bool))?;
        give(value, found.and_then(|v| match v {
            Value::Uint(v) => Some(v),
            Value::Bool(v) => Some(v.into()),
            _ => None,
        }))
    }

    fn get_int(call, input: u32, name: *const c_char, value: *mut i64) -> i32, FAILED; {
        let found = call.get(input, &name_of(name)?, |s| s == Shape::Int)?;
        give(value, found.and_then(|v| if let Value::Int(v) = v { Some(v) } else { None }))
    }

    fn get_frac(call, input: u32, name: *const c_char, num: *mut i64, den: *mut u32) -> i32, FAILED; {
        let found = call.get(input, &name_of(name)?, |s| s == Shape::Frac)?;
        let frac = found.and_then(|v| if let Value::Frac(f) = v { Some(f) } else { None });
        give(den, frac.map(|f| f.den))?;
        give(num, frac.map(|f| f.num))
    }

    fn get_str(call, input: u32, name: *const c_char, value: *mut *const c_char) -> i32, FAILED; {
        let name = name_of(name)?;
        let found = call.get(input, &name, |s| matches!(s, Shape::Str | Shape::Word))?;
        let text = found.map(|v| CString::new(v.to_string())).transpose();
        let text = text.map_err(|_| format!("property {name} holds a zero byte"))?;
        let place = text.as_ref().map(|t| t.as_ptr());
        call.texts.extend(text); // a CString's bytes stay where they are
        give(value, place)
    }

    fn get_bytes(call, input: u32, name: *const c_char, data: *mut *const u8, len: *mut usize) -> i32, FAILED; {
        let found = call.get(input, &name_of(name)?, |s| s == Shape::Bytes)?;
        let bytes = found.and_then(|v| if let Value::Bytes(b) = v { Some(b) } else { None });
        give(len, bytes.as_ref().map(Bytes::len))?;
        let place = bytes.as_ref().map(|b| b.as_ptr());
        call.held.extend(bytes);
        give(data, place)
    }

    fn props_clear(call) -> i32, FAILED; {
        call.draft = Props::new();
        Ok(abi::OK)
    }

    fn props_from(call, input: u32) -> i32, FAILED; {
        call.draft = call.input_props(input)?.cloned().ok_or_else(|| format!("input {input} has no properties yet"))?;
        Ok(abi::OK)
    }

    fn unset(call, name: *const c_char) -> i32, FAILED; {
        let (prop, _) = props::find(&name_of(name)?)?;
        call.draft.remove(prop);
        Ok(abi::OK)
    }

    fn set_uint(call, name: *const c_char, value: u64) -> i32, FAILED; {
        call.set(&name_of(name)?, |_, shape| match shape {
            Shape::Uint => Some(value.into()),
            Shape::Bool if value < 2 => Some((value == 1).into()),
            _ => None,
        })
    }

    fn set_int(call, name: *const c_char, value: i64) -> i32, FAILED; {
        call.set(&name_of(name)?, |_, shape| (shape == Shape::Int).then(|| value.into()))
    }

    fn set_frac(call, name: *const c_char, num: i64, den: u32) -> i32, FAILED; {
        call.set(&name_of(name)?, |_, shape| Frac::new(num, den).filter(|_| shape == Shape::Frac).map(Value::Frac))
    }

    fn set_str(call, name: *const c_char, value: *const c_char) -> i32, FAILED; {
        let text = abi::read_text(value).map_err(|e| format!("the value of a property {e}"))?;
        call.set(&name_of(name)?, |prop, shape| match shape {
            Shape::Str => Some(text.into()),
            Shape::Word => props::word(prop, &text),
            _ => None,
        })
    }

    fn set_bytes(call, name: *const c_char, data: *const u8, len: usize) -> i32, FAILED; {
        let bytes = copy(data, len, MAX_BYTES_PROP)?;
        call.set(&name_of(name)?, |_, shape| (shape == Shape::Bytes).then(|| bytes.into()))
    }

    fn open(call) -> i64, FAILED.into(); { call.open().map(i64::from) }

    fn set_props(call, output: u32) -> i32, FAILED; { call.set_props(output) }

    fn room(call, output: u32) -> i32, FAILED; {
        let out = call.output(output)?;
        Ok(call.ctx.room(out).into())
    }

    fn send(call, output: u32, packet: *const RawPacket) -> i32, FAILED; {
        if packet.is_null() {
            return Err("a packet to send is a null pointer".into());
        }
        let packet = packet.read();
        let bytes = copy(packet.data, packet.len, MAX_PACKET)?;
        call.send(output, bytes, &packet)
    }

    fn forward(call, output: u32) -> i32, FAILED; {
        let out = call.output(output)?;
        let packet = call.taken.clone().ok_or("there is no packet to forward: none was taken last in this call")?;
        call.ctx.send(out, packet);
        Ok(abi::OK)
    }

    fn end(call, output: u32) -> i32, FAILED; {
        let out = call.output(output)?;
        call.ctx.end(out);
        Ok(abi::OK)
    }
}

/// The table of verbs.
pub(crate) static HOST: RawHost = RawHost {
    abi: abi::VERSION,
    size: abi::size_of::<RawHost>(),
    option_count: options::option_count,
    option_int: options::option_int,
    option_str: options::option_str,
    options_fail: options::options_fail,
    now,
    utc,
    until,
    fail,
    log,
    input_count,
    settled,
    next,
    peek,
    request_key,
    get_uint,
    get_int,
    get_frac,
    get_str,
    get_bytes,
    props_clear,
    props_from,
    unset,
    set_uint,
    set_int,
    set_frac,
    set_str,
    set_bytes,
    open,
    set_props,
    room,
    send,
    forward,
    end,
};

#[cfg(test)]
mod tests {
    use super::*;
    use weir_plugin::{Mailbox, Memory};

    #[test]
    fn a_panic_stays_on_this_side() {
        let mut mail = Mailbox::new(Memory::new(0));
        let mut ctx = mail.ctx();
        let mut kept = Kept::default();
        let mut call = Call::new(&mut ctx, &mut kept);
        let raw = (&raw mut call).cast::<RawCtx>();
        // SAFETY: the head of a call that is still there, used by nobody else meanwhile.
        let code = unsafe { with(raw, FAILED, |_| -> Verb<i32> { panic!("on purpose, in a test") }) };
        assert_eq!((code, call.misuse.as_deref()), (FAILED, Some("the host failed in a verb")));
    }

    #[test]
    fn sizes_of_raw_pictures_are_checked_before_they_are_multiplied() {
        let raw = Props::new().with(Prop::StreamType, StreamType::Visual).with(Prop::CodecId, CodecId::Raw);
        let raw = raw.with(Prop::PixelFormat, weir_media::PixelFormat::Yuv420);
        for (width, height) in [(0, 2), (u32::MAX, u32::MAX), (MAX_SIDE + 1, 1)] {
            let sized = raw.clone().with(Prop::Width, width).with(Prop::Height, height);
            assert!(payload(&sized, Bytes::new()).is_err(), "{width}x{height}");
        }
        let sized = raw.with(Prop::Width, 3u32).with(Prop::Height, 1u32);
        assert!(payload(&sized, Bytes::from_static(&[0; 7])).is_ok());
        assert!(payload(&sized, Bytes::from_static(&[0; 8])).is_err());
    }
}
