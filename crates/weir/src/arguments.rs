//! What one argument of a declaration means: an option of its filter, of a filter that may be inserted next to it, or
//! something that steers links.

use std::sync::Arc;

use weir_args::property::{self, Assignment};
use weir_args::value::{self, Mismatch, Typed};
use weir_args::{Arg, Diagnostic, Severity, StreamName, redact, source_id, suggest};
use weir_graph::{Given, Source, Steering, check_assignment};
use weir_media::CodecId;
use weir_plugin::{Applied, Kind, Options, Plugin, Registry, Role};

use crate::option_file;

/// Arguments that steer links and not a filter (gpac-semantics 2).
const RESERVED: &[&str] = &[
    "gfreg", "gfloc", "gfopt", "gpac", "N", "FID", "SID", "RSID", "TAG", "ITAG", "FS", "FBT", "FBU", "FBD", "DL", "LT",
    "NCID", "clone", "ccp", "nomux",
];

/// Most packets that a queue may be given.
const MOST_PACKETS: i64 = 1 << 20;

/// Whether a name steers links, whatever the filter.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The arguments of one declaration as they are read.
pub(crate) struct Arguments<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) plugin: &'a dyn Plugin,
    pub(crate) options: Options,
    /// The stream name in its URLs is a key, or not.
    pub(crate) stream_name: StreamName,
    /// `gfloc` has been seen: inserted filters do not hear what follows.
    pub(crate) local: bool,
    /// What was said of links.
    pub(crate) steering: Steering,
    /// `N`: a name to show.
    pub(crate) shown: Option<String>,
    /// `FS`: a sub-session.
    pub(crate) subsession: Option<u32>,
    /// Properties for its PIDs.
    pub(crate) assigned: Vec<Assignment>,
    /// The codec of an encoder, which `ccp` alone means.
    pub(crate) codec: Option<CodecId>,
    /// `gfopt` has been seen: nobody need know what follows.
    pub(crate) unchecked: bool,
    /// Arguments that nobody knows.
    pub(crate) warnings: Vec<Diagnostic>,
    /// Option files that are being read.
    pub(crate) files: usize,
    /// The last option was a secret: what is no option now may be the rest of one with colons.
    pub(crate) after_secret: bool,
}

