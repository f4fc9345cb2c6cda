//! [`Source`]: the filter. Passes on what publishers send, each name on an output of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use weir_media::{Delivery, Packet, Prop, Props, StreamType};
use weir_plugin::{Ctx, Error, ErrorKind, Event, Filter, Level, OutId, OutputRecord, Phase, Result, ServiceId, Status};
use weir_rtmp::message::Message;

use super::line::Line;
use super::settings::Settings;
use crate::output::serve;
use crate::publish::{FromIntake, OpenIntake, ToIntake};

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
    stopped: bool,
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
}

impl Source {
    pub(crate) fn new(settings: Settings) -> Self {
        let record = OutputRecord { target: settings.at.shown.clone(), ..OutputRecord::default() };
        Self { settings, service: ServiceId(0), record, feeds: BTreeMap::new(), stopped: false }
    }

    fn publish(&mut self, ctx: &mut Ctx<'_>) {
        let fed = self.feeds.values().filter(|f| f.is_fed).count();
        self.record.players = u32::try_from(fed).unwrap_or(u32::MAX);
        let phase = if fed > 0 { Phase::Live } else { Phase::Listening };
        if self.record.phase != phase {
            (self.record.phase, self.record.since) = (phase, ctx.now());
        }
        ctx.record(self.record.clone());
    }

    fn heard(&mut self, ctx: &mut Ctx<'_>, message: FromIntake) -> Result<()> {
        match message {
            FromIntake::Refused(why) => return Err(Error::new(ErrorKind::BadOption, why)),
            FromIntake::Begins { feed, name, peer } => {
                let shown = weir_rtmp::Redacted::name(&name);
                ctx.log(Level::Info, format!("publisher {peer}: publishes {shown}"));
                let feed = self.feeds.entry(feed).or_default();
                feed.name = name;
                feed.is_fed = true;
                feed.line.begin();
                self.record.players_total += 1;
                self.record.peer = Some(peer);
                self.publish(ctx);
            }
            FromIntake::Media { feed, messages } => self.media(ctx, feed, messages),
            FromIntake::Ends { feed, why } => {
                if let Some(feed) = self.feeds.get_mut(&feed) {
                    feed.is_fed = false;
                    ctx.log(Level::Info, format!("publisher of {}: {why}", weir_rtmp::Redacted::name(&feed.name)));
                }
                self.publish(ctx);
            }
            FromIntake::TurnedAway => {
                self.record.refused += 1;
                self.publish(ctx);
            }
        }
        Ok(())
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
            ctx.post(self.service, Box::new(ToIntake::Taken { feed: number, bytes: left_out }));
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
                ctx.post(self.service, Box::new(ToIntake::Taken { feed: *number, bytes: sent }));
            }
            is_done &= feed.queue.is_empty();
        }
        is_done
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
        let Settings { at, ingest } = &self.settings;
        self.service = serve(ctx, at);
        let open = OpenIntake { ingest: ingest.clone(), at: at.clone() };
        ctx.post(self.service, Box::new(ToIntake::Open(Box::new(open))));
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.record.phase == Phase::Starting {
            // It would not be called if it could not listen.
            ctx.log(Level::Info, format!("waiting for publishers on {}", self.settings.at.shown));
            self.publish(ctx);
        }
        if self.stopped {
            self.record.phase = Phase::Ended;
            ctx.record(self.record.clone());
            ctx.end_all();
            return Ok(Status::Done);
        }
        Ok(if self.send(ctx) { Status::Idle } else { Status::Until(ctx.now() + LOOK_AGAIN) })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        match event {
            Event::Stop => self.stopped = true,
            Event::Message(message) => {
                if let Ok(message) = message.downcast::<FromIntake>() {
                    self.heard(ctx, *message)?;
                }
            }
            Event::KeyRequest(_) => {}
        }
        Ok(())
    }
}
