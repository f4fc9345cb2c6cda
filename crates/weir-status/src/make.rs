//! [`Maker`]: counters of a session to a [`Status`], with what only a look back tells: rates, and whether bytes move.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use weir_graph::{EdgeShot, NodeShot, Snapshot as GraphSnapshot};
use weir_plugin::{OutputRecord, Phase as Was, Role};
use weir_scheduler::{FilterReport, OutputReport, Snapshot};

use crate::model::{
    Cost, Drops, EdgeStatus, Failure, FilterStatus, Graph, GraphLink, GraphNode, OutputStatus, Phase, SessionStatus,
    Status,
};
use crate::words::words;

/// An output is called live only when a byte moved in so many seconds: a picture is due far more often.
const STALLED_AFTER: f64 = 3.0;
/// Rates are over at least this time, in seconds, so that they do not jump about.
const RATE_OVER: f64 = 2.0;
/// Values that a rate is told from.
const RATE_POINTS: usize = 8;

/// Makes the states of one session, one after the other.
pub struct Maker {
    version: String,
    clean: Box<dyn Fn(&str) -> String + Send>,
    /// Wall clock less session clock at the first snapshot, in seconds.
    started: Option<f64>,
    cpu: Rate,
    sent: BTreeMap<u64, Rate>,
    busy: BTreeMap<u64, Rate>,
    outputs: BTreeMap<u64, Rate>,
}

impl Maker {
    /// One that says it is `version`, and passes every text through `clean`.
    #[must_use]
    pub fn new(version: &str, clean: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self {
            version: version.to_owned(),
            clean: Box::new(clean),
            started: None,
            cpu: Rate::default(),
            sent: BTreeMap::new(),
            busy: BTreeMap::new(),
            outputs: BTreeMap::new(),
        }
    }