impl Arguments<'_> {
    /// Applies one argument. Returns what the node keeps of it: several things, when it names an option file.
    pub(crate) fn read(&mut self, arg: &Arg) -> Result<Vec<Given>, Vec<Diagnostic>> {
        let name = arg.name.text.as_str();
        if name.is_empty() {
            return Ok(Vec::new()); // the grammar has said so
        }
        if arg.property().is_some() {
            return self.property(arg).map(|()| Vec::new());
        }
        if is_reserved(name) {
            return self.reserved(arg).map(Vec::from_iter);
        }
        if arg.value.is_none() && option_file::is_file(name) && !self.is_known(name) {
            return self.file(arg);
        }
        self.option(arg).map(Vec::from_iter).map_err(|problem| vec![problem])
    }

    /// Whether this filter, or one that may be inserted next to it, has an option or a word of this name.
    fn is_known(&self, name: &str) -> bool {
        let bare = name.trim_start_matches('!');
        let has = |p: &dyn Plugin| {
            p.options().iter().any(|o| o.name == bare) || words(p.options().iter()).any(|word| word == name)
        };
        has(self.plugin) || self.neighbours().any(|p| has(p.as_ref()))
    }

    /// Applies the arguments in an option file.
    fn file(&mut self, arg: &Arg) -> Result<Vec<Given>, Vec<Diagnostic>> {
        let (path, span) = (arg.name.text.as_str(), arg.name.span);
        if self.files == option_file::DEPTH_MAX {
            return Err(vec![Diagnostic::error(span, format!("{path}: option files are nested too deep"))]);
        }
        let lines = option_file::read(path).map_err(|why| vec![Diagnostic::error(span, why)])?;
        let (mut given, mut problems) = (Vec::new(), Vec::new());
        self.files += 1;
        for line in lines {
            let warned = self.warnings.len();
            let at =
                |d: Diagnostic| Diagnostic { span, message: format!("{path}:{}: {}", line.number, d.message), ..d };
            for inner in &line.args {
                match self.read(inner) {
                    Ok(more) => given.extend(more),
                    Err(found) => problems.extend(found.into_iter().map(at)),
                }
            }
            let warnings = self.warnings.split_off(warned);
            self.warnings.extend(warnings.into_iter().map(at));
        }
        self.files -= 1;
        if problems.is_empty() { Ok(given) } else { Err(problems) }
    }

    fn option(&mut self, arg: &Arg) -> Result<Option<Given>, Diagnostic> {
        let name = arg.name.text.as_str();
        let mut given = Given { local: self.local, ..Given::new(name, arg.value_str()) };
        match self.options.apply(name, arg.value_str()) {
            Ok(Applied::Option(index)) => {
                given.secret = self.options.table()[index].kind == Kind::Secret;
                self.after_secret = given.secret;
                if matches!(name, "src" | "dst") {
                    given.value = given.value.map(|url| redact(&url, self.stream_name));
                }
                Ok(Some(given))
            }
            Err(mismatch) => Err(mismatched(arg, &mismatch, self.plugin)),
            Ok(Applied::Unknown) => self.for_neighbours(arg).map(|known| known.then_some(given)),
        }
    }

    /// `#NAME=VALUE`.
    fn property(&mut self, arg: &Arg) -> Result<(), Vec<Diagnostic>> {
        let name = arg.name.part(1..arg.name.text.len());
        let assignment = property::parse(&name, arg.value.as_ref())?;
        let span = arg.value.as_ref().map_or(name.span, |v| v.span);
        check_assignment(&assignment)
            .map_err(|why| vec![Diagnostic::error(span, format!("#{}: {why}", assignment.name))])?;
        self.assigned.push(assignment);
        Ok(())
    }

    fn reserved(&mut self, arg: &Arg) -> Result<Option<Given>, Vec<Diagnostic>> {
        let name = arg.name.text.as_str();
        let text = || match arg.value_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(vec![Diagnostic::error(arg.span(), format!("{name}: expected a name"))]),
        };
        match name {
            "gfreg" => return Ok(Some(Given::new(name, Some(&text()?)))),
            "N" => self.shown = Some(text()?),
            "FID" => self.steering.id = Some(text()?),
            "TAG" => self.steering.tag = Some(text()?),
            "ITAG" => self.steering.inherited_tag = Some(text()?),
            "SID" => {
                let given =
                    arg.value.clone().unwrap_or_else(|| arg.name.part(arg.name.text.len()..arg.name.text.len()));
                self.steering.sources = Some(source_id::parse(&given)?.into_iter().map(Source::from).collect());
            }
            "RSID" => self.steering.explicit_only = yes(arg)?,
            "clone" => self.steering.cloning = Some(yes(arg)?),
            "nomux" => self.steering.copies = Some(yes(arg)?),
            "ccp" => self.steering.passes = self.passes(arg)?,
            "FS" => self.subsession = Some(u32::try_from(number(arg, u32::MAX.into())?).unwrap_or(u32::MAX)),
            "FBT" | "FBD" | "FBU" => buffer(arg, &mut self.steering)?,
            "LT" => {
                let error = Diagnostic::error(arg.span(), "LT: a filter has no log of its own here");
                return Err(vec![error.help(format!("write -logs={}@debug", self.plugin.name()))]);
            }
            "DL" | "NCID" => return Err(vec![Diagnostic::error(arg.span(), format!("{name} has no meaning here"))]),
            "gfopt" => self.unchecked = true,
            _ => self.local |= name == "gfloc",
        }
        Ok(None)
    }

    /// The codecs in `ccp=a,b`; without any, the encoder's own.
    fn passes(&self, arg: &Arg) -> Result<Vec<CodecId>, Vec<Diagnostic>> {
        let Some(text) = arg.value_str() else { return Ok(self.codec.into_iter().collect()) };
        let codec = |name: &str| {
            let unknown = || Diagnostic::error(arg.span(), format!("ccp: there is no codec called {name}"));
            CodecId::from_name(name).ok_or_else(|| vec![unknown()])
        };
        text.split(',').map(codec).collect()
    }

    /// Whether a filter which may be inserted next to this one knows the argument. One that nobody knows is warned about,
    /// as in GPAC, unless it stands behind `gfopt`: it changes nothing.
    fn for_neighbours(&mut self, arg: &Arg) -> Result<bool, Diagnostic> {
        let name = arg.name.text.as_str();
        let mut refused = None;
        for other in self.neighbours() {
            match Options::defaults(other.options()).apply(name, arg.value_str()) {
                Ok(Applied::Option(_)) => return Ok(true),
                Ok(Applied::Unknown) => {}
                Err(mismatch) => refused = Some(mismatched(arg, &mismatch, other.as_ref())),
            }
        }
        let problem = refused.unwrap_or_else(|| self.unknown(arg));
        if problem.severity == Severity::Error {
            return Err(problem);
        }
        if !self.unchecked {
            self.warnings.push(problem);
        }
        Ok(false)
    }

    /// Filters that hear arguments of this one.
    fn neighbours(&self) -> impl Iterator<Item = &Arc<dyn Plugin>> {
        let insertable =
            |p: &&Arc<dyn Plugin>| !self.local && !p.explicit_only() && !matches!(p.role(), Role::Source | Role::Sink);
        self.registry.iter().filter(insertable)
    }

    fn unknown(&self, arg: &Arg) -> Diagnostic {
        let (plugin, name) = (self.plugin.name(), arg.name.text.as_str());
        let own = || self.plugin.options().iter();
        let theirs = self.neighbours().flat_map(|p| p.options());
        let near = suggest(name, own().chain(theirs).map(|o| o.name).chain(words(own())));
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            // Not named: it may be a part of the secret.
            None if self.after_secret => {
                return Diagnostic::error(arg.name.span, format!("what follows this colon is no option of {plugin}"))
                    .help("a value with colons in it needs two before its name, as in ::key=a:b");
            }
            None => format!("weir -h {plugin} lists its options"),
        };
        Diagnostic::warning(arg.name.span, format!("{plugin} has no option {name}")).help(help)
    }
}

