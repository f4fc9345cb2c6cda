//! The core in simulated time: a platform whose clock moves by hand and whose worker lanes finish jobs when told to, and
//! the tests that need it. No thread, no socket, no sleep.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use weir_graph::{Graph, Node};
use weir_media::{Bundle, Bytes, Cap, CodecId, Flags, Packet, Prop, Props, StreamType, Time};
use weir_plugin::{
    ConnId, Create, Ctx, Error, Event, Filter, InId, Item, Lane, Level, Lookup, Memory, Message, OptionDef, Options,
    OutId, PathInfo, Plugin, ReactorId, Registry, Result, Role, Service, Status, TcpOptions,
};

use weir_tls::Tls;

use crate::core::{Core, Next};
use crate::lanes;
use crate::order::{Order, What};
use crate::platform::{Arrival, Done, Job, LookedUp, Net, Platform, TimerState};
use crate::report::Report;

/// A platform without a world.
struct Sim {
    now: Time,
    jobs: Vec<Job>,
}

impl Platform for Sim {
    type Net = Self;

    fn net(&mut self) -> &mut Self {
        self
    }

    fn now(&self) -> Time {
        self.now
    }

    fn utc_micros(&self) -> u64 {
        self.now.as_micros()
    }

    fn connections(&self) -> usize {
        0
    }

    fn cpu_time(&self) -> Duration {
        Duration::ZERO
    }

    fn submit(&mut self, _: Lane, job: Job) {
        self.jobs.push(job);
    }

    fn release(&mut self, _: usize) {}
}

impl Net for Sim {
    fn now(&self) -> Time {
        self.now
    }

