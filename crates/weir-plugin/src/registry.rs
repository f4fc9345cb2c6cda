//! What a filter type is ([`Plugin`]) and the list of those a session can use ([`Registry`]).

use std::sync::Arc;

use weir_media::Bundle;

use crate::{Change, Error, Filter, Memory, OptionDef, Options, Result};

/// Where a filter stands in a graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// No inputs.
    Source,
    /// Inputs and outputs.
    Transform,
    /// A transform that joins many inputs into one file stream.
    Mux,
    /// A transform that turns a codec into raw media.
    Decoder,
    /// A transform that turns raw media into a codec; chosen by `c=CODEC`.
    Encoder,
    /// No outputs.
    Sink,
}

/// Which threads run a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// The event loop: network and cheap work. A call takes well under a millisecond.
    Reactor,
    /// A worker of the pool: codecs. A call may take some milliseconds.
    Compute,
    /// A thread of its own: disk and name look-up. A call may hang; the filter is then given up.
    Blocking,
}

/// How well a source or sink fits a URL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Score {
    /// Not at all.
    No,
    /// If nobody else does.
    Maybe,
    /// Yes.
    Yes,
}

/// What a filter is made with.
#[derive(Debug)]
pub struct Create {
    /// Option values.
    pub options: Options,
    /// The bundle the resolver chose, when it inserted the filter to give certain output caps.
    pub bundle: Option<Bundle>,
    /// The process-wide memory account.
    pub memory: Memory,
}

/// A filter type: static facts and a factory. One per register name.
pub trait Plugin: Send + Sync {
    /// Register name, as typed: lower case, no separators of the grammar.
    fn name(&self) -> &'static str;

    /// One line for lists, no trailing period.
    fn summary(&self) -> &'static str;

    /// Paragraphs for `-h NAME` and the docs page.
    fn help(&self) -> &'static str {
        ""
    }

    /// Where it stands.
    fn role(&self) -> Role;

    /// Which threads run it.
    fn lane(&self) -> Lane;

    /// Option table.
    fn options(&self) -> &'static [OptionDef];

    /// Capabilities of an instance with these options. Pure.
    fn caps(&self, options: &Options) -> Vec<Bundle>;

    /// Inputs one instance takes; further ones make a clone.
    fn max_inputs(&self) -> usize {
        match self.role() {
            Role::Source => 0,
            Role::Transform | Role::Decoder | Role::Encoder | Role::Sink => 1,
            Role::Mux => usize::MAX,
        }
    }

    /// Preferred among equals when smaller.
    fn priority(&self) -> u8 {
        0
    }

    /// Never inserted by the resolver.
    fn explicit_only(&self) -> bool {
        false
    }

    /// For sources (`-i`) and sinks (`-o`): how well it fits a URL. Pure; looks at the text only. The URL then goes to
    /// the option `src` or `dst`.
    fn claims(&self, url: &str) -> Score {
        let _ = url;
        Score::No
    }

    /// Whether an instance with these options is live: it follows, or serves people who follow, the clock. A source that
    /// is live has a clock of its own: what it sends goes on as it comes, and nobody waits for its first packet.
    fn is_live(&self, options: &Options) -> bool {
        let _ = options;
        false
    }

    /// For sources: outputs are named after streams (`$stream$`), so an instance is to take several of them, as far as the
    /// user has left that open. Changes `options`.
    fn take_many_streams(&self, options: &mut Options) {
        let _ = options;
    }

    /// Whether an instance with these options opens and ends outputs for as long as it runs, as somebody begins and ceases
    /// to send. It is not over when nobody listens to those it has.
    fn comes_and_goes(&self, options: &Options) -> bool {
        let _ = options;
        false
    }

    /// Whether the properties of its inputs are to say which declared source they come from
    /// ([`Prop::Source`](weir_media::Prop::Source)).
    fn tells_sources_apart(&self) -> bool {
        false
    }

    /// Whether time begins with what it gives: what it takes is not paced, and waits until it takes it. For a filter
    /// that plays listed sources in turn.
    fn begins_time(&self) -> bool {
        false
    }

    /// Whether the session is to wait for an instance with these options. Never in a live session: that is refused before
    /// anything starts.
    fn is_waited_for(&self, options: &Options) -> bool {
        let _ = options;
        false
    }

    /// What it means to the session when an instance with these options fails.
    fn on_fail(&self, options: &Options) -> OnFail {
        let _ = options;
        OnFail::Count
    }

    /// Whether a running instance with these options can take a change. `names` are the options that a
    /// [`Change::Options`] gives new values. Pure, and asked before the change is made, so that a bad one changes nothing.
    ///
    /// # Errors
    /// Why not; by default because it takes none.
    fn check_change(&self, options: &Options, change: &Change, names: &[&str]) -> Result<()> {
        let _ = (options, change, names);
        Err(Error::unsupported(format!("{} cannot do that", self.name())))
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// When an option value or a combination cannot be used.
    fn create(&self, with: Create) -> Result<Box<dyn Filter>>;
}

/// What the failure of a filter means to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFail {
    /// The others go on, and in the end the session has failed.
    #[default]
    Count,
    /// The others go on, as if it had ended.
    Ignore,
    /// The session ends.
    Stop,
}

/// The filter types a session can use, in registration order.
#[derive(Clone, Default)]
pub struct Registry {
    plugins: Vec<Arc<dyn Plugin>>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a filter type. A type of the same name is replaced in its place.
    pub fn register(&mut self, plugin: impl Plugin + 'static) {
        self.register_arc(Arc::new(plugin));
    }

    /// As [`Registry::register`], for a shared plugin.
    pub fn register_arc(&mut self, plugin: Arc<dyn Plugin>) {
        match self.plugins.iter_mut().find(|p| p.name() == plugin.name()) {
            Some(slot) => *slot = plugin,
            None => self.plugins.push(plugin),
        }
    }

    /// The type of a register name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Plugin>> {
        self.plugins.iter().find(|p| p.name() == name)
    }

    /// All types in registration order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Plugin>> {
        self.plugins.iter()
    }
}
