//! Reads and checks what a library says of its filter. Nothing of it is trusted beyond its pointers.

use std::ffi::c_char;

use weir_args::value::{self, Kind};
use weir_media::{Bundle, Cap};
use weir_plugin::{OptionDef, Role};

use crate::abi::{self, Create, Destroy, OnEvent, RawBundle, RawCap, RawOption, RawPlugin, Step, read_text};
use crate::props;

/// Most options of a filter.
const MAX_OPTIONS: u32 = 256;
/// Most bundles of a filter.
const MAX_BUNDLES: u32 = 64;
/// Most caps on one side of a bundle.
const MAX_CAPS: u32 = 64;
/// Most words of an enum.
const MAX_WORDS: usize = 256;

/// A filter type as a library describes it. Texts live for ever, as the library does.
pub(crate) struct Description {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) help: &'static str,
    pub(crate) role: Role,
    pub(crate) automatic: bool,
    /// 0 for what the role usually has.
    pub(crate) max_inputs: usize,
    pub(crate) options: &'static [OptionDef],
    pub(crate) bundles: Vec<Bundle>,
    pub(crate) functions: Functions,
}

/// The functions of a filter type.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    pub(crate) create: Create,
    pub(crate) start: Option<Step>,
    pub(crate) process: Step,
    pub(crate) event: Option<OnEvent>,
    pub(crate) destroy: Option<Destroy>,
}

type Checked<T> = Result<T, String>;

/// Reads a description.
///
/// # Errors
/// A sentence that says what in it is wrong.
///
/// # Safety
/// `raw` is a `weir_plugin` of this version, all of whose pointers are null or as `weir.h` says.
pub(crate) unsafe fn read(raw: &RawPlugin) -> Checked<Description> {
    let texts = [(raw.name, "name"), (raw.summary, "summary")];
    // SAFETY: the texts of a weir_plugin end with a zero byte.
    let [name, summary] = texts.map(|(text, what)| unsafe { text_of(text, what) });
    // SAFETY: as above.
    let help = if raw.help.is_null() { String::new() } else { unsafe { text_of(raw.help, "help") }? };
    let name = name?;
    if !is_name(&name) || name.chars().any(char::is_uppercase) {
        return Err(format!("its name {name:?} is not lower-case letters, digits, - and _"));
    }
    let functions = Functions {
        create: raw.create.ok_or("it has no function create")?,
        start: raw.start,
        process: raw.process.ok_or("it has no function process")?,
        event: raw.event,
        destroy: raw.destroy,
    };
    // SAFETY: the tables of a weir_plugin have as many entries as it says, whose pointers are as weir.h says.
    let (options, bundles) = unsafe { (options(raw)?, bundles(raw)?) };
    Ok(Description {
        name: leak(name),
        summary: leak(summary?),
        help: leak(help),
        role: role(raw.role)?,
        automatic: raw.flags & abi::PLUGIN_AUTOMATIC != 0,
        max_inputs: raw.max_inputs as usize,
        options,
        bundles,
        functions,
    })
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Whether a text can be a name in the argument grammar.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn role(role: u32) -> Checked<Role> {
    let roles = [Role::Source, Role::Transform, Role::Mux, Role::Encoder, Role::Sink];
    roles.get(role as usize).copied().ok_or_else(|| format!("there is no role {role}"))
}

/// # Safety
/// As [`read_text`].
unsafe fn text_of(text: *const c_char, what: &str) -> Checked<String> {
    // SAFETY: the same contract.
    unsafe { read_text(text) }.map_err(|e| format!("its {what} {e}"))
}

/// A table of `count` entries.
///
/// # Safety
/// `first` is null or points to `count` entries that never change.
unsafe fn table<T>(first: *const T, count: u32, max: u32, what: &str) -> Checked<&'static [T]> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(format!("its table of {what} is a null pointer")),
        (_, count) if count > max => Err(format!("it has {count} {what}, more than the {max} allowed")),
        // SAFETY: not null, so by contract `count` entries, which stay as the library is never unloaded.
        _ => Ok(unsafe { std::slice::from_raw_parts(first, count as usize) }),
    }
}

/// # Safety
/// As [`read`].
unsafe fn options(raw: &RawPlugin) -> Checked<&'static [OptionDef]> {
    // SAFETY: the same contract.
    let table = unsafe { table(raw.options, raw.option_count, MAX_OPTIONS, "options") }?;
    let mut defs: Vec<OptionDef> = Vec::with_capacity(table.len());
    for entry in table {
        // SAFETY: the same contract.
        let def = unsafe { option(entry) }?;
        if defs.iter().any(|d| d.name == def.name) {
            return Err(format!("it has the option {} twice", def.name));
        }
        defs.push(def);
    }
    Ok(Vec::leak(defs))
}