    fn listen(&mut self, _: usize, _: SocketAddr) -> io::Result<()> {
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn abandon(&mut self, _: usize) {}

    fn resolve(&mut self, _: usize, _: &str, _: u16) -> io::Result<Lookup> {
        Err(io::ErrorKind::NetworkUnreachable.into())
    }

    fn looked_up(&mut self) -> Option<LookedUp> {
        None
    }

    fn connect(&mut self, _: usize, _: SocketAddr, _: TcpOptions) -> io::Result<ConnId> {
        Err(io::ErrorKind::NetworkUnreachable.into())
    }

    fn secure(&mut self, _: ConnId, _: &Tls) -> io::Result<()> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn path(&mut self, _: ConnId) -> Option<PathInfo> {
        None
    }

    fn accept(&mut self, _: usize) -> io::Result<Option<(ConnId, SocketAddr)>> {
        Ok(None)
    }

    fn has_room(&self) -> bool {
        false
    }

    fn read(&mut self, _: ConnId, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn write(&mut self, _: ConnId, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn shutdown(&mut self, _: ConnId) {}

    fn close(&mut self, _: ConnId) {}

    fn set_timer(&mut self, _: ConnId, _: Option<Time>) -> Option<Time> {
        None
    }

    fn take_timer(&mut self, _: ConnId, _: Time) -> TimerState {
        TimerState::Void
    }

    fn random(&mut self, _: &mut [u8]) {}

    fn reactors(&self) -> u32 {
        1
    }

    fn place(&mut self, _: usize, _: ReactorId, _: Box<dyn Service>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn tell(&mut self, _: usize, _: ReactorId, message: Message) -> std::result::Result<(), Message> {
        Err(message)
    }

    fn move_to(&mut self, _: ConnId, _: ReactorId, with: Message) -> std::result::Result<(), Message> {
        Err(with)
    }

    fn arrival(&mut self) -> Option<Arrival> {
        None
    }
}

/// What a sink under test saw, by name.
type Seen = Arc<Mutex<BTreeMap<String, Vec<(Time, i64, Flags)>>>>;

/// How a filter under test behaves.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    /// A source of pictures at 25 per second, a key every 50; ends after so many.
    Source { count: i64 },
    /// The same, which is unframed from its hundredth picture on.
    Turning,
    /// A live source that nobody feeds.
    Unfed,
    /// Makes framed of unframed, wherever that is needed.
    Framer,
    /// Takes what is framed.
    FramedSink,
    /// Passes packets on.
    Pass,
    /// Passes each input on to an output of its own.
    Join,
    /// Notes how many inputs there are when they are settled, as a time.
    Mux,
    /// Takes what comes.
    Sink,
    /// Takes this many packets per second.
    SlowSink(u64),
    /// Fails at its third packet.
    Failing,
    /// Panics at its third packet.
    Panicking,
    /// A sink that wishes its input to be like what it is.
    Wishing,
}

#[derive(Clone)]
struct Actor {
    name: &'static str,
    act: Act,
    lane: Lane,
    live: bool,
    seen: Seen,
}

impl Plugin for Actor {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        "a filter under test"
    }

    fn role(&self) -> Role {
        match self.act {
            Act::Source { .. } | Act::Turning | Act::Unfed => Role::Source,
            Act::Pass | Act::Join | Act::Framer => Role::Transform,
            Act::Mux => Role::Mux,
            _ => Role::Sink,
        }
    }

    fn lane(&self) -> Lane {
        self.lane
    }

    fn options(&self) -> &'static [OptionDef] {
        &[]
    }

    fn caps(&self, _: &Options) -> Vec<Bundle> {
        let video = || Cap::codec(StreamType::Visual, CodecId::Avc);
        let (framed, unframed) = (Cap::not(Prop::Unframed, true), Cap::is(Prop::Unframed, true));
        vec![match self.role() {
            _ if self.act == Act::Framer => {
                Bundle::new([video().to_vec(), vec![unframed]].concat(), [video().to_vec(), vec![framed]].concat())
            }
            _ if self.act == Act::FramedSink => Bundle::new([video().to_vec(), vec![framed]].concat(), []),
            Role::Source => Bundle::new([], video()),
            Role::Sink | Role::Mux => Bundle::new(video(), []),
            _ => Bundle::new(video(), video()),
        }]
    }

    fn explicit_only(&self) -> bool {
        self.act != Act::Framer
    }

    fn is_live(&self, _: &Options) -> bool {
        // Any other source would be followed.
        self.live && matches!(self.act, Act::Unfed | Act::Sink | Act::SlowSink(_) | Act::Failing | Act::Panicking)
    }

    fn create(&self, _: Create) -> Result<Box<dyn Filter>> {
        Ok(Box::new(Running { actor: self.clone(), sent: 0, taken: 0, out: None, next: Time::ZERO }))
    }
}

struct Running {
    actor: Actor,
    sent: i64,
    taken: u64,
    out: Option<OutId>,
    next: Time,
}

impl Running {
    fn source(&mut self, ctx: &mut Ctx<'_>, count: i64) -> Status {
        let props = || {
            Props::new()
                .with(Prop::StreamType, StreamType::Visual)
                .with(Prop::CodecId, CodecId::Avc)
                .with(Prop::Timescale, 25u32)
        };
        let out = *self.out.get_or_insert_with(|| ctx.open(props()));
        if self.actor.act == Act::Turning && self.sent == 100 {
            ctx.set_props(out, props().with(Prop::Unframed, true));
        }
        if self.sent == count {
            ctx.end(out);
            return Status::Done;
        }
        if !ctx.room(out) {
            return Status::Idle;
        }
        let flags = if self.sent % 50 == 0 { Flags::KEY } else { Flags::NONE };
        ctx.send(out, Packet { duration: 1, flags, ..Packet::new(Bytes::from_static(b"picture"), self.sent) });
        self.sent += 1;
        Status::Again
    }

    fn take(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if let Act::SlowSink(rate) = self.actor.act {
            if ctx.now() < self.next {
                return Ok(Status::Until(self.next));
            }
            self.next = ctx.now() + Duration::from_secs(1) / u32::try_from(rate).expect("slow");
        }
        match ctx.next(InId(0)) {
            None => Ok(Status::Idle),
            Some(Item::End) => {
                ctx.end_all();
                Ok(Status::Done)
            }
            Some(Item::Props(props)) => {
                match self.actor.act {
                    Act::Pass => self.out = Some(ctx.open(props)),
                    Act::Framer if self.out.is_none() => {
                        let mut framed = props;
                        framed.remove(Prop::Unframed);
                        self.out = Some(ctx.open(framed));
                    }
                    Act::Wishing => ctx.wish(InId(0), props),
                    _ => {}
                }
                Ok(Status::Again)
            }
            Some(Item::Packet(packet)) => self.packet(ctx, packet),
        }
    }

    fn join(ctx: &mut Ctx<'_>) -> Status {
        for input in ctx.inputs() {
            while let Some(item) = ctx.next(input) {
                match item {
                    Item::Props(props) => drop(ctx.open(props)),
                    Item::Packet(packet) => ctx.send(OutId(input.0), packet),
                    Item::End => ctx.end(OutId(input.0)),
                }
            }
        }
        Status::Idle
    }

