//! [`Track`]: one stream of one programme, from its first PES packet on. It sends nothing itself.

use weir_media::{CodecId, Flags, Packet, Payload, Prop, Props, StreamType, Time};
use weir_plugin::Item;
use weir_ts::read::Unit;

use crate::media::{Coded, Made, Media};
use crate::timeline::{CLOCK, Timeline, distance};

/// Longest time one picture is believed to take, in units of 90 kHz.
const MAX_STEP: i64 = 10 * CLOCK as i64;

/// A stream and what it needs between PES packets.
pub(crate) struct Track {
    pub(crate) program: u16,
    pub(crate) pid: u16,
    pub(crate) codec: CodecId,
    language: Option<String>,
    media: Media,
    /// The programme has it no more.
    pub(crate) is_over: bool,
    /// A PES packet of it came.
    pub(crate) has_come: bool,
    /// Properties that went out last, or will go out first.
    props: Option<Props>,
    last_dts: i64,
    /// Where what came last ends.
    end: Option<i64>,
    /// Flags for the next packet.
    flags: Flags,
}

impl Track {
    pub(crate) fn new(program: u16, pid: u16, codec: CodecId, language: Option<String>) -> Self {
        Self {
            program,
            pid,
            codec,
            language,
            media: Media::of(codec),
            is_over: false,
            has_come: false,
            props: None,
            last_dts: i64::MIN,
            end: None,
            flags: Flags::NONE,
        }
    }

    pub(crate) fn is(&self, program: u16, pid: u16, codec: CodecId) -> bool {
        (self.program, self.pid, self.codec) == (program, pid, codec) && !self.is_over
    }

    /// Whether nothing is to be waited for any more before outputs open.
    pub(crate) fn is_decided(&self) -> bool {
        self.is_over || self.is_set_up() || self.media.is_refused()
    }

    /// Whether it is known well enough to be opened.
    pub(crate) const fn is_set_up(&self) -> bool {
        self.props.is_some()
    }

    pub(crate) fn stream_type(&self) -> StreamType {
        self.codec.stream_type().unwrap_or(StreamType::Visual)
    }

    /// Something before the next packet is missing, or the input starts over.
    pub(crate) fn interrupt(&mut self) {
        self.flags |= Flags::DISCONTINUITY;
        self.media.interrupt();
    }

    /// Times are from here on earlier by so much.
    pub(crate) fn rebase(&mut self, by: i64) {
        self.end = self.end.map(|end| end.saturating_sub(by));
        if self.last_dts > i64::MIN {
            self.last_dts = self.last_dts.saturating_sub(by);
        }
    }

    /// Reads a PES packet to properties and packets.
    ///
    /// # Errors
    /// A sentence that says what of it is left out.
    pub(crate) fn unit(
        &mut self,
        unit: &Unit,
        line: &mut Timeline,
        origin: Time,
        items: &mut Vec<Item>,
    ) -> Result<(), String> {
        self.has_come = true;
        if unit.is_after_loss {
            self.interrupt();
        }
        let times = match (unit.pts, self.end) {
            (Some(pts), _) => {
                let first = unit.dts.unwrap_or(pts);
                let dts = line.place(first);
                (dts, dts.saturating_add(distance(first, pts)))
            }
            // What has no time follows what came before.
            (None, Some(end)) => (end, end),
            (None, None) => return Err(format!("PID {}: what comes before the first time is left out", self.pid)),
        };
        let coded = Coded { data: unit.data.clone(), times, is_random_access: unit.is_random_access };
        let mut made = Vec::new();
        let read = self.media.read(coded, &mut made);
        for made in made {
            self.put(made, line, origin, items);
        }
        read.inspect_err(|_| self.flags |= if self.is_set_up() { Flags::DISCONTINUITY } else { Flags::NONE })
            .map_err(|why| format!("PID {}: {why}", self.pid))
    }

    fn put(&mut self, made: Made, line: &mut Timeline, origin: Time, items: &mut Vec<Item>) {
        if let Some(props) = made.props {
            let props = self.describe(props);
            self.props = Some(props.clone());
            items.push(Item::Props(props));
        }
        let dts = made.dts.max(self.last_dts);
        let step = match made.duration {
            0 if self.last_dts > i64::MIN => (dts - self.last_dts).clamp(1, MAX_STEP),
            0 => 1,
            duration => duration,
        };
        self.last_dts = dts;
        self.end = Some(dts.saturating_add(step));
        line.count(dts.saturating_add(step));
        let mut flags = std::mem::take(&mut self.flags);
        let more = [
            (made.is_key, Flags::KEY),
            (made.is_disposable, Flags::DISPOSABLE),
            (made.is_after_loss, Flags::DISCONTINUITY),
        ];
        more.into_iter().filter(|(is, _)| *is).for_each(|(_, flag)| flags |= flag);
        items.push(Item::Packet(Packet {
            data: Payload::Bytes(made.data),
            dts,
            cts: made.cts.max(dts),
            duration: u32::try_from(made.duration).unwrap_or(0),
            flags,
            origin,
            patch_at: None,
            piece: None,
        }));
    }

    fn describe(&self, mut props: Props) -> Props {
        props.set(Prop::Id, u32::from(self.pid));
        let kind = if self.stream_type() == StreamType::Audio { 'A' } else { 'V' };
        props.set(Prop::Name, format!("{kind}{}", self.pid));
        props.set(Prop::ServiceId, u32::from(self.program));
        props.set(Prop::Timescale, CLOCK);
        if let Some(language) = &self.language {
            props.set(Prop::Language, language.as_str());
        }
        props
    }
}