    /// A text without secrets.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        (self.clean)(text)
    }

    /// The state a snapshot shows.
    pub fn status(&mut self, s: &Snapshot) -> Status {
        let at = seconds_of(s.at.as_micros());
        let reached = reached(&s.filters, &s.outputs);
        let (inputs, outputs): (Vec<_>, Vec<_>) = s.outputs.iter().partition(|o| o.role == Role::Source);
        Status {
            session: self.session(s, at),
            filters: s.filters.iter().map(|f| self.filter(f, at)).collect(),
            edges: s.filters.iter().flat_map(edges).collect(),
            inputs: inputs.into_iter().map(|o| self.output(o, s, at, &reached)).collect(),
            outputs: outputs.into_iter().map(|o| self.output(o, s, at, &reached)).collect(),
        }
    }

    fn session(&mut self, s: &Snapshot, at: f64) -> SessionStatus {
        let wall = seconds_of(s.utc);
        let started = *self.started.get_or_insert(wall - at);
        SessionStatus {
            version: self.version.clone(),
            started_seconds: started,
            uptime_seconds: at,
            settled: s.settled,
            failures: count(s.failures),
            cpu_seconds: s.cpu.as_secs_f64(),
            cpu_cores: self.cpu.add(at, s.cpu.as_secs_f64()),
            memory_bytes: resident(),
            media_bytes: count(s.memory),
            media_limit_bytes: count(s.memory_cap),
            connections: count(s.connections),
            clock_drift_seconds: wall - at - started,
            clock_slips: s.slips,
            clock_slipped_seconds: s.slipped.as_secs_f64(),
        }
    }

    fn filter(&mut self, f: &FilterReport, at: f64) -> FilterStatus {
        let id = count(f.id);
        let sent = self.sent.entry(id).or_default().add(at, f.bytes_out as f64);
        self.busy.entry(id).or_default().add(at, f.busy.as_secs_f64());
        FilterStatus {
            id,
            name: f.name.clone(),
            ended: f.is_over,
            calls: f.calls,
            process_seconds: f.busy.as_secs_f64(),
            longest_seconds: f.longest.as_secs_f64(),
            overruns: f.overruns,
            packets_in: f.packets_in,
            bytes_in: f.bytes_in,
            packets_out: f.packets_out,
            bytes_out: f.bytes_out,
            bitrate_out: bits(sent),
            dropped: f.dropped,
            queue_packets: count(f.queued),
            error: f.error.as_deref().map(|e| self.clean(e)),
        }
    }

    fn output(&mut self, o: &OutputReport, s: &Snapshot, at: f64, reached: &Reached) -> OutputStatus {
        let r = &o.record;
        let id = count(o.id);
        let moved = self.outputs.entry(id).or_default();
        let bitrate = bits(moved.add(at, r.bytes as f64));
        let still = at - moved.changed;
        let since = at - seconds_of(r.since.as_micros());
        let (phase, phase_seconds) = match phase(r.phase) {
            Phase::Live if still > STALLED_AFTER && since > STALLED_AFTER => (Phase::Stalled, still),
            phase => (phase, since),
        };
        let queued: usize = s.filters.iter().filter(|f| f.id == o.id).flat_map(|f| &f.inputs).map(|e| e.bytes).sum();
        let node = s.graph.nodes.iter().find(|n| n.id == o.id);
        let mut output = OutputStatus {
            id,
            name: o.name.clone(),
            filter: node.map_or_else(String::new, |n| n.filter.clone()),
            url: self.clean(&r.target),
            phase,
            phase_seconds: phase_seconds.max(0.0),
            players: r.players.into(),
            players_total: r.players_total,
            refused: r.refused,
            bytes: r.bytes,
            acked_bytes: r.acked,
            bitrate: if matches!(phase, Phase::Live | Phase::Draining) { bitrate } else { 0 },
            lag_seconds: r.lag.as_secs_f64(),
            queue_bytes: r.queued + count(queued),
            kept_bytes: r.kept,
            drops: drops(r),
            peer: r.peer.map(|peer| peer.to_string()),
            rtt_seconds: r.rtt.map(|rtt| rtt.as_secs_f64()),
            retransmits: r.retransmits.into(),
            attempts: r.attempts.into(),
            last_error: self.last_error(o, s),
            next_retry_seconds: r.next_retry.map(|then| (seconds_of(then.as_micros()) - at).max(0.0)),
            cost: Cost { bytes: r.bytes, memory_bytes: r.kept + count(queued), ..self.cost(o.id, s, reached) },
            words: String::new(),
        };
        output.words = words(&output);
        output
    }

    /// What went wrong: why the filter failed, or else what its record says.
    fn last_error(&self, o: &OutputReport, s: &Snapshot) -> Option<Failure> {
        let failed = s.filters.iter().find(|f| f.id == o.id).and_then(|f| f.error.as_ref());
        let (text, at) = match (failed, &o.record.last_error) {
            (Some(text), _) => (text, o.record.since),
            (None, Some((text, at))) => (text, *at),
            (None, None) => return None,
        };
        Some(Failure { text: self.clean(text), at_seconds: seconds_of(at.as_micros()) })
    }

    /// The part of the work of all filters that is done for one output. Calls are timed by the clock on the wall; where
    /// they had to wait for a processor, no more is told than the process has used.
    fn cost(&self, output: usize, s: &Snapshot, reached: &Reached) -> Cost {
        let mut cost = Cost::default();
        let (mut all_seconds, mut all_cores) = (0.0, 0.0);
        for f in &s.filters {
            let (seconds, cores) = (f.busy.as_secs_f64(), self.busy.get(&count(f.id)).map_or(0.0, Rate::per_second));
            (all_seconds, all_cores) = (all_seconds + seconds, all_cores + cores);
            let Some(outputs) = reached.get(&f.id).filter(|outputs| outputs.contains(&output)) else { continue };
            let part = outputs.len() as f64;
            cost.cpu_seconds += seconds / part;
            cost.cpu_cores += cores / part;
        }
        cost.cpu_seconds *= most(s.cpu.as_secs_f64(), all_seconds);
        cost.cpu_cores *= most(self.cpu.per_second(), all_cores);
        cost
    }
}

/// By what to multiply parts of `whole` so that they add up to no more than `used`.
fn most(used: f64, whole: f64) -> f64 {
    if whole > used { used / whole } else { 1.0 }
}

/// Outputs behind each filter.
type Reached = BTreeMap<usize, BTreeSet<usize>>;

/// For each filter the outputs it works for, itself included.
fn reached(filters: &[FilterReport], outputs: &[OutputReport]) -> Reached {
    let mut reached = Reached::new();
    for output in outputs.iter().filter(|o| o.role != Role::Source) {
        let mut open = vec![output.id];
        while let Some(id) = open.pop() {
            if reached.entry(id).or_default().insert(output.id) {
                let before = filters.iter().filter(|f| f.id == id).flat_map(|f| &f.inputs).map(|e| e.from);
                open.extend(before);
            }
        }
    }
    reached
}