/// # Safety
/// The texts of `raw` are null or end with a zero byte.
unsafe fn option(raw: &RawOption) -> Checked<OptionDef> {
    // SAFETY: the same contract, for all three.
    let (name, help) = unsafe { (text_of(raw.name, "option name")?, text_of(raw.help, "option help")?) };
    if !is_name(&name) {
        return Err(format!("its option name {name:?} is not letters, digits, - and _"));
    }
    // SAFETY: the same contract.
    let kind = unsafe { kind(raw, &name) }?;
    // SAFETY: the same contract.
    let default = if raw.fallback.is_null() { String::new() } else { unsafe { text_of(raw.fallback, "default")? } };
    if !default.is_empty() {
        value::parse(kind, Some(&default)).map_err(|e| format!("the default of its option {name}: {e}"))?;
    }
    Ok(OptionDef::new(leak(name), kind, leak(default), leak(help)))
}

/// # Safety
/// As [`option`].
unsafe fn kind(raw: &RawOption, name: &str) -> Checked<Kind> {
    Ok(match raw.ty {
        0 => Kind::Bool,
        1 if (raw.min, raw.max) == (0, 0) => Kind::Int { min: i64::MIN, max: i64::MAX },
        1 if raw.min <= raw.max => Kind::Int { min: raw.min, max: raw.max },
        1 => return Err(format!("its option {name} has a minimum above its maximum")),
        2 => Kind::Frac,
        3 => Kind::Millis,
        4 => Kind::Size,
        5 => Kind::Sizes,
        6 => Kind::Ints,
        // SAFETY: the same contract.
        7 => Kind::Enum(words(&unsafe { text_of(raw.words, "list of words") }?)?),
        8 => Kind::Str,
        9 => Kind::Strs,
        10 => Kind::Secret,
        ty => return Err(format!("its option {name} has type {ty}, which does not exist")),
    })
}

fn words(list: &str) -> Checked<&'static [&'static str]> {
    let words: Vec<&str> = list.split('|').collect();
    if words.len() > MAX_WORDS || words.iter().any(|w| w.is_empty()) {
        return Err(format!("its list of words {list:?} is too long or has an empty word"));
    }
    Ok(Vec::leak(words.into_iter().map(|w| leak(w.to_owned())).collect()))
}

/// # Safety
/// As [`read`].
unsafe fn bundles(raw: &RawPlugin) -> Checked<Vec<Bundle>> {
    // SAFETY: the same contract.
    let table = unsafe { table(raw.bundles, raw.bundle_count, MAX_BUNDLES, "bundles") }?;
    // SAFETY: the same contract.
    table.iter().map(|b: &RawBundle| unsafe { bundle(b) }).collect()
}

/// # Safety
/// As [`read`].
unsafe fn bundle(raw: &RawBundle) -> Checked<Bundle> {
    // SAFETY: the same contract.
    let sides = unsafe {
        [
            table(raw.inputs, raw.input_count, MAX_CAPS, "input caps")?,
            table(raw.outputs, raw.output_count, MAX_CAPS, "output caps")?,
        ]
    };
    // SAFETY: the same contract.
    let [inputs, outputs] = sides.map(|side| side.iter().map(|c| unsafe { cap(c) }).collect::<Checked<Vec<_>>>());
    Ok(Bundle::new(inputs?, outputs?))
}

