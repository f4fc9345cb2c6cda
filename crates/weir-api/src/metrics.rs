//! The state in the text form of Prometheus. Labels are names within the graph and closed sets, never addresses or texts,
//! so that their number is bounded by the graph.

use std::fmt::{Display, Write as _};

use weir_status::{FilterStatus, OutputStatus, Phase, SessionStatus, Status};

/// The media type of the form.
pub(crate) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything there is to measure.
pub(crate) fn text(status: &Status) -> String {
    let mut out = Text::default();
    session(&mut out, &status.session);
    filters(&mut out, status);
    edges(&mut out, status);
    outputs(&mut out, "output", &status.outputs);
    outputs(&mut out, "input", &status.inputs);
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// A metric with one value for each entry: its labels, written out, and the value.
    fn many<V: Display>(&mut self, name: &str, kind: &str, help: &str, values: impl IntoIterator<Item = (String, V)>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return;
        }
        let _ = writeln!(self.0, "# HELP weir_{name} {help}\n# TYPE weir_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(self.0, "weir_{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.many(name, "gauge", help, [(String::new(), value)]);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.many(name, "counter", help, [(String::new(), value)]);
    }
}

/// Labels, written out.
fn labels(pairs: &[(&str, &str)]) -> String {
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn session(out: &mut Text, s: &SessionStatus) {
    out.many("build_info", "gauge", "The version that runs.", [(labels(&[("version", &s.version)]), 1)]);
    out.gauge("start_time_seconds", "When the session began, since 1970.", s.started_seconds);
    out.gauge("uptime_seconds", "For how long the session has run.", s.uptime_seconds);
    out.gauge("settled", "1 when every filter knows its inputs.", u8::from(s.settled));
    out.counter("filter_failures_total", "Filters that failed.", s.failures);
    out.counter("cpu_seconds_total", "Processor time of the process.", s.cpu_seconds);
    if let Some(bytes) = s.memory_bytes {
        out.gauge("resident_memory_bytes", "Resident memory of the process.", bytes);
    }
    out.gauge("media_memory_bytes", "Media and connections kept in memory.", s.media_bytes);
    out.gauge("media_memory_limit_bytes", "The most of that there may be.", s.media_limit_bytes);
    out.gauge("connections", "Connections of players, publishers and pushes.", s.connections);
    out.gauge("clock_drift_seconds", "Wall clock less session clock, since the start.", s.clock_drift_seconds);
    out.counter("clock_slips_total", "Times the clock was moved for a source that was far behind.", s.clock_slips);
    out.counter("clock_slipped_seconds_total", "By how much it was moved.", s.clock_slipped_seconds);
}

fn filters(out: &mut Text, status: &Status) {
    type Value = fn(&FilterStatus) -> f64;
    let metrics: [(&str, &str, &str, Value); 10] = [
        ("filter_calls_total", "counter", "Calls of a filter.", |f| f.calls as f64),
        ("filter_process_seconds_total", "counter", "Time spent in calls.", |f| f.process_seconds),
        ("filter_longest_call_seconds", "gauge", "Longest single stay in a call or job.", |f| f.longest_seconds),
        ("filter_overruns_total", "counter", "Calls that held up the event loop.", |f| f.overruns as f64),
        ("filter_packets_in_total", "counter", "Packets taken.", |f| f.packets_in as f64),
        ("filter_bytes_in_total", "counter", "Bytes taken.", |f| f.bytes_in as f64),
        ("filter_packets_out_total", "counter", "Packets sent.", |f| f.packets_out as f64),
        ("filter_bytes_out_total", "counter", "Bytes sent.", |f| f.bytes_out as f64),
        ("filter_dropped_packets_total", "counter", "Packets dropped in front of it.", |f| f.dropped as f64),
        ("filter_queue_packets", "gauge", "Packets that wait in front of it.", |f| f.queue_packets as f64),
    ];
    for (name, kind, help, value) in metrics {
        let values = status.filters.iter().map(|f| (labels(&[("filter", &f.name)]), value(f)));
        out.many(name, kind, help, values);
    }
}

fn edges(out: &mut Text, status: &Status) {
    let name = |id: u64| status.filters.iter().find(|f| f.id == id).map_or("", |f| f.name.as_str());
    let of = |e: &weir_status::EdgeStatus| {
        labels(&[("from", name(e.from)), ("out", &e.out.to_string()), ("to", name(e.to))])
    };
    let each = || status.edges.iter();
    out.many("edge_queue_packets", "gauge", "Packets queued.", each().map(|e| (of(e), e.packets)));
    out.many("edge_queue_bytes", "gauge", "Bytes queued.", each().map(|e| (of(e), e.bytes)));
    out.many("edge_dropped_packets_total", "counter", "Packets dropped.", each().map(|e| (of(e), e.dropped)));
}

/// Outputs, or sources from the network.
fn outputs(out: &mut Text, what: &str, all: &[OutputStatus]) {
    type Value = fn(&OutputStatus) -> f64;
    let metrics: [(&str, &str, &str, Value); 17] = [
        ("live", "gauge", "1 while bytes move.", |o| f64::from(u8::from(o.phase == Phase::Live))),
        ("phase_seconds", "gauge", "For how long it has been in its phase.", |o| o.phase_seconds),
        ("players", "gauge", "Players that play, or 1 for a push or file that is live.", |o| o.players as f64),
        ("players_joined_total", "counter", "Players that ever played.", |o| o.players_total as f64),
        ("refused_connections_total", "counter", "Connections refused or ended by a limit.", |o| o.refused as f64),
        ("bytes_total", "counter", "Bytes sent or taken, over all players.", |o| o.bytes as f64),
        ("acknowledged_bytes_total", "counter", "Bytes that the peer of a push acknowledged.", |o| {
            o.acked_bytes as f64
        }),
        ("bytes_per_second", "gauge", "The same, lately.", |o| o.bitrate as f64 / 8.0),
        ("lag_seconds", "gauge", "Largest lag of any player.", |o| o.lag_seconds),
        ("queue_bytes", "gauge", "Bytes that are due and not taken.", |o| o.queue_bytes as f64),
        ("kept_bytes", "gauge", "Bytes kept for players who lag or are yet to come.", |o| o.kept_bytes as f64),
        ("dropped_messages_total", "counter", "Messages left out because they came too late.", |o| {
            o.drops.total as f64
        }),
        ("retransmitted_segments_total", "counter", "TCP segments sent again.", |o| o.retransmits as f64),
        ("connect_attempts_total", "counter", "Attempts to connect.", |o| o.attempts as f64),
        ("cost_cpu_seconds_total", "counter", "Its part of the work of all filters.", |o| o.cost.cpu_seconds),
        ("cost_memory_bytes", "gauge", "What it keeps in memory, queues included.", |o| o.cost.memory_bytes as f64),
        ("retry_seconds", "gauge", "It is tried again in so many seconds; 0 when it does not wait.", |o| {
            o.next_retry_seconds.unwrap_or(0.0)
        }),
    ];
    for (name, kind, help, value) in metrics {
        let values = all.iter().map(|o| (labels(&[(what, &o.name)]), value(o)));
        out.many(&format!("{what}_{name}"), kind, help, values);
    }
    let rtt = all.iter().filter_map(|o| Some((labels(&[(what, &o.name)]), o.rtt_seconds?)));
    out.many(&format!("{what}_rtt_seconds"), "gauge", "Round-trip time, as the kernel sees it.", rtt);
    let phases = all.iter().flat_map(|o| {
        let is = move |phase: Phase| (labels(&[(what, &o.name), ("phase", phase.name())]), u8::from(o.phase == phase));
        Phase::ALL.into_iter().map(is)
    });
    out.many(&format!("{what}_phase"), "gauge", "1 for the phase it is in.", phases);
    // A push knows what it lost, a listener only how much.
    let drops = all.iter().filter(|o| o.attempts > 0).flat_map(|o| {
        let d = o.drops;
        let classes = [("disposable", d.disposable), ("video", d.video), ("audio", d.audio), ("data", d.data)];
        classes.map(|(class, n)| (labels(&[(what, &o.name), ("class", class)]), n))
    });
    out.many(
        &format!("{what}_dropped_by_class_total"),
        "counter",
        "Messages left out, by what losing them means.",
        drops,
    );
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use prometheus_parse::{Scrape, Value};
    use weir_status::{Drops, EdgeStatus};

    use super::*;

    fn status() -> Status {
        let output = OutputStatus {
            id: 3,
            name: "rtmpout#2\"\\\n".into(),
            url: "rtmp://secret-free.example/live".into(),
            phase: Phase::Live,
            bytes: 12_345,
            bitrate: 8_000,
            rtt_seconds: Some(0.025),
            attempts: 2,
            drops: Drops { total: 7, video: 7, ..Drops::default() },
            ..OutputStatus::default()
        };
        let filter = FilterStatus { id: 1, name: "avgen".into(), process_seconds: 1.5, ..FilterStatus::default() };
        let sink = FilterStatus { id: 3, name: output.name.clone(), ..FilterStatus::default() };
        let edges = vec![EdgeStatus { from: 1, to: 3, packets: 4, ..EdgeStatus::default() }];
        Status { filters: vec![filter, sink], edges, outputs: vec![output], ..Status::default() }
    }

    fn parsed(text: &str) -> Scrape {
        Scrape::parse(text.lines().map(|l| Ok(l.to_owned()))).expect("Prometheus text")
    }

    #[test]
    fn a_parser_reads_it_back() {
        let text = text(&status());
        let scrape = parsed(&text);
        let value = |name: &str| {
            let sample = scrape.samples.iter().find(|s| s.metric == name).unwrap_or_else(|| panic!("{name} in {text}"));
            match sample.value {
                Value::Counter(v) | Value::Gauge(v) | Value::Untyped(v) => v,
                _ => panic!("{name} is neither counter nor gauge"),
            }
        };
        assert_eq!(value("weir_output_bytes_total"), 12_345.0);
        assert_eq!(value("weir_output_bytes_per_second"), 1_000.0);
        assert_eq!(value("weir_output_rtt_seconds"), 0.025);
        assert_eq!(value("weir_filter_process_seconds_total"), 1.5);
        assert_eq!(value("weir_edge_queue_packets"), 4.0);
        let live = |s: &&prometheus_parse::Sample| s.metric == "weir_output_phase" && s.value == Value::Gauge(1.0);
        let phases: Vec<&str> = scrape.samples.iter().filter(live).filter_map(|s| s.labels.get("phase")).collect();
        assert_eq!(phases, ["live"]);
    }

    #[test]
    fn names_say_their_unit_and_kind_and_are_said_once() {
        let text = text(&status());
        let mut kinds = BTreeMap::new();
        for line in text.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').expect("a name and a kind");
            assert!(kinds.insert(name, kind).is_none(), "{name} is typed twice");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
        }
        let helped: BTreeSet<&str> =
            text.lines().filter_map(|l| l.strip_prefix("# HELP ")?.split(' ').next()).collect();
        assert_eq!(helped, kinds.keys().copied().collect());
        for sample in parsed(&text).samples {
            assert!(kinds.contains_key(sample.metric.as_str()), "{} has no type", sample.metric);
        }
    }

    #[test]
    fn addresses_and_texts_are_no_labels() {
        assert!(!text(&status()).contains("example"));
    }
}
