//! What the outside sees: log lines, counters, records.

use weir_graph::Graph;
use weir_plugin::Level;

use super::{Core, Slot};
use crate::edge::Edge;
use crate::platform::Platform;
use crate::report::{FilterReport, Log, OutputReport, Report, Snapshot};

impl<P: Platform> Core<P> {
    /// The node of a failure at start.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Says once which declared filters get nothing, and shows the graph to those who want to see it. Not called before
    /// the graph has had time to form: demuxers open one output after the other.
    pub(crate) fn tell_graph(&mut self) {
        if !self.settled {
            return;
        }
        let waits = self.waits_for_sources();
        if !waits {
            self.fail_empty_outputs();
        }
        for (id, why) in self.graph.unreached().into_iter().filter(|_| !waits) {
            let i = id.index();
            if !std::mem::replace(&mut self.nodes[i].noted, true) {
                let why = why.unwrap_or_else(|| "nothing that it takes comes to it".to_owned());
                self.log_node(i, Level::Warning, format!("is not used: {why}"));
            }
        }
        if self.log_level >= Level::Info {
            let tree = self.graph.tree();
            if tree != self.told {
                self.log(Level::Info, "graph", tree.trim_end().to_owned());
                self.told = tree;
            }
        }
    }

    /// Counters and records of everything. The tree is costly and asked for only at the end.
    pub(crate) fn snapshot(&self, with_tree: bool) -> Snapshot {
        let tree = if with_tree { self.graph.tree() } else { String::new() };
        let filter = |s: &Slot| FilterReport {
            dropped: s.inputs.iter().map(|e| e.dropped).sum(),
            queued: s.inputs.iter().map(Edge::packets).sum(),
            ..s.report.clone()
        };
        let output = |s: &Slot| Some(OutputReport { name: s.report.name.clone(), record: s.record.clone()? });
        Snapshot {
            at: self.platform.now(),
            filters: self.nodes.iter().map(filter).collect(),
            outputs: self.nodes.iter().filter_map(output).collect(),
            connections: self.platform.connections(),
            memory: self.memory.used() + self.queued,
            tree,
        }
    }

    pub(crate) fn report(&self, report: Report) {
        // A slow reader loses reports; the reactor never waits for one.
        let _ = self.reports.try_send(report);
    }

    pub(crate) fn log(&self, level: Level, topic: &str, line: String) {
        if level <= self.log_level {
            let at = self.platform.now();
            self.report(Report::Log(Log { level, topic: topic.to_owned(), line, at }));
        }
    }

    pub(super) fn log_node(&self, i: usize, level: Level, line: String) {
        self.log(level, &self.nodes[i].report.name, line);
    }
}
