//! `flist`: plays files one after another, as one stream.
//!
//! The files are sources of the graph in front of it, which are declared where the list is read. This filter takes from one
//! of them at a time, the others wait. It never decodes, and never looks into a list.

mod list;

use weir_media::{Bundle, Cap, Prop, StreamType};
use weir_plugin::{Create, Filter, Kind, Lane, OptionDef, Options, Plugin, Registry, Result, Role};

/// Adds `flist` to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(ListType);
}

const OPTIONS: &[OptionDef] = &[
    OptionDef::new("src", Kind::Str, "", "List to play: a text with a file a line"),
    OptionDef::new("srcs", Kind::Strs, "", "Files to play, in order; * and ? in a name stand for what is there"),
    OptionDef::new("floop", Kind::Int { min: -1, max: i64::MAX }, "0", "Times to play the list again; -1 for ever"),
    OptionDef::new(
        "fsort",
        Kind::Enum(&["no", "name", "size", "date", "datex"]),
        "no",
        "Order of the files, the newest \
         last; datex: the newest first",
    ),
];

struct ListType;

impl Plugin for ListType {
    fn name(&self) -> &'static str {
        "flist"
    }

    fn summary(&self) -> &'static str {
        "Plays files one after another"
    }

    fn help(&self) -> &'static str {
        "flist:srcs=a.mp4,b.flv, or -i list.m3u: a text with a file a line, named from the folder of the list, in which lines \
         with # in front are comments, and # repeat=2 plays the file behind it twice more. Each file begins where the one \
         before ended on its longest stream. What is put out has a place for each stream that a file has, kind by \
         kind; the streams of the next file go on there, and need the same codec. Nothing is encoded again: outputs are told when parameters differ. \
         A file that is not there is left out with a warning. All files are opened at the start, 100 at most."
    }

    fn role(&self) -> Role {
        Role::Transform
    }

    fn lane(&self) -> Lane {
        Lane::Reactor
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let whole = |ty| [Cap::is(Prop::StreamType, ty), Cap::not(Prop::Unframed, true)];
        [StreamType::Visual, StreamType::Audio].map(|ty| Bundle::new(whole(ty), whole(ty))).to_vec()
    }

    fn max_inputs(&self) -> usize {
        usize::MAX
    }

    fn explicit_only(&self) -> bool {
        true
    }

    fn tells_sources_apart(&self) -> bool {
        true
    }

    fn begins_time(&self) -> bool {
        true
    }

    fn create(&self, with: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(list::List::new(&with.options)))
    }
}