/// # Safety
/// As [`read`].
unsafe fn cap(raw: &RawCap) -> Checked<Cap> {
    // SAFETY: the same contract.
    let (name, text) = unsafe { (text_of(raw.property, "cap name")?, text_of(raw.value, "cap value")?) };
    let (prop, value) = props::from_text(&name, &text).map_err(|e| format!("in its caps, {e}"))?;
    let (excluded, optional) = (raw.flags & abi::CAP_EXCLUDED != 0, raw.flags & abi::CAP_OPTIONAL != 0);
    Ok(Cap { prop, value, excluded, optional })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{HEAD, RawCtx, RawOptions};
    use std::ffi::{CStr, c_void};
    use std::ptr::null;

    unsafe extern "C" fn create(_: *mut RawOptions, _: *mut *mut c_void) -> i32 {
        0
    }

    unsafe extern "C" fn process(_: *mut c_void, _: *mut RawCtx) -> i32 {
        3
    }

    fn good() -> RawPlugin {
        RawPlugin {
            head: HEAD,
            name: c"thing-2".as_ptr(),
            summary: c"A thing".as_ptr(),
            help: null(),
            role: 1,
            flags: 0,
            max_inputs: 0,
            option_count: 0,
            options: null(),
            bundles: null(),
            bundle_count: 0,
            reserved: 0,
            create: Some(create),
            start: None,
            process: Some(process),
            event: None,
            destroy: None,
        }
    }

    fn wrong(change: impl FnOnce(&mut RawPlugin)) -> String {
        let mut raw = good();
        change(&mut raw);
        // SAFETY: the pointers of these tests are null or as weir.h says.
        unsafe { read(&raw) }.err().expect("must be wrong")
    }

    fn an_option(name: &'static CStr, ty: u32, fallback: Option<&'static CStr>) -> RawOption {
        let words = if ty == 7 { c"a|b".as_ptr() } else { null() };
        let fallback = fallback.map_or(null(), CStr::as_ptr);
        RawOption { name: name.as_ptr(), ty, reserved: 0, min: 0, max: 0, words, fallback, help: c"Help".as_ptr() }
    }

    fn wrong_options(options: &'static [RawOption]) -> String {
        wrong(|raw| (raw.options, raw.option_count) = (options.as_ptr(), u32::try_from(options.len()).expect("few")))
    }

    fn leaked<T, const N: usize>(entries: [T; N]) -> &'static [T] {
        Box::leak(Box::new(entries))
    }

    #[test]
    fn the_smallest_description() {
        // SAFETY: as above.
        let d = unsafe { read(&good()) }.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            (d.name, d.summary, d.help, d.role, d.options.len()),
            ("thing-2", "A thing", "", Role::Transform, 0)
        );
    }

    #[test]
    fn names_functions_and_tables_are_checked() {
        for bad in [c"", c"2x", c"Thing", c"a:b", c"a=b", c"\xff", c"a b"] {
            assert!(wrong(|raw| raw.name = bad.as_ptr()).contains("name"), "{bad:?}");
        }
        assert_eq!(wrong(|raw| raw.name = null()), "its name is a null pointer");
        assert_eq!(wrong(|raw| raw.summary = null()), "its summary is a null pointer");
        assert_eq!(wrong(|raw| raw.create = None), "it has no function create");
        assert_eq!(wrong(|raw| raw.process = None), "it has no function process");
        assert_eq!(wrong(|raw| raw.role = 9), "there is no role 9");
        assert_eq!(wrong(|raw| raw.option_count = 1), "its table of options is a null pointer");
        assert_eq!(wrong(|raw| raw.bundle_count = 1), "its table of bundles is a null pointer");
        let many = leaked([an_option(c"x", 0, None)]);
        let too_many = wrong(|raw| (raw.options, raw.option_count) = (many.as_ptr(), u32::MAX));
        assert_eq!(too_many, "it has 4294967295 options, more than the 256 allowed");
        let endless = Box::leak(vec![b'a'; abi::MAX_TEXT + 2].into_boxed_slice());
        *endless.last_mut().expect("not empty") = 0;
        assert_eq!(wrong(|raw| raw.help = endless.as_ptr().cast()), "its help is too long");
    }

    #[test]
    fn options_are_checked() {
        assert!(wrong_options(leaked([an_option(c"a:b", 0, None)])).starts_with("its option name"));
        assert_eq!(
            wrong_options(leaked([an_option(c"x", 0, None), an_option(c"x", 2, None)])),
            "it has the option x twice"
        );
        assert_eq!(
            wrong_options(leaked([an_option(c"x", 11, None)])),
            "its option x has type 11, which does not exist"
        );
        let bad = wrong_options(leaked([an_option(c"x", 7, Some(c"c"))]));
        assert_eq!(bad, "the default of its option x: expected one of a, b");
        let turned = RawOption { min: 2, max: 1, ..an_option(c"x", 1, None) };
        assert_eq!(wrong_options(leaked([turned])), "its option x has a minimum above its maximum");
        let empty = RawOption { words: c"a||b".as_ptr(), ..an_option(c"x", 7, None) };
        assert!(wrong_options(leaked([empty])).contains("empty word"));
        let none = RawOption { words: null(), ..an_option(c"x", 7, None) };
        assert_eq!(wrong_options(leaked([none])), "its list of words is a null pointer");
    }

    #[test]
    fn caps_are_checked() {
        let with = |property: &'static CStr, value: &'static CStr| {
            let caps = leaked([RawCap { property: property.as_ptr(), value: value.as_ptr(), flags: 0, reserved: 0 }]);
            let bundle = RawBundle { inputs: caps.as_ptr(), outputs: null(), input_count: 1, output_count: 0 };
            wrong(|raw| (raw.bundles, raw.bundle_count) = (leaked([bundle]).as_ptr(), 1))
        };
        assert_eq!(with(c"Nope", c"1"), "in its caps, there is no property Nope");
        assert_eq!(with(c"CodecID", c"quux"), "in its caps, property CodecID cannot be \"quux\"");
    }
}
