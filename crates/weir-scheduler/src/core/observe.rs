//! What the outside sees: log lines, counters, records.

use std::sync::Arc;

use weir_graph::Graph;
use weir_media::Time;
use weir_plugin::{Level, OutputRecord};

use super::{Core, Slot, State};
use crate::edge::Edge;
use crate::platform::Platform;
use crate::report::{EdgeReport, FilterReport, Log, OutputReport, Report, Snapshot};

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

    /// A filter said how its output is. Those that do not say since when are asked nothing: it is when that was first heard.
    pub(super) fn record(&mut self, i: usize, mut record: OutputRecord) {
        let now = self.platform.now();
        let old = self.nodes[i].record.as_ref();
        if record.since == Time::ZERO {
            record.since = old.filter(|old| old.phase == record.phase).map_or(now, |old| old.since);
        }
        self.nodes[i].record = Some(record);
    }

    /// Counters and records of everything. The tree is costly and asked for only at the end.
    pub(crate) fn snapshot(&mut self, with_tree: bool) -> Snapshot {
        let tree = if with_tree { self.graph.tree() } else { String::new() };
        let output = |s: &Slot| {
            let (id, name) = (s.report.id, s.report.name.clone());
            Some(OutputReport { id, role: s.role, name, record: s.record.clone()? })
        };
        Snapshot {
            at: self.platform.now(),
            filters: self.nodes.iter().map(|s| self.filter_report(s)).collect(),
            outputs: self.nodes.iter().filter_map(output).collect(),
            connections: self.platform.connections(),
            memory: self.memory.used() + self.queued,
            memory_cap: self.memory.cap(),
            utc: self.platform.utc_micros(),
            cpu: self.platform.cpu_time(),
            slips: self.slips.0,
            slipped: self.slips.1,
            settled: self.settled,
            failures: self.failures,
            graph: self.drawn(),
            tree,
        }
    }

    fn filter_report(&self, s: &Slot) -> FilterReport {
        let edge = |(edge, (from, out)): (&Edge, &(usize, weir_plugin::OutId))| EdgeReport {
            from: self.nodes[*from].report.id,
            out: out.0,
            packets: edge.packets(),
            bytes: edge.bytes(),
            dropped: edge.dropped,
        };
        FilterReport {
            is_over: s.state == State::Over,
            dropped: s.inputs.iter().map(|e| e.dropped).sum(),
            queued: s.inputs.iter().map(Edge::packets).sum(),
            inputs: s.inputs.iter().zip(&s.producers).map(edge).collect(),
            ..s.report.clone()
        }
    }

    /// The graph as plain data, made anew only when a filter or a link was added.
    fn drawn(&mut self) -> Arc<weir_graph::Snapshot> {
        let size = (self.nodes.len(), self.nodes.iter().map(|s| s.inputs.len()).sum());
        if self.drawn.0 != size {
            self.drawn = (size, Arc::new(self.graph.snapshot()));
        }
        Arc::clone(&self.drawn.1)
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
