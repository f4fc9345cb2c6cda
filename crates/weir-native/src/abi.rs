//! `include/weir.h` in Rust: the same structs, in the same order, and the same numbers. Nothing else.

use std::ffi::{c_char, c_void};

pub(crate) const VERSION: u32 = 1;

pub(crate) const OK: i32 = 0;
pub(crate) const AGAIN: i32 = 1;
pub(crate) const UNTIL: i32 = 2;
pub(crate) const DONE: i32 = 3;
pub(crate) const E_OPTION: i32 = -1;
pub(crate) const E_INPUT: i32 = -2;
pub(crate) const E_UNSUPPORTED: i32 = -3;
pub(crate) const E_IO: i32 = -4;
pub(crate) const E_LIMIT: i32 = -5;
pub(crate) const E_INTERNAL: i32 = -6;
pub(crate) const E_ARGUMENT: i32 = -7;

pub(crate) const ITEM_NONE: i32 = 0;
pub(crate) const ITEM_PROPS: i32 = 1;
pub(crate) const ITEM_PACKET: i32 = 2;
pub(crate) const ITEM_END: i32 = 3;

pub(crate) const EVENT_KEY_REQUEST: u32 = 1;
pub(crate) const EVENT_STOP: u32 = 2;

pub(crate) const CAP_EXCLUDED: u32 = 1;
pub(crate) const CAP_OPTIONAL: u32 = 2;

