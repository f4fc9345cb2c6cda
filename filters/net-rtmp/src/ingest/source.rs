//! [`Source`]: the filter. Passes on what publishers or a server send, each name on an output of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use weir_media::{Delivery, Packet, Prop, Props, StreamType, Time};
use weir_plugin::{Ctx, Error, ErrorKind, Event, Filter, Level, OutId, OutputRecord, Phase, Result, ServiceId, Status};
use weir_rtmp::message::Message;

use super::line::Line;
use super::pull::PullService;
use super::settings::{PullSettings, Settings};
use super::{FromFeeder, ToFeeder};
use crate::output::serve;
use crate::remote::tell_changes;

/// Timestamps are those of RTMP, milliseconds.
const TIMESCALE: u32 = 1000;
/// How soon it is looked whether there is room again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The filter.
pub(crate) struct Source {
    settings: Settings,
    service: ServiceId,
    record: OutputRecord,
    feeds: BTreeMap<usize, Feed>,
    end: Option<End>,
}

/// How it is over.
enum End {
    /// It was told to stop.
    Stopped,
    /// The stream is over; what waits is sent first.
    Over,
    GaveUp(String),
}

/// A stream, whoever feeds it.
#[derive(Default)]
struct Feed {
    name: String,
    line: Line,
    out: Option<OutId>,
    /// Tags on their way, and bytes of the messages they are made of.
    queue: VecDeque<(Packet, usize)>,
    is_fed: bool,
    /// It is to be given up then.
    given_up_at: Option<Time>,
    /// It is given up: what waits is sent, then it ends.
    is_over: bool,
}

impl Source {
    pub(crate) fn new(settings: Settings) -> Self {
        let record = OutputRecord { target: settings.shown().to_owned(), ..OutputRecord::default() };
        Self { settings, service: ServiceId(0), record, feeds: BTreeMap::new(), end: None }
    }

    fn publish(&mut self, ctx: &mut Ctx<'_>) {
        let fed = self.feeds.values().filter(|f| f.is_fed).count();
        self.record.players = u32::try_from(fed).unwrap_or(u32::MAX);
        if self.is_listener() {
            let phase = if fed > 0 { Phase::Live } else { Phase::Listening };
            if self.record.phase != phase {
                (self.record.phase, self.record.since) = (phase, ctx.now());
            }
        }
        ctx.record(self.record.clone());
    }

    fn heard(&mut self, ctx: &mut Ctx<'_>, message: FromFeeder) -> Result<()> {
        match message {
            FromFeeder::Refused(why) => return Err(Error::new(ErrorKind::BadOption, why)),
            FromFeeder::Begins { feed, name, peer } => {
                if self.is_listener() {
                    let shown = weir_rtmp::Redacted::name(&name);
                    ctx.log(Level::Info, format!("publisher {peer}: publishes {shown}"));
                }
                let feed = self.feeds.entry(feed).or_default();
                feed.name = name;
                feed.is_fed = true;
                feed.given_up_at = None;
                feed.line.begin();
                self.record.players_total += 1;
                self.record.peer = Some(peer);
                self.publish(ctx);
            }
            FromFeeder::Media { feed, messages } => self.media(ctx, feed, messages),
            FromFeeder::Ends { feed, why } => {
                let who = if self.is_listener() { "publisher of " } else { "" };
                let keep = if let Settings::Listen(open) = &self.settings { open.ingest.keep } else { None };
                if let Some(feed) = self.feeds.get_mut(&feed) {
                    feed.is_fed = false;
                    feed.given_up_at = keep.map(|keep| ctx.now() + keep);
                    ctx.log(Level::Info, format!("{who}{}: {why}", weir_rtmp::Redacted::name(&feed.name)));
                }
                self.publish(ctx);
            }
            FromFeeder::GivenUp { feed } => {
                if let Some(feed) = self.feeds.get_mut(&feed) {
                    feed.is_over = true;
                    let name = weir_rtmp::Redacted::name(&feed.name);
                    ctx.log(Level::Info, format!("{name}: nobody came back; its outputs end"));
                }
            }
            FromFeeder::TurnedAway => {
                self.record.refused += 1;
                self.publish(ctx);
            }
            FromFeeder::Record(record) => self.take(ctx, *record),
            FromFeeder::Over => self.end = Some(End::Over),
            FromFeeder::GaveUp(why) => self.end = Some(End::GaveUp(why)),
        }
        Ok(())
    }

    fn is_listener(&self) -> bool {
        matches!(self.settings, Settings::Listen(..))
    }

    /// How connecting goes.
    fn take(&mut self, ctx: &mut Ctx<'_>, record: OutputRecord) {
        tell_changes(ctx, &self.record, &record, "from");
        let OutputRecord { players, players_total, bytes, .. } = self.record;
        self.record = OutputRecord { players, players_total, bytes, ..record };
        ctx.record(self.record.clone());
    }

