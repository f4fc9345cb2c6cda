//! [`Container`]: packets to the bytes of fragments or transport streams. It knows neither segments nor playlists.

use weir_codec::avc::{NalType, nal_ranges, nal_type};
use weir_media::{Bytes, Packet, Payload, Props, StreamType, rescale};
use weir_mp4::{Part, Sample, Tables, file_type, moof, movie};
use weir_plugin::interleave::MICROS;
use weir_plugin::{Error, ErrorKind, Result};
use weir_ts::{CLOCK, Medium, Multiplex};

/// Timescale of movie boxes; all tracks have their own.
const MOVIE_SCALE: u32 = 1000;
/// How transport streams are written: the defaults of `m2tsmx`, but for fewer frames of sound in one packet, so that pieces
/// end close to where they should.
const TS: weir_ts::Settings = weir_ts::Settings {
    tables_every: 200 * 90,
    clock_every: 100 * 90,
    lead: 500 * 90,
    frames: 2,
    program: 1,
    map_pid: 100,
};

/// What is being written for one rendition.
pub(crate) enum Container {
    Mp4(Fragments),
    Ts(Stream),
}

/// Fragments of MP4.
pub(crate) struct Fragments {
    tables: Vec<Tables>,
    /// Samples and data of each track that wait for the end of the fragment.
    waiting: Vec<(Vec<Sample>, Vec<Bytes>)>,
    /// The last decoding time of each track: none is before it.
    last: Vec<i64>,
    bytes: usize,
    /// Of the next fragment, from 1.
    number: u32,
}

/// A transport stream.
pub(crate) struct Stream {
    multiplex: Multiplex,
    scales: Vec<u32>,
    /// Parameter sets of pictures, as they were last.
    sets: Vec<Option<Vec<u8>>>,
    /// What becomes 0, in units of [`CLOCK`].
    base: i64,
    bytes: usize,
}

fn of_mp4(e: weir_mp4::Error) -> Error {
    match e {
        weir_mp4::Error::BadInput(why) => Error::bad_input(why),
        weir_mp4::Error::Unsupported(why) => Error::unsupported(why),
    }
}

fn of_ts(e: weir_ts::Error) -> Error {
    match e {
        weir_ts::Error::BadInput(why) => Error::bad_input(why),
        weir_ts::Error::Unsupported(why) => Error::unsupported(why),
        weir_ts::Error::Internal(why) => Error::new(ErrorKind::Internal, why),
    }
}

impl Container {
    /// Fragments of tracks with these properties, whose times begin at `base`, in microseconds.
    pub(crate) fn mp4(tracks: &[Props], base: i64) -> Self {
        let table = |props: &Props| {
            let mut tables = Tables::new(props.clone());
            tables.begin_at(rescale(base, MICROS, props.timescale()));
            tables
        };
        Self::Mp4(Fragments {
            tables: tracks.iter().map(table).collect(),
            waiting: tracks.iter().map(|_| Default::default()).collect(),
            last: vec![0; tracks.len()],
            bytes: 0,
            number: 1,
        })
    }

    /// A transport stream of the same.
    pub(crate) fn ts(tracks: &[Props], base: i64) -> Self {
        let mut multiplex = Multiplex::new(TS);
        for props in tracks {
            let is_video = props.stream_type() == Some(StreamType::Visual);
            multiplex.add(if is_video { Medium::Avc } else { Medium::Aac });
        }
        let scales = tracks.iter().map(Props::timescale).collect();
        let sets = vec![None; tracks.len()];
        Self::Ts(Stream { multiplex, scales, sets, base: rescale(base, MICROS, CLOCK), bytes: 0 })
    }

    /// Whether this decoder configuration is another than the one in force, so that what follows cannot be in the same
    /// segment.
    pub(crate) fn is_changed_by(&self, track: usize, config: &Bytes) -> bool {
        match self {
            Self::Mp4(fragments) => fragments.tables[track].entries.last().is_some_and(|(known, _)| known != config),
            Self::Ts(_) => false, // what a decoder needs is in the stream
        }
    }

    /// Whether a key picture has other parameter sets in it than the one before. Of fragments it has none.
    pub(crate) fn is_changed_at(&mut self, track: usize, packet: &Packet) -> bool {
        let (Self::Ts(stream), Some(data)) = (self, packet.bytes()) else { return false };
        let sps = nal_ranges(data).map(|range| &data[range]).find(|nal| nal_type(nal) == NalType::Sps);
        let Some(sps) = sps else { return false };
        let known = stream.sets[track].replace(sps.to_vec());
        known.is_some_and(|known| known != sps)
    }

