//! The filter: takes FLV tags, hands them to the service of its address as messages, and publishes its record.

use weir_flv::{Nature, Tag, TagKind};
use weir_media::{Flags, Packet};
use weir_plugin::{
    Ctx, Error, ErrorKind, Event, Filter, InId, Item, Level, OutputRecord, Phase, Result, ServiceId, Status,
};
use weir_rtmp::ring::{Class, Kind, Media};

use crate::legacy::Forms;
use crate::service::{FromService, Open, RtmpService, ToService};
use crate::settings::{Address, Settings};
use crate::stream::Stats;

/// Packets handed over in one call.
const PACKETS_PER_CALL: usize = 256;

/// The filter.
pub(crate) struct Output {
    settings: Settings,
    forms: Forms,
    service: ServiceId,
    record: OutputRecord,
    ended: bool,
    drained: bool,
}

impl Output {
    pub(crate) fn new(settings: Settings, forms: Forms) -> Self {
        let record = OutputRecord { target: settings.at.shown.clone(), ..OutputRecord::default() };
        Self { settings, forms, service: ServiceId(0), record, ended: false, drained: false }
    }

    fn take(&mut self, stats: Stats) {
        let Stats { players, players_total, refused, bytes, lag, dropped, kept } = stats;
        let record = std::mem::take(&mut self.record);
        self.record = OutputRecord { players, players_total, refused, bytes, lag, dropped, kept, ..record };
    }

    fn publish(&mut self, ctx: &mut Ctx<'_>, phase: Phase) {
        self.record.phase = phase;
        ctx.record(self.record.clone());
    }
}

impl Filter for Output {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        let Settings { at, stream } = &self.settings;
        self.service = serve(ctx, at);
        let open = Open { stream: stream.clone(), at: at.clone() };
        ctx.post(self.service, Box::new(ToService::Open(Box::new(open))));
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if self.record.phase == Phase::Starting {
            // It would not be called if it could not listen.
            ctx.log(Level::Info, format!("listening on {}", self.settings.at.shown));
            self.publish(ctx, Phase::Listening);
        }
        let mut batch = Vec::new();
        let mut taken = 0;
        while taken < PACKETS_PER_CALL && !self.ended {
            let Some(item) = ctx.next(InId(0)) else { break };
            taken += 1;
            match item {
                Item::Packet(packet) => batch.push(message(&packet, &mut self.forms).ok_or_else(no_tag)?),
                Item::Props(_) => {}
                Item::End => self.ended = true,
            }
        }
        if !batch.is_empty() {
            ctx.post(self.service, Box::new(ToService::Media(batch)));
        }
        if self.ended && self.record.phase != Phase::Draining {
            ctx.post(self.service, Box::new(ToService::End));
            self.publish(ctx, Phase::Draining);
        }
        if self.drained {
            self.publish(ctx, Phase::Ended);
            return Ok(Status::Done);
        }
        Ok(if taken == PACKETS_PER_CALL { Status::Again } else { Status::Idle })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        let Event::Message(message) = event else { return Ok(()) };
        match message.downcast::<FromService>().map(|m| *m) {
            Ok(FromService::Refused(why)) => return Err(Error::new(ErrorKind::BadOption, why)),
            Ok(FromService::Drained(stats)) => {
                self.take(stats);
                self.drained = true;
            }
            Ok(FromService::Stats(stats)) => {
                self.take(stats);
                let phase = match (self.ended, stats.players) {
                    (true, _) => Phase::Draining,
                    (false, 0) => Phase::Listening,
                    (false, _) => Phase::Live,
                };
                self.publish(ctx, phase);
            }
            Err(_) => {} // not one of ours
        }
        Ok(())
    }
}

/// Joins the service of an address, or makes it.
pub(crate) fn serve(ctx: &mut Ctx<'_>, at: &Address) -> ServiceId {
    let (limits, tls) = (at.limits, at.tls.clone());
    ctx.serve(at.addr, move || Box::new(RtmpService::new(limits, tls)))
}

pub(crate) fn no_tag() -> Error {
    Error::bad_input("a packet is not one whole FLV tag")
}

/// The RTMP message of an FLV tag; `None` for what is no whole tag.
pub(crate) fn message(packet: &Packet, forms: &mut Forms) -> Option<Media> {
    let tag = Tag::from_written(packet.bytes()?)?;
    let kind = match tag.kind {
        TagKind::Audio => Kind::Audio,
        TagKind::Video => Kind::Video,
        TagKind::Script => Kind::Data,
    };
    let class = if packet.flags.contains(Flags::HEADER) {
        Class::Header(if let Nature::Header(number) = Nature::of(tag.kind, &tag.body) { number } else { 0 })
    } else if kind != Kind::Video || packet.is_key() {
        Class::Key
    } else if packet.flags.contains(Flags::DISPOSABLE) {
        Class::Disposable
    } else {
        Class::Inter
    };
    let legacy = forms.of(tag.kind, class, &tag.body);
    Some(Media { kind, class, timestamp: tag.timestamp, body: tag.body, legacy })
}