pub(crate) const PLUGIN_AUTOMATIC: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawOption {
    pub(crate) name: *const c_char,
    pub(crate) ty: u32,
    pub(crate) reserved: u32,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) words: *const c_char,
    pub(crate) fallback: *const c_char,
    pub(crate) help: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawCap {
    pub(crate) property: *const c_char,
    pub(crate) value: *const c_char,
    pub(crate) flags: u32,
    pub(crate) reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawBundle {
    pub(crate) inputs: *const RawCap,
    pub(crate) outputs: *const RawCap,
    pub(crate) input_count: u32,
    pub(crate) output_count: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawPlane {
    pub(crate) data: *const u8,
    pub(crate) stride: u32,
    pub(crate) width: u32,
    pub(crate) rows: u32,
    pub(crate) reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawPacket {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
    pub(crate) dts: i64,
    pub(crate) cts: i64,
    pub(crate) origin: u64,
    pub(crate) duration: u32,
    pub(crate) flags: u32,
    pub(crate) plane_count: u32,
    pub(crate) reserved: u32,
    pub(crate) planes: [RawPlane; 3],
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RawHead {
    pub(crate) abi: u32,
    pub(crate) plugin_size: u32,
    pub(crate) host_size: u32,
    pub(crate) packet_size: u32,
    pub(crate) option_size: u32,
    pub(crate) cap_size: u32,
    pub(crate) bundle_size: u32,
    pub(crate) reserved: u32,
}

pub(crate) type Create = unsafe extern "C" fn(*mut RawOptions, *mut *mut c_void) -> i32;
pub(crate) type Step = unsafe extern "C" fn(*mut c_void, *mut RawCtx) -> i32;
pub(crate) type OnEvent = unsafe extern "C" fn(*mut c_void, *mut RawCtx, u32, u32) -> i32;
pub(crate) type Destroy = unsafe extern "C" fn(*mut c_void);

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawPlugin {
    pub(crate) head: RawHead,
    pub(crate) name: *const c_char,
    pub(crate) summary: *const c_char,
    pub(crate) help: *const c_char,
    pub(crate) role: u32,
    pub(crate) flags: u32,
    pub(crate) max_inputs: u32,
    pub(crate) option_count: u32,
    pub(crate) options: *const RawOption,
    pub(crate) bundles: *const RawBundle,
    pub(crate) bundle_count: u32,
    pub(crate) reserved: u32,
    pub(crate) create: Option<Create>,
    pub(crate) start: Option<Step>,
    pub(crate) process: Option<Step>,
    pub(crate) event: Option<OnEvent>,
    pub(crate) destroy: Option<Destroy>,
}

pub(crate) type Entry = unsafe extern "C" fn(u32) -> *const RawPlugin;

/// What a native filter is shown of a call; the host's part lies behind it.
#[repr(C)]
pub(crate) struct RawCtx {
    pub(crate) host: *const RawHost,
}

/// What a native filter is shown of its option values; the host's part lies behind it.
#[repr(C)]
pub(crate) struct RawOptions {
    pub(crate) host: *const RawHost,
}

type Ctx = *mut RawCtx;
type Opts = *mut RawOptions;
type Name = *const c_char;

#[repr(C)]
pub(crate) struct RawHost {
    pub(crate) abi: u32,
    pub(crate) size: u32,
    pub(crate) option_count: unsafe extern "C" fn(Opts, Name) -> i32,
    pub(crate) option_int: unsafe extern "C" fn(Opts, Name, u32, *mut i64) -> i32,
    pub(crate) option_str: unsafe extern "C" fn(Opts, Name, u32, *mut *const c_char) -> i32,
    pub(crate) options_fail: unsafe extern "C" fn(Opts, i32, Name) -> i32,
    pub(crate) now: unsafe extern "C" fn(Ctx) -> u64,
    pub(crate) utc: unsafe extern "C" fn(Ctx) -> u64,
    pub(crate) until: unsafe extern "C" fn(Ctx, u64) -> i32,
    pub(crate) fail: unsafe extern "C" fn(Ctx, i32, Name) -> i32,
    pub(crate) log: unsafe extern "C" fn(Ctx, u32, Name) -> i32,
    pub(crate) input_count: unsafe extern "C" fn(Ctx) -> u32,
    pub(crate) settled: unsafe extern "C" fn(Ctx) -> i32,
    pub(crate) next: unsafe extern "C" fn(Ctx, u32, *mut RawPacket) -> i32,
    pub(crate) peek: unsafe extern "C" fn(Ctx, u32, *mut RawPacket) -> i32,
    pub(crate) request_key: unsafe extern "C" fn(Ctx, u32) -> i32,
    pub(crate) get_uint: unsafe extern "C" fn(Ctx, u32, Name, *mut u64) -> i32,
    pub(crate) get_int: unsafe extern "C" fn(Ctx, u32, Name, *mut i64) -> i32,
    pub(crate) get_frac: unsafe extern "C" fn(Ctx, u32, Name, *mut i64, *mut u32) -> i32,
    pub(crate) get_str: unsafe extern "C" fn(Ctx, u32, Name, *mut *const c_char) -> i32,
    pub(crate) get_bytes: unsafe extern "C" fn(Ctx, u32, Name, *mut *const u8, *mut usize) -> i32,
    pub(crate) props_clear: unsafe extern "C" fn(Ctx) -> i32,
    pub(crate) props_from: unsafe extern "C" fn(Ctx, u32) -> i32,
    pub(crate) unset: unsafe extern "C" fn(Ctx, Name) -> i32,
    pub(crate) set_uint: unsafe extern "C" fn(Ctx, Name, u64) -> i32,
    pub(crate) set_int: unsafe extern "C" fn(Ctx, Name, i64) -> i32,
    pub(crate) set_frac: unsafe extern "C" fn(Ctx, Name, i64, u32) -> i32,
    pub(crate) set_str: unsafe extern "C" fn(Ctx, Name, Name) -> i32,
    pub(crate) set_bytes: unsafe extern "C" fn(Ctx, Name, *const u8, usize) -> i32,
    pub(crate) open: unsafe extern "C" fn(Ctx) -> i64,
    pub(crate) set_props: unsafe extern "C" fn(Ctx, u32) -> i32,
    pub(crate) room: unsafe extern "C" fn(Ctx, u32) -> i32,
    pub(crate) send: unsafe extern "C" fn(Ctx, u32, *const RawPacket) -> i32,
    pub(crate) forward: unsafe extern "C" fn(Ctx, u32) -> i32,
    pub(crate) end: unsafe extern "C" fn(Ctx, u32) -> i32,
}

/// Bytes of a struct, as `weir_head` carries them.
pub(crate) const fn size_of<T>() -> u32 {
    let size = std::mem::size_of::<T>();
    assert!(size < 1 << 16, "structs of the ABI are small");
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    {
        size as u32
    }
}

/// What `WEIR_HEAD` must be.
pub(crate) const HEAD: RawHead = RawHead {
    abi: VERSION,
    plugin_size: size_of::<RawPlugin>(),
    host_size: size_of::<RawHost>(),
    packet_size: size_of::<RawPacket>(),
    option_size: size_of::<RawOption>(),
    cap_size: size_of::<RawCap>(),
    bundle_size: size_of::<RawBundle>(),
    reserved: 0,
};

/// Longest text taken from native code, bytes.
pub(crate) const MAX_TEXT: usize = 1 << 16;

/// Reads a text that ends with a zero byte.
///
/// # Errors
/// Words fit for "NAME ...": it is null, longer than [`MAX_TEXT`], or not UTF-8.
///
/// # Safety
/// `text` is null or points to bytes that end with a zero byte.
pub(crate) unsafe fn read_text(text: *const c_char) -> Result<String, &'static str> {
    if text.is_null() {
        return Err("is a null pointer");
    }
    let mut bytes = Vec::new();
    loop {
        // SAFETY: no byte before this one is the zero byte that ends the text, so this one still belongs to it.
        let byte = unsafe { text.add(bytes.len()).read() };
        match byte.to_ne_bytes()[0] {
            0 => return String::from_utf8(bytes).map_err(|_| "is not UTF-8"),
            _ if bytes.len() == MAX_TEXT => return Err("is too long"),
            b => bytes.push(b),
        }
    }
}
