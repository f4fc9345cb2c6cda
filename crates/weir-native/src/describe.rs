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