    /// Takes a decoder configuration, and what else is known of the track now.
    pub(crate) fn configure(&mut self, track: usize, config: &Bytes, props: &Props) -> Result<()> {
        match self {
            Self::Mp4(fragments) => {
                let tables = &mut fragments.tables[track];
                if tables.entries.last().is_none_or(|(known, _)| known != config) {
                    tables.props = props.clone();
                    tables.entries.clear();
                    tables.configure(config).map_err(of_mp4)?;
                }
                Ok(())
            }
            Self::Ts(stream) => stream.multiplex.configure(track, config).map_err(of_ts),
        }
    }

    /// Takes the configuration from a packet, for codecs that have none of their own.
    pub(crate) fn configure_by(&mut self, track: usize, packet: &Packet) -> Result<()> {
        match self {
            Self::Mp4(fragments) => fragments.tables[track].configure_by(packet).map_err(of_mp4),
            Self::Ts(_) => Ok(()),
        }
    }

    /// What players load before the first segment; `None` where segments need nothing.
    pub(crate) fn init(&self) -> Option<Bytes> {
        let Self::Mp4(fragments) = self else { return None };
        let mut init = file_type(true);
        init.extend_from_slice(&movie(&fragments.tables, MOVIE_SCALE, true));
        Some(init.into())
    }

    /// A segment begins with what is added next.
    pub(crate) fn begin_segment(&mut self) {
        if let Self::Ts(stream) = self {
            stream.multiplex.begin_anew();
        }
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Mp4(fragments) => fragments.bytes,
            Self::Ts(stream) => stream.bytes,
        }
    }

    /// Adds a packet.
    pub(crate) fn add(&mut self, track: usize, packet: &Packet) -> Result<()> {
        let Some(data) = packet.bytes().filter(|b| !b.is_empty()) else { return Ok(()) };
        match self {
            Self::Mp4(fragments) => fragments.add(track, packet, data.clone()),
            Self::Ts(stream) => {
                stream.bytes += data.len();
                let ticks = |time| rescale(time, stream.scales[track], CLOCK).saturating_sub(stream.base);
                let (dts, pts) = (ticks(packet.dts), ticks(packet.cts));
                stream.multiplex.write(track, data, dts, pts, packet.is_key()).map_err(of_ts)
            }
        }
    }

    /// All that was added since the last cut. `next` is the decoding time of what follows in each track, where it is known
    /// and goes on from here.
    pub(crate) fn cut(&mut self, next: &[Option<i64>]) -> Result<Bytes> {
        match self {
            Self::Mp4(fragments) => Ok(fragments.cut(next)),
            Self::Ts(stream) => {
                stream.bytes = 0;
                stream.multiplex.flush_all().map_err(of_ts)?;
                Ok(stream.multiplex.take())
            }
        }
    }
}

impl Fragments {
    fn add(&mut self, track: usize, packet: &Packet, data: Bytes) -> Result<()> {
        let tables = &mut self.tables[track];
        if tables.entries.is_empty() {
            return Err(Error::bad_input("media comes before the parameters of its decoder"));
        }
        let data = tables.stored(data).map_err(of_mp4)?;
        let packet = &Packet { data: Payload::Bytes(data.clone()), ..packet.clone() };
        let too_large = || Error::bad_input("a packet is too large, or too far from its decoding time, for MP4");
        let mut sample = tables.sample(packet).ok_or_else(too_large)?;
        let held = sample.dts.max(self.last[track]);
        sample.offset = i32::try_from(sample.dts + i64::from(sample.offset) - held).unwrap_or(0);
        sample.dts = held;
        self.last[track] = held;
        self.bytes += data.len();
        self.waiting[track].0.push(sample);
        self.waiting[track].1.push(data);
        Ok(())
    }

    fn cut(&mut self, next: &[Option<i64>]) -> Bytes {
        let waiting: Vec<_> = self.waiting.iter_mut().map(std::mem::take).collect();
        let mut parts = Vec::new();
        let mut offset = 0_u32;
        for (n, (samples, _)) in waiting.iter().enumerate().filter(|(_, (samples, _))| !samples.is_empty()) {
            let behind = next.get(n).copied().flatten().map(|dts| dts - self.tables[n].first_dts);
            let last = behind.zip(samples.last()).and_then(|(dts, s)| u32::try_from(dts - s.dts).ok());
            let track = u32::try_from(n + 1).unwrap_or(u32::MAX);
            parts.push(Part { track, entry: 1, samples, last, offset });
            offset += samples.iter().map(|s| s.size).sum::<u32>();
        }
        if parts.is_empty() {
            return Bytes::new();
        }
        let mut out = moof(self.number, &parts);
        self.number = self.number.wrapping_add(1);
        self.bytes = 0;
        out.reserve_exact(offset as usize + 8);
        out.extend_from_slice(&(offset + 8).to_be_bytes());
        out.extend_from_slice(b"mdat");
        waiting.iter().flat_map(|(_, data)| data).for_each(|data| out.extend_from_slice(data));
        out.into()
    }
}