    fn mux(&self, ctx: &Ctx<'_>) -> Status {
        if ctx.settled() {
            let inputs = i64::try_from(ctx.inputs().count()).expect("few");
            let mut seen = self.actor.seen.lock().expect("no test panics while it holds this");
            seen.entry(self.actor.name.to_owned()).or_default().push((ctx.now(), inputs, Flags::NONE));
        }
        Status::Idle
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<Status> {
        self.taken += 1;
        match self.actor.act {
            Act::Failing if self.taken == 3 => return Err(Error::bad_input("the third packet")),
            Act::Panicking if self.taken == 3 => panic!("at the third packet"),
            _ => {}
        }
        let mut seen = self.actor.seen.lock().expect("no test panics while it holds this");
        seen.entry(self.actor.name.to_owned()).or_default().push((ctx.now(), packet.dts, packet.flags));
        if let Some(out) = self.out {
            ctx.send(out, packet);
        }
        Ok(Status::Again)
    }
}

impl Filter for Running {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        match self.actor.act {
            Act::Source { count } => Ok(self.source(ctx, count)),
            Act::Turning => Ok(self.source(ctx, 250)),
            Act::Unfed => Ok(Status::Idle),
            Act::Join => Ok(Self::join(ctx)),
            Act::Mux => Ok(self.mux(ctx)),
            _ => self.take(ctx),
        }
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        if let Event::Wish(..) = event {
            let mut seen = self.actor.seen.lock().expect("no test panics while it holds this");
            seen.entry(format!("{} hears", self.actor.name)).or_default().push((ctx.now(), 0, Flags::NONE));
        }
        Ok(())
    }
}

/// A session of actors in simulated time.
struct Stage {
    core: Core<Sim>,
    seen: Seen,
    reports: Receiver<Report>,
    /// Jobs of this filter never come back.
    stuck: Option<usize>,
    held: Vec<Job>,
}

impl Stage {
    fn new(actors: &[(&'static str, Act, Lane)], live: bool) -> Self {
        let seen = Seen::default();
        let mut registry = Registry::new();
        let (insertable, declared): (Vec<_>, Vec<_>) = actors.iter().partition(|(_, act, _)| *act == Act::Framer);
        let actor = |(name, act, lane): &(&'static str, Act, Lane)| Actor {
            name,
            act: *act,
            lane: *lane,
            live,
            seen: Arc::clone(&seen),
        };
        insertable.iter().for_each(|framer| registry.register(actor(framer)));
        let mut graph = Graph::new(&registry);
        for actor in declared.iter().map(actor) {
            graph.declare(Node::declared(Arc::new(actor), Options::defaults(&[]), Vec::new()));
        }
        let (send, reports) = bounded(10_000);
        let sim = Sim { now: Time::ZERO, jobs: Vec::new() };
        let mut core = Core::new(sim, graph, Memory::new(1 << 30), send, Level::Debug);
        core.start().expect("actors start");
        Self { core, seen, reports, stuck: None, held: Vec::new() }
    }

    /// Runs until nothing is due before `end`, moving the clock from event to event.
    fn run_until(&mut self, end: Time) {
        loop {
            let (stuck, jobs): (Vec<Job>, Vec<Job>) =
                std::mem::take(&mut self.core.platform.jobs).into_iter().partition(|j| Some(j.node) == self.stuck);
            self.held.extend(stuck);
            let done: Vec<Done> = jobs.into_iter().map(lanes::run).collect();
            let worked = !done.is_empty();
            match self.core.turn(done.into_iter(), []) {
                Next::Now => {}
                _ if worked || self.core.platform.jobs.iter().any(|j| Some(j.node) != self.stuck) => {}
                Next::At(at) if at <= end => self.core.platform.now = at.max(self.core.platform.now),
                Next::At(_) | Next::Wait => {
                    self.core.platform.now = end;
                    return;
                }
            }
            if self.core.is_over() {
                return;
            }
        }
    }

    /// Brings the held jobs back, and runs on.
    fn release(&mut self, stuck: Option<usize>, end: Time) {
        self.stuck = stuck;
        let back: Vec<Done> = std::mem::take(&mut self.held).into_iter().map(lanes::run).collect();
        self.core.turn(back.into_iter(), []);
        self.run_until(end);
    }

    fn seen(&self, name: &str) -> Vec<(Time, i64, Flags)> {
        self.seen.lock().expect("no test panics while it holds this").get(name).cloned().unwrap_or_default()
    }

    fn errors(&self) -> Vec<String> {
        let line = |r: Report| match r {
            Report::Log(log) if log.level == Level::Error => Some(format!("{}: {}", log.topic, log.line)),
            _ => None,
        };
        self.reports.try_iter().filter_map(line).collect()
    }
}

const SOURCE: (&str, Act, Lane) = ("source", Act::Source { count: 250 }, Lane::Compute);

#[test]
fn a_live_session_follows_the_clock_without_drift() {
    let mut stage = Stage::new(&[SOURCE, ("pass", Act::Pass, Lane::Reactor), ("out", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(60_000));
    let seen = stage.seen("out");
    assert_eq!(seen.len(), 250);
    for (at, dts, _) in seen {
        assert_eq!(at, Time::from_millis(u64::try_from(dts).expect("positive") * 40), "picture {dts}");
    }
    assert!(stage.core.is_over() && stage.core.failures() == 0);
}

#[test]
fn without_a_live_end_it_runs_as_fast_as_it_can_and_edges_stay_bounded() {
    let mut stage = Stage::new(&[SOURCE, ("out", Act::SlowSink(1000), Lane::Reactor)], false);
    stage.run_until(Time::from_millis(20));
    let queued = stage.core.snapshot(false).filters[1].queued;
    assert!((1..=96).contains(&queued), "{queued} queued");
    stage.run_until(Time::from_millis(10_000));
    assert_eq!(stage.seen("out").len(), 250, "nothing is dropped");
    assert!(stage.core.is_over());
}

#[test]
fn a_slow_output_of_a_live_session_loses_only_its_own_packets() {
    let slow = ("slow", Act::SlowSink(5), Lane::Reactor);
    let mut stage = Stage::new(&[SOURCE, ("good", Act::Sink, Lane::Reactor), slow], true);
    stage.run_until(Time::from_millis(30_000));
    let good = stage.seen("good");
    assert_eq!(good.len(), 250);
    assert!(good.iter().all(|(at, dts, _)| at.as_millis() == u64::try_from(*dts).expect("positive") * 40));
    let slow = stage.seen("slow");
    assert!(slow.len() < 200, "{} taken", slow.len());
    for pair in slow.windows(2).filter(|p| p[1].1 != p[0].1 + 1) {
        assert!(pair[1].2.contains(Flags::KEY | Flags::DISCONTINUITY), "after a loss at {} comes a key", pair[0].1);
    }
}

#[test]
fn a_filter_that_hangs_in_its_lane_stops_nobody_and_is_given_up() {
    let hang = ("hang", Act::Sink, Lane::Blocking);
    let source = ("source", Act::Source { count: 1000 }, Lane::Reactor);
    let mut stage = Stage::new(&[source, ("good", Act::Sink, Lane::Reactor), hang], true);
    stage.stuck = Some(2);
    stage.run_until(Time::from_millis(16_000));
    stage.core.check_hung();
    assert_eq!(stage.errors(), ["hang: did not return for 15 s and is given up"]);
    stage.run_until(Time::from_millis(60_000));
    let good = stage.seen("good");
    assert_eq!(good.len(), 1000);
    assert!(good.iter().all(|(at, dts, _)| at.as_millis() == u64::try_from(*dts).expect("positive") * 40));
    assert!(stage.core.is_over() && stage.core.failures() == 1);
    let late: Vec<Done> = std::mem::take(&mut stage.held).into_iter().map(lanes::run).collect();
    stage.core.turn(late.into_iter(), []);
    assert_eq!(stage.core.failures(), 1, "what comes back too late is dropped");
}

#[test]
fn what_fails_fails_alone() {
    for (act, what) in [(Act::Failing, "the third packet"), (Act::Panicking, "panicked: at the third packet")] {
        let mut stage = Stage::new(&[SOURCE, ("bad", act, Lane::Reactor), ("good", Act::Sink, Lane::Compute)], true);
        stage.run_until(Time::from_millis(30_000));
        assert_eq!(stage.seen("good").len(), 250);
        assert_eq!(stage.errors(), [format!("bad: {what}")]);
        assert!(stage.core.is_over());
    }
}

#[test]
fn when_every_output_is_gone_the_sources_end_too() {
    let endless = ("source", Act::Source { count: i64::MAX }, Lane::Reactor);
    let mut stage =
        Stage::new(&[endless, ("pass", Act::Pass, Lane::Reactor), ("bad", Act::Failing, Lane::Reactor)], false);
    stage.run_until(Time::from_millis(1_000));
    assert!(stage.core.is_over());
    assert_eq!(stage.core.turn(std::iter::empty(), []), Next::Wait);
}

#[test]
fn a_muxer_waits_for_what_a_filter_makes_of_its_second_input() {
    let second = ("second", Act::Source { count: 250 }, Lane::Compute);
    let join = ("join", Act::Join, Lane::Compute);
    let mut stage = Stage::new(&[SOURCE, second, join, ("mux", Act::Mux, Lane::Reactor)], false);
    let (source, filter) = (1, 2);
    stage.stuck = Some(source);
    stage.run_until(Time::from_millis(1));
    assert_eq!(stage.seen("mux"), [], "the second source has not said what it makes");
    stage.release(Some(filter), Time::from_millis(2));
    assert_eq!(stage.seen("mux"), [], "the filter knows nothing of its second input");
    stage.release(None, Time::from_millis(3));
    assert_eq!(stage.seen("mux").first().map(|(_, inputs, _)| *inputs), Some(2));
}

/// A source that changes, what it then needs, and two outputs.
fn turning(framer: Lane, live: bool) -> Stage {
    let actors = [
        ("source", Act::Turning, Lane::Compute),
        ("strict", Act::FramedSink, Lane::Reactor),
        ("easy", Act::Sink, Lane::Reactor),
        ("framer", Act::Framer, framer),
    ];
    Stage::new(&actors, live)
}

#[test]
fn a_stream_that_changes_goes_on_through_what_it_needs_then() {
    for (lane, live) in [(Lane::Reactor, false), (Lane::Compute, false), (Lane::Reactor, true)] {
        let mut stage = turning(lane, live);
        stage.run_until(Time::from_millis(20_000));
        for name in ["strict", "easy"] {
            let times: Vec<i64> = stage.seen(name).iter().map(|(_, dts, _)| *dts).collect();
            assert_eq!(times, (0..250).collect::<Vec<_>>(), "{name} gets everything in order");
        }
        assert_eq!(stage.seen("framer").len(), 150, "it has what comes behind the change");
        assert_eq!(stage.core.snapshot(false).filters.len(), 4);
        assert!(stage.core.is_over() && stage.core.failures() == 0, "{:?}", stage.errors());
    }
}

#[test]
fn what_waits_for_a_filter_that_never_gives_anything_ends() {
    let mut stage = turning(Lane::Blocking, false);
    stage.stuck = Some(3);
    stage.run_until(Time::from_millis(20_000));
    assert!(!stage.core.is_over(), "the framer is out");
    stage.core.check_hung();
    assert_eq!(stage.errors(), ["framer: did not return for 15 s and is given up"]);
    stage.run_until(Time::from_millis(30_000));
    assert!(stage.core.is_over());
    assert_eq!(stage.seen("strict").len(), 100);
}

#[test]
fn a_stop_ends_sources_and_lets_outputs_finish() {
    let endless = ("source", Act::Source { count: i64::MAX }, Lane::Compute);
    let mut stage = Stage::new(&[endless, ("out", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(999));
    stage.core.stop();
    stage.run_until(Time::from_millis(1_100));
    assert!(stage.core.is_over() && stage.core.failures() == 0);
    assert_eq!(stage.seen("out").len(), 25);
}

#[test]
fn an_output_that_can_get_nothing_fails_plainly() {
    let mut stage = Stage::new(&[("out", Act::Sink, Lane::Reactor)], false);
    stage.run_until(Time::from_millis(1));
    assert!(stage.core.is_over());
    assert_eq!(stage.errors(), ["out: nothing was connected to this output"]);
}

#[test]
fn one_that_is_away_when_the_sources_have_ended_fails_when_it_is_back() {
    let mut stage = Stage::new(&[("out", Act::Sink, Lane::Blocking)], false);
    stage.stuck = Some(0);
    stage.run_until(Time::from_millis(1));
    assert!(!stage.core.is_over());
    stage.release(None, Time::from_millis(2));
    assert!(stage.core.is_over());
    assert_eq!(stage.errors(), ["out: nothing was connected to this output"]);
}

#[test]
fn a_session_that_nobody_fed_ends_well() {
    let unfed = ("ingest", Act::Unfed, Lane::Reactor);
    let mut stage = Stage::new(&[unfed, ("out", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(60_000));
    stage.core.tell_graph();
    assert!(!stage.core.is_over(), "somebody may yet come");
    stage.core.stop();
    stage.run_until(Time::from_millis(60_100));
    assert!(stage.core.is_over() && stage.core.failures() == 0, "{:?}", stage.errors());
}

#[test]
fn a_live_source_that_is_silent_keeps_no_muxer_waiting() {
    let unfed = ("ingest", Act::Unfed, Lane::Reactor);
    let (mux, out) = (("mux", Act::Mux, Lane::Reactor), ("out", Act::Sink, Lane::Reactor));
    let mut stage = Stage::new(&[SOURCE, unfed, mux, out], true);
    stage.run_until(Time::from_millis(100));
    assert_eq!(stage.seen("mux").first().map(|(_, inputs, _)| *inputs), Some(1));
}

/// Filters above hear a wish, but for those whose output goes to others too.
#[test]
fn a_wish_goes_up_as_far_as_nobody_else_is_concerned() {
    let pass = ("pass", Act::Pass, Lane::Reactor);
    let (wishing, other) = (("wishing", Act::Wishing, Lane::Reactor), ("other", Act::Sink, Lane::Reactor));
    for (actors, heard) in [(&[SOURCE, pass, wishing][..], 1), (&[SOURCE, pass, wishing, other], 0)] {
        let mut stage = Stage::new(actors, true);
        stage.run_until(Time::from_millis(1_000));
        assert_eq!(stage.seen("pass hears").len(), heard);
        assert_eq!(stage.seen("source hears").len(), heard);
    }
}

#[test]
fn an_output_that_is_ended_alone_costs_the_others_no_packet() {
    let mut stage = Stage::new(&[SOURCE, ("gone", Act::Sink, Lane::Compute), ("good", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(3_990));
    assert_eq!(stage.core.obey(&Order { filter: 2, what: What::End }), Ok(()));
    stage.run_until(Time::from_millis(60_000));
    let numbers = |name: &str| stage.seen(name).iter().map(|(_, dts, _)| *dts).collect::<Vec<_>>();
    assert_eq!(numbers("gone"), (0..100).collect::<Vec<_>>(), "it has all that came before");
    assert_eq!(numbers("good"), (0..250).collect::<Vec<_>>());
    let good = stage.seen("good");
    assert!(good.iter().all(|(at, dts, _)| at.as_millis() == u64::try_from(*dts).expect("positive") * 40));
    assert!(stage.core.is_over() && stage.core.failures() == 0, "{:?}", stage.errors());
}

#[test]
fn an_output_that_is_waited_for_and_ended_holds_up_the_others_no_longer() {
    let outputs = [("slow", Act::SlowSink(1), Lane::Reactor), ("good", Act::Sink, Lane::Reactor)];
    let mut stage = Stage::new(&[SOURCE, outputs[0], outputs[1]], false);
    stage.run_until(Time::from_millis(1_000));
    assert!(stage.seen("good").len() < 250, "it has to wait");
    assert_eq!(stage.core.obey(&Order { filter: 2, what: What::End }), Ok(()));
    stage.run_until(Time::from_millis(1_010));
    assert_eq!(stage.seen("good").len(), 250);
}

#[test]
fn with_its_last_output_a_session_ends() {
    let endless = ("source", Act::Source { count: i64::MAX }, Lane::Compute);
    let mut stage = Stage::new(&[endless, ("pass", Act::Pass, Lane::Reactor), ("out", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(100));
    assert_eq!(stage.core.obey(&Order { filter: 3, what: What::End }), Ok(()));
    stage.run_until(Time::from_millis(200));
    assert!(stage.core.is_over() && stage.core.failures() == 0);
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let mut stage = Stage::new(&[SOURCE, ("out", Act::Sink, Lane::Reactor)], true);
    stage.run_until(Time::from_millis(100));
    let mut said = |filter: usize, what: What| stage.core.obey(&Order { filter, what }).expect_err("refused");
    assert_eq!(said(0, What::End), "there is no filter 0");
    assert_eq!(said(9, What::End), "there is no filter 9");
    assert_eq!(said(1, What::End), "source is no output");
    assert_eq!(said(2, What::Key), "out is no encoder");
    assert_eq!(said(2, What::Retry), "out cannot do that");
    assert_eq!(said(2, What::Set(vec![("x".into(), "1".into())])), "there is no option x");
    stage.run_until(Time::from_millis(60_000));
    assert_eq!(stage.core.obey(&Order { filter: 2, what: What::End }), Err("out has ended".to_owned()));
    assert_eq!(stage.seen("out").len(), 250, "nothing was changed");
}