fn edges(f: &FilterReport) -> impl Iterator<Item = EdgeStatus> + use<'_> {
    let to = count(f.id);
    f.inputs.iter().map(move |e| EdgeStatus {
        from: count(e.from),
        out: e.out,
        to,
        packets: count(e.packets),
        bytes: count(e.bytes),
        dropped: e.dropped,
    })
}

fn drops(r: &OutputRecord) -> Drops {
    let weir_plugin::Drops { disposable, video, audio, data } = r.drops;
    Drops { total: r.dropped, disposable, video, audio, data }
}

fn phase(was: Was) -> Phase {
    match was {
        Was::Starting => Phase::Starting,
        Was::Listening => Phase::Listening,
        Was::Resolving => Phase::Resolving,
        Was::Connecting => Phase::Connecting,
        Was::Securing => Phase::Securing,
        Was::Handshaking => Phase::Handshaking,
        Was::Publishing => Phase::Publishing,
        Was::Requesting => Phase::Requesting,
        Was::Waiting => Phase::Waiting,
        Was::Paused => Phase::Paused,
        Was::Live => Phase::Live,
        Was::Draining => Phase::Draining,
        Was::Ended => Phase::Ended,
        Was::Failed => Phase::Failed,
    }
}

impl Graph {
    /// The graph as data of the API.
    #[must_use]
    pub fn of(graph: &GraphSnapshot, clean: impl Fn(&str) -> String) -> Self {
        let node = |n: &NodeShot| GraphNode {
            id: count(n.id),
            filter: n.filter.clone(),
            name: n.name.clone(),
            inserted: n.inserted,
            clone_of: n.clone_of.map(count),
            args: n.args.iter().map(|a| clean(a)).collect(),
        };
        let link = |e: &EdgeShot| GraphLink {
            from: count(e.from),
            to: count(e.to),
            pid: e.pid.clone(),
            r#type: e.ty.to_owned(),
            codec: e.codec.to_owned(),
            unframed: e.unframed,
        };
        Self { nodes: graph.nodes.iter().map(node).collect(), edges: graph.edges.iter().map(link).collect() }
    }
}

/// The last values of a counter, to tell how fast it grows.
#[derive(Default)]
struct Rate {
    values: Vec<(f64, f64)>,
    /// When it last grew.
    changed: f64,
}

impl Rate {
    /// Takes a value; how much it grows per second.
    fn add(&mut self, at: f64, value: f64) -> f64 {
        if self.values.last().is_none_or(|(_, last)| value > *last) {
            self.changed = at;
        }
        self.values.push((at, value));
        // The first one left is the youngest that is old enough.
        let old = self.values.iter().rposition(|(then, _)| at - then >= RATE_OVER).unwrap_or(0);
        let old = old.max(self.values.len().saturating_sub(RATE_POINTS));
        self.values.drain(..old);
        self.per_second()
    }

    fn per_second(&self) -> f64 {
        match (self.values.first(), self.values.last()) {
            (Some((from, before)), Some((to, now))) if to > from => ((now - before) / (to - from)).max(0.0),
            _ => 0.0,
        }
    }
}

/// Resident memory of this process.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    Some(kib.trim().parse::<u64>().ok()? * 1024)
}

