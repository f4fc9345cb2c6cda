//! Runs `mp4dmx` on files and on bytes.

use std::io::Write;
use std::path::PathBuf;

use weir_media::{Packet, Prop, Props, StreamType};
use weir_plugin::harness::Harness;
use weir_plugin::{Create, Error, Filter, Level, Memory, Options, OutId, Registry, Result};

/// Everything that came out of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) props: Vec<Vec<Props>>,
    pub(crate) packets: Vec<Vec<Packet>>,
    pub(crate) warnings: Vec<String>,
}

/// The filter with these options.
pub(crate) fn filter(options: &[(&str, &str)]) -> Result<Box<dyn Filter>> {
    let mut registry = Registry::new();
    weir_demux_mp4::register(&mut registry);
    let plugin = registry.get("mp4dmx").expect("registered");
    let mut values = Options::defaults(plugin.options());
    for (name, value) in options {
        values.apply(name, Some(value)).expect("a good option");
    }
    plugin.create(Create { options: values, bundle: None, memory: Memory::new(1 << 30) })
}

/// A harness around the filter for the file at `path`, not yet run.
pub(crate) fn harness(path: &str, options: &[(&str, &str)]) -> Result<Harness> {
    let mut harness = Harness::new(filter(options)?);
    let file = Props::new().with(Prop::StreamType, StreamType::File).with(Prop::FileExt, "mp4");
    harness.input(file.with(Prop::FilePath, path));
    Ok(harness)
}

/// Runs the filter to its end.
pub(crate) fn run_path(path: &str, options: &[(&str, &str)]) -> Result<Run> {
    let mut harness = harness(path, options)?;
    harness.finish()?;
    Ok(collect(&mut harness))
}

/// What a harness holds by now.
pub(crate) fn collect(harness: &mut Harness) -> Run {
    let outs = harness.outputs().len();
    assert!(harness.outputs().iter().all(|out| out.ended), "every output ends");
    let props = harness.outputs().iter().map(|out| out.props.clone()).collect();
    let packets = (0..outs).map(|i| harness.take(OutId(i as u32))).collect();
    let warning = |(level, line): &(Level, String)| (*level == Level::Warning).then(|| line.clone());
    let warnings = harness.logs.iter().filter_map(warning).collect();
    Run { props, packets, warnings }
}

/// Path of a committed file.
pub(crate) fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a committed file.
pub(crate) fn run(name: &str, options: &[(&str, &str)]) -> Result<Run> {
    run_path(&data(name), options)
}

/// A file that goes away with the test.
pub(crate) struct TempFile(PathBuf);

impl TempFile {
    /// A file of these bytes. `name` is unique among those of a test.
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let thread = std::thread::current().id();
        let path = std::env::temp_dir().join(format!("weir-mp4dmx-{}-{thread:?}-{name}", std::process::id()));
        let mut file = std::fs::File::create(&path).expect("the temporary directory is writable");
        file.write_all(bytes).expect("there is room");
        Self(path)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("plain names")
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs a file of these bytes.
pub(crate) fn run_bytes(name: &str, bytes: &[u8], options: &[(&str, &str)]) -> std::result::Result<Run, Error> {
    run_path(TempFile::new(name, bytes).path(), options)
}
