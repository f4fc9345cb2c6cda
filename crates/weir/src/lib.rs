//! weir as a library: the filters that come with it, and a session from the words of a command line.
//!
//! ```no_run
//! let words: Vec<String> = ["avgen:dur=5", "c=avc", "c=aac", "-o", "out.flv"].map(String::from).into();
//! let parsed = weir::args::parse(&words);
//! let built = weir::build(&parsed, &weir::registry()).expect("good words");
//! let session = weir::Session::start(built.graph, weir::Config::default()).expect("starts");
//! let outcome = session.run().expect("the event queue works");
//! assert_eq!(outcome.failures, 0);
//! ```
//!
//! The facade only joins the parts: it holds no logic of graphs, media or protocols.

mod arguments;
mod build;
mod choose;
mod option_file;
mod places;
mod playlist;
mod registry;
mod secrets;

pub use build::{Built, build, build_with};
pub use places::Places;
pub use registry::registry;
pub use secrets::secrets;
pub use weir_args as args;
pub use weir_graph::{EdgeShot, Given, Global, Graph, Node, NodeShot, Rules, Snapshot as GraphSnapshot, Unused};
pub use weir_native::load as load_native;
pub use weir_plugin as plugin;
pub use weir_scheduler::{
    Config, Control, EdgeReport, FilterReport, Log, Order, Outcome, OutputReport, Planned, Report, Reports, Session,
    Snapshot, StartError, What,
};
pub use weir_spec as spec;
pub use weir_status as status;
