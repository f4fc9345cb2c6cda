//! [`Push`]: the filter. Takes FLV tags, hands them to its service, and says how that goes.

use std::sync::Arc;
use std::time::Duration;

use weir_media::{Bytes, BytesMut, Packet, Time};
use weir_plugin::{
    Ctx, Drops, Error, ErrorKind, Event, Filter, InId, Item, Level, OutputRecord, Phase, Result, ServiceId, Status,
};
use weir_rtmp::ring::{Class, Legacy, Media};

use super::service::{FromPush, PushService, ToPush};
use super::settings::{Drop, OnFail, Settings};
use crate::legacy::Forms;
use crate::output::{message, no_tag};
use crate::remote::tell_changes;

/// Losses are told no more often than this.
const TELL_LOSS_EVERY: Duration = Duration::from_secs(10);
/// Packets handed over in one call.
const PACKETS_PER_CALL: usize = 256;
/// Messages handed over and not taken, when the graph is to wait for them.
const AHEAD: u64 = 64;
/// The command that makes a server keep metadata, as AMF0 text.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";
/// How such data begins.
const ON_META_DATA: &[u8] = b"\x02\x00\x0aonMetaData";

/// The filter.
pub(crate) struct Push {
    settings: Arc<Settings>,
    forms: Forms,
    service: ServiceId,
    record: OutputRecord,
    /// When losses were last told, and how many messages were lost up to then.
    told_loss: (Option<Time>, u64),
    /// A session has begun at some time.
    begun: bool,
    handed: u64,
    taken: u64,
    ended: bool,
    end: Option<End>,
}

/// How it is over.
enum End {
    Drained(bool),
    GaveUp(String),
}

impl Push {
    pub(crate) fn new(settings: Settings, forms: Forms) -> Self {
        let record = OutputRecord { target: settings.remote.shown.clone(), ..OutputRecord::default() };
        Self {
            settings: Arc::new(settings),
            forms,
            service: ServiceId(0),
            record,
            told_loss: (None, 0),
            begun: false,
            handed: 0,
            taken: 0,
            ended: false,
            end: None,
        }
    }

    /// Messages it may hand over now.
    fn room(&self) -> u64 {
        match self.settings.drop {
            Drop::Block if !self.begun => 0,
            Drop::Block => AHEAD.saturating_sub(self.handed - self.taken),
            _ => u64::MAX,
        }
    }

    fn take(&mut self, ctx: &mut Ctx<'_>, record: OutputRecord) {
        tell_changes(ctx, &self.record, &record, "at");
        self.tell_loss(ctx, &record);
        ctx.record(record.clone());
        self.record = record;
    }

    fn tell_loss(&mut self, ctx: &mut Ctx<'_>, record: &OutputRecord) {
        let (at, told) = self.told_loss;
        let is_due = at.is_none_or(|at| ctx.now().since(at) >= TELL_LOSS_EVERY);
        if record.dropped <= told || !is_due {
            return;
        }
        self.told_loss = (Some(ctx.now()), record.dropped);
        let Drops { disposable, video, audio, data } = record.drops;
        let line = format!(
            "{}: too slow or away: left out so far {disposable} disposable pictures, {video} others, {audio} of sound, \
             {data} of data; {} ms late",
            record.target,
            record.lag.as_millis()
        );
        ctx.log(Level::Warning, line);
    }

    fn finish(&mut self, ctx: &mut Ctx<'_>, end: End) -> Result<Status> {
        let (target, last) = (&self.record.target, &self.record.last_error);
        let why = match end {
            End::Drained(true) => None,
            End::GaveUp(why) => Some(format!("{target}: {why}")),
            End::Drained(false) => {
                let last = last.as_ref().map(|(text, _)| format!(": {text}")).unwrap_or_default();
                Some(format!("{target}: not connected at the end of the stream{last}"))
            }
        };
        let Some(why) = why else {
            self.record.phase = Phase::Ended;
            ctx.record(self.record.clone());
            return Ok(Status::Done);
        };
        self.record.phase = Phase::Failed;
        ctx.record(self.record.clone());
        match self.settings.on_fail {
            OnFail::Ignore => {
                ctx.log(Level::Warning, format!("{why}; given up"));
                return Ok(Status::Done);
            }
            OnFail::Stop => ctx.stop_session(),
            OnFail::Retry => {}
        }
        Err(Error::new(ErrorKind::Io, why))
    }
}

impl Filter for Push {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        for warning in &self.settings.remote.warnings {
            ctx.log(Level::Warning, warning.clone());
        }
        let (settings, memory) = (Arc::clone(&self.settings), ctx.memory().clone());
        self.service = ctx.serve_alone(move || Box::new(PushService::new(settings, &memory)));
        ctx.post(self.service, Box::new(ToPush::Start));
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        if let Some(end) = self.end.take() {
            return self.finish(ctx, end);
        }
        let mut batch = Vec::new();
        let room = self.room().min(PACKETS_PER_CALL as u64);
        let mut taken = 0;
        while taken < room && !self.ended {
            let Some(item) = ctx.next(InId(0)) else { break };
            taken += 1;
            match item {
                Item::Packet(packet) => batch.push(published(&packet, &mut self.forms).ok_or_else(no_tag)?),
                Item::Props(_) => {}
                Item::End => self.ended = true,
            }
        }
        self.handed += batch.len() as u64;
        if !batch.is_empty() {
            ctx.post(self.service, Box::new(ToPush::Media(batch)));
        }
        if self.ended && taken > 0 {
            ctx.post(self.service, Box::new(ToPush::End));
        }
        Ok(if taken == PACKETS_PER_CALL as u64 { Status::Again } else { Status::Idle })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        let message = match event {
            Event::Message(message) => message,
            Event::Change(change) => {
                ctx.post(self.service, Box::new(ToPush::Change(change)));
                return Ok(());
            }
            Event::KeyRequest(_) | Event::Stop | Event::Wish(..) => return Ok(()),
        };
        match message.downcast::<FromPush>().map(|m| *m) {
            Ok(FromPush::Record(record)) => self.take(ctx, *record),
            Ok(FromPush::Begun) => {
                self.begun = true;
                if ctx.inputs().next().is_some() {
                    ctx.request_key(InId(0));
                }
            }
            Ok(FromPush::Taken(taken)) => self.taken = self.taken.max(taken),
            Ok(FromPush::GaveUp(why)) => self.end = Some(End::GaveUp(why)),
            Ok(FromPush::Drained(clean)) => self.end = Some(End::Drained(clean)),
            Err(_) => {} // not one of ours
        }
        Ok(())
    }
}

/// The message of an FLV tag, as a publisher sends it.
fn published(packet: &Packet, forms: &mut Forms) -> Option<Media> {
    let mut media = message(packet, forms)?;
    if matches!(media.class, Class::Header(_)) {
        media.body = as_set_data_frame(media.body);
        if let Legacy::As(class, body) = media.legacy {
            media.legacy = Legacy::As(class, as_set_data_frame(body));
        }
    }
    Some(media)
}

/// Metadata as what servers keep; anything else as it is.
fn as_set_data_frame(data: Bytes) -> Bytes {
    if !data.starts_with(ON_META_DATA) {
        return data;
    }
    let mut body = BytesMut::with_capacity(SET_DATA_FRAME.len() + data.len());
    body.extend_from_slice(SET_DATA_FRAME);
    body.extend_from_slice(&data);
    body.freeze()
}