fn seconds_of(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

fn count(n: usize) -> u64 {
    n as u64
}

/// Whole bits of a rate in bytes.
fn bits(bytes_per_second: f64) -> u64 {
    (bytes_per_second * 8.0) as u64
}

#[cfg(test)]
mod tests {
    use weir_media::Time;
    use weir_scheduler::EdgeReport;

    use super::*;

    fn filter(id: usize, before: &[usize], busy_millis: u64) -> FilterReport {
        let edge = |from: &usize| EdgeReport { from: *from, bytes: 10, ..EdgeReport::default() };
        FilterReport {
            id,
            name: format!("f{id}"),
            busy: Duration::from_millis(busy_millis),
            inputs: before.iter().map(edge).collect(),
            ..FilterReport::default()
        }
    }

    fn output(id: usize, bytes: u64) -> OutputReport {
        let record = OutputRecord { phase: Was::Live, target: "x.flv".into(), bytes, ..OutputRecord::default() };
        OutputReport { id, role: Role::Sink, name: format!("f{id}"), record }
    }

    /// A source, an encoder that two outputs share, and a muxer that only the second has.
    fn snapshot(millis: u64, bytes: u64) -> Snapshot {
        Snapshot {
            at: Time::from_millis(millis),
            utc: 1_000_000_000 + millis * 1000,
            cpu: Duration::from_secs(1),
            filters: vec![
                filter(1, &[], 100),
                filter(2, &[1], 300),
                filter(3, &[2], 10),
                filter(4, &[2], 20),
                filter(5, &[4], 5),
            ],
            outputs: vec![output(3, bytes), output(5, 7)],
            ..Snapshot::default()
        }
    }

    fn maker() -> Maker {
        Maker::new("1", str::to_owned)
    }

    #[test]
    fn shared_work_is_divided_and_own_work_is_not() {
        let status = maker().status(&snapshot(1_000, 1));
        let costs: Vec<f64> = status.outputs.iter().map(|o| o.cost.cpu_seconds).collect();
        assert!((costs[0] - 0.210).abs() < 1e-9 && (costs[1] - 0.225).abs() < 1e-9, "{costs:?}");
        let all: f64 = status.filters.iter().map(|f| f.process_seconds).sum();
        assert!((costs.iter().sum::<f64>() - all).abs() < 1e-9, "all work is somebody's");
        assert_eq!(status.edges.len(), 4);
        assert_eq!(status.outputs[0].queue_bytes, 10);
    }

    #[test]
    fn all_outputs_together_cost_no_more_than_was_used() {
        let mut busy = snapshot(1_000, 1);
        busy.cpu = Duration::from_millis(87);
        let status = maker().status(&busy);
        let costs: f64 = status.outputs.iter().map(|o| o.cost.cpu_seconds).sum();
        assert!((costs - 0.087).abs() < 1e-9, "{costs}");
    }

    #[test]
    fn it_is_live_only_while_bytes_move() {
        let mut maker = maker();
        let mut phase_at = |millis, bytes| {
            let o = maker.status(&snapshot(millis, bytes)).outputs.remove(0);
            (o.phase, o.bitrate)
        };
        assert_eq!(phase_at(10_000, 0), (Phase::Live, 0));
        assert_eq!(phase_at(11_000, 1_000), (Phase::Live, 8_000));
        assert_eq!(phase_at(13_000, 1_000).0, Phase::Live);
        assert_eq!(phase_at(14_500, 1_000), (Phase::Stalled, 0));
        assert_eq!(phase_at(15_000, 2_000).0, Phase::Live);
    }

    #[test]
    fn rates_forget() {
        let mut rate = Rate::default();
        let grown: Vec<f64> = (0..100).map(|n| rate.add(f64::from(n), f64::from(n.min(50)))).collect();
        assert_eq!((grown[0], grown[1], grown[50], grown[99]), (0.0, 1.0, 1.0, 0.0));
        assert!(rate.values.len() <= RATE_POINTS);
        for _ in 0..100 {
            rate.add(100.0, 51.0);
        }
        assert!(rate.values.len() <= RATE_POINTS, "however fast snapshots come");
    }

    #[test]
    fn drift_is_the_wall_clock_less_the_session_clock() {
        let mut maker = maker();
        maker.status(&snapshot(1_000, 0));
        let mut later = snapshot(2_000, 0);
        later.utc += 250_000;
        let session = maker.status(&later).session;
        assert!((session.clock_drift_seconds - 0.25).abs() < 1e-6, "{session:?}");
        assert!((session.started_seconds - 1000.0).abs() < 1e-6);
    }

    #[test]
    fn texts_are_cleaned() {
        let mut maker = Maker::new("1", |text| text.replace("hush", "***"));
        let mut s = snapshot(1_000, 0);
        s.outputs[0].record.target = "rtmp://h/hush".into();
        s.outputs[0].record.last_error = Some(("hush is refused".into(), Time::ZERO));
        s.filters[0].error = Some("hush".into());
        let text = serde_json::to_string(&maker.status(&s)).expect("JSON");
        assert!(!text.contains("hush") && text.contains("*** is refused"), "{text}");
    }
}