    /// It is over: how, once everything is sent.
    fn finish(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let end = self.end.take();
        self.record.phase = if matches!(end, Some(End::GaveUp(_))) { Phase::Failed } else { Phase::Ended };
        ctx.record(self.record.clone());
        ctx.end_all();
        match end {
            Some(End::GaveUp(why)) => Err(Error::new(ErrorKind::Io, format!("{}: {why}", self.record.target))),
            _ => Ok(Status::Done),
        }
    }

    fn media(&mut self, ctx: &mut Ctx<'_>, number: usize, messages: Vec<Message>) {
        let now = ctx.now();
        let Some(feed) = self.feeds.get_mut(&number) else { return };
        let mut left_out = 0;
        for message in messages {
            let bytes = message.body.len();
            self.record.bytes += bytes as u64;
            match feed.line.tag(&message, now) {
                Some(packet) => feed.queue.push_back((packet, bytes)),
                None => left_out += bytes,
            }
        }
        if left_out > 0 {
            ctx.post(self.service, Box::new(ToFeeder::Taken { feed: number, bytes: left_out }));
        }
    }

    /// Sends what there is room for. False when something is left.
    fn send(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut is_done = true;
        for (number, feed) in &mut self.feeds {
            if feed.queue.is_empty() {
                continue;
            }
            let out = *feed.out.get_or_insert_with(|| ctx.open(props(*number, &feed.name)));
            let mut sent = 0;
            while ctx.room(out)
                && let Some((packet, bytes)) = feed.queue.pop_front()
            {
                sent += bytes;
                ctx.send(out, packet);
            }
            if sent > 0 {
                ctx.post(self.service, Box::new(ToFeeder::Taken { feed: *number, bytes: sent }));
            }
            is_done &= feed.queue.is_empty();
        }
        is_done
    }

    /// Asks to give names up whose time has come, and ends those that are. Tells when it is to be looked again.
    fn give_up(&mut self, ctx: &mut Ctx<'_>) -> Option<Time> {
        let now = ctx.now();
        for (number, feed) in &mut self.feeds {
            if feed.given_up_at.take_if(|at| *at <= now).is_some() {
                ctx.post(self.service, Box::new(ToFeeder::GiveUp { feed: *number }));
            }
        }
        let over = self.feeds.extract_if(.., |_, feed| feed.is_over && feed.queue.is_empty());
        over.filter_map(|(_, feed)| feed.out).for_each(|out| ctx.end(out));
        self.feeds.values().filter_map(|feed| feed.given_up_at).min()
    }
}

fn props(number: usize, name: &str) -> Props {
    let id = u32::try_from(number + 1).unwrap_or(u32::MAX);
    let props = Props::new()
        .with(Prop::Id, id)
        .with(Prop::Name, format!("P{id}").as_str())
        .with(Prop::StreamType, StreamType::File)
        .with(Prop::FileExt, "flv")
        .with(Prop::Mime, "video/x-flv")
        .with(Prop::Timescale, TIMESCALE)
        .with(Prop::Delivery, Delivery::Live);
    if name.is_empty() { props } else { props.with(Prop::StreamName, name) }
}

impl Filter for Source {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let message = match &self.settings {
            Settings::Listen(open) => {
                self.service = serve(ctx, &open.at);
                ToFeeder::Listen(open.clone())
            }
            Settings::Pull(pull) => {
                for warning in &pull.remote.warnings {
                    ctx.log(Level::Warning, warning.clone());
                }
                self.service = connect(ctx, pull);
                ToFeeder::Connect
            }
        };
        ctx.post(self.service, Box::new(message));
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.record.phase == Phase::Starting && self.is_listener() {
            // It would not be called if it could not listen.
            ctx.log(Level::Info, format!("waiting for publishers on {}", self.settings.shown()));
            self.publish(ctx);
        }
        if let Some(End::Stopped) = self.end {
            return self.finish(ctx);
        }
        let (is_all, next) = (self.send(ctx), self.give_up(ctx));
        if !is_all {
            return Ok(Status::Until(ctx.now() + LOOK_AGAIN));
        }
        if self.end.is_some() {
            return self.finish(ctx);
        }
        Ok(next.map_or(Status::Idle, Status::Until))
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        match event {
            Event::Stop => self.end = Some(End::Stopped),
            Event::Message(message) => {
                if let Ok(message) = message.downcast::<FromFeeder>() {
                    self.heard(ctx, *message)?;
                }
            }
            Event::KeyRequest(_) | Event::Change(_) | Event::Wish(..) => {}
        }
        Ok(())
    }
}

/// Makes the service that connects.
fn connect(ctx: &mut Ctx<'_>, pull: &PullSettings) -> ServiceId {
    let (settings, memory) = (Arc::new(pull.clone()), ctx.memory().clone());
    ctx.serve_alone(move || Box::new(PullService::new(settings, &memory)))
}