/// Whether a name bounds the queues in front of a filter.
pub(crate) fn is_buffer(name: &str) -> bool {
    matches!(name, "FBT" | "FBD" | "FBU")
}

/// Takes a bound of queues: `FBT` and `FBD` in microseconds, `FBU` in packets.
pub(crate) fn buffer(arg: &Arg, steering: &mut Steering) -> Result<(), Vec<Diagnostic>> {
    if arg.name.text == "FBU" {
        steering.buffer_packets = usize::try_from(number(arg, MOST_PACKETS)?).ok();
    } else {
        steering.buffer_micros = u64::try_from(number(arg, i64::MAX)?).ok();
    }
    Ok(())
}

/// A yes or no.
fn yes(arg: &Arg) -> Result<bool, Vec<Diagnostic>> {
    match value::parse(Kind::Bool, arg.value_str()) {
        Ok(Typed::Bool(yes)) => Ok(yes),
        _ => Err(vec![Diagnostic::error(arg.span(), format!("{}: expected yes or no", arg.name.text))]),
    }
}

/// A whole number from 0 on.
fn number(arg: &Arg, max: i64) -> Result<i64, Vec<Diagnostic>> {
    match value::parse(Kind::Int { min: 0, max }, arg.value_str()) {
        Ok(Typed::Int(n)) => Ok(n),
        Ok(_) => unreachable!("a whole number was asked for"),
        Err(mismatch) => Err(vec![Diagnostic::error(arg.span(), format!("{}: {mismatch}", arg.name.text))]),
    }
}

/// Words that may stand alone for an option.
fn words<'a>(options: impl Iterator<Item = &'a weir_plugin::OptionDef>) -> impl Iterator<Item = &'static str> {
    options
        .flat_map(|o| match o.kind {
            Kind::Enum(words) => words,
            _ => &[],
        })
        .copied()
}

/// A value that does not fit.
fn mismatched(arg: &Arg, mismatch: &Mismatch, plugin: &dyn Plugin) -> Diagnostic {
    let span = arg.value.as_ref().map_or(arg.name.span, |v| v.span);
    let error = Diagnostic::error(span, format!("{}: {mismatch}", arg.name.text));
    let option = plugin.options().iter().filter(|o| o.name == arg.name.text);
    match suggest(arg.value_str().unwrap_or_default(), words(option)) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error,
    }
}
