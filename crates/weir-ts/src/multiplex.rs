//! [`Multiplex`]: access units and frames to PES packets, with tables and clock references between them.

use std::fmt;

use weir_codec::aac::{AdtsHeader, AudioSpecificConfig};
use weir_codec::avc::{NalType, nal_type};
use weir_media::Bytes;

use crate::packets::{Medium, Packets, Unit};

/// Units of time in a stream, per second.
pub const CLOCK: u32 = 90_000;
/// An access unit delimiter for any kind of picture (ITU-T H.264 7.3.2.4).
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];

/// How a stream is written. Times are in units of [`CLOCK`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest time between programme tables.
    pub tables_every: i64,
    /// Longest time between clock references.
    pub clock_every: i64,
    /// How much later media is shown than its bytes come.
    pub lead: i64,
    /// Frames of sound in one PES packet.
    pub frames: usize,
    /// Number of the programme.
    pub program: u16,
    /// PID of its map; streams have the PIDs behind it.
    pub map_pid: u16,
}

/// Why something cannot be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// What came is damaged, or does not come in order.
    BadInput(String),
    /// It is sound, but has no form in a transport stream.
    Unsupported(String),
    /// A number that this crate chose does not fit: a defect.
    Internal(String),
}

/// What this module returns.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadInput(why) | Self::Unsupported(why) | Self::Internal(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

fn internal(e: impl fmt::Display) -> Error {
    Error::Internal(e.to_string())
}

/// What a track is in the stream.
#[derive(Debug)]
struct Stream {
    pid: u16,
    medium: Medium,
    /// Of sound, what its frames are wrapped with.
    config: Option<AudioSpecificConfig>,
    /// Frames of sound that wait for company, how many, and the time of the first.
    waiting: (Vec<u8>, usize, i64),
    /// The last decoding time written: none is before it.
    last: Option<i64>,
}

/// One programme being written.
#[derive(Debug)]
pub struct Multiplex {
    settings: Settings,
    streams: Vec<Stream>,
    packets: Packets,
    /// The stream whose packets carry the clock.
    clock: usize,
    tables_at: Option<i64>,
    clock_at: Option<i64>,
}

impl Multiplex {
    /// A programme without streams.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, streams: Vec::new(), packets: Packets::new(), clock: 0, tables_at: None, clock_at: None }
    }

    /// Adds a stream and returns its place, from 0. The first one of pictures carries the clock, or else the first.
    pub fn add(&mut self, medium: Medium) -> usize {
        let place = self.streams.len();
        let number = u16::try_from(place + 1).unwrap_or(1);
        let pid = self.settings.map_pid + number;
        let has_pictures = self.streams.iter().any(|s| s.medium == Medium::Avc);
        if medium == Medium::Avc && !has_pictures {
            self.clock = place;
        }
        self.streams.push(Stream { pid, medium, config: None, waiting: (Vec::new(), 0, 0), last: None });
        place
    }

    /// How many streams it has.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Takes an AudioSpecificConfig for the frames that follow. Of pictures there is nothing to take: theirs are in them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn configure(&mut self, stream: usize, config: &Bytes) -> Result<()> {
        if self.streams[stream].medium == Medium::Avc {
            return Ok(());
        }
        self.flush(stream)?;
        let config = AudioSpecificConfig::parse(config);
        let config = config.map_err(|e| Error::BadInput(format!("AudioSpecificConfig: {e}")))?;
        self.streams[stream].config = Some(config);
        Ok(())
    }

    /// Adds an access unit in Annex B, or a frame of sound as it is. Times are in units of [`CLOCK`].
    ///
    /// # Errors
    /// Sound without a configuration, or without an ADTS form.
    pub fn write(&mut self, stream: usize, data: &[u8], dts: i64, pts: i64, is_key: bool) -> Result<()> {
        let dts = dts.max(self.streams[stream].last.unwrap_or(i64::MIN));
        self.streams[stream].last = Some(dts);
        let is_video = self.streams[stream].medium == Medium::Avc;
        self.write_tables(dts, is_key && is_video)?;
        if !is_video {
            return self.collect(stream, data, dts);
        }
        let whole = if starts_with_delimiter(data) { None } else { Some([&DELIMITER[..], data].concat()) };
        let data = whole.as_deref().unwrap_or(data);
        self.write_unit(stream, dts, pts.max(dts), is_key, data)
    }

    /// Writes the sound that waits in all streams.
    ///
    /// # Errors
    /// A defect only.
    pub fn flush_all(&mut self) -> Result<()> {
        (0..self.streams.len()).try_for_each(|stream| self.flush(stream))
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Bytes {
        self.packets.take().into()
    }

    /// Puts the tables and a clock reference in front of what is written next: a player begins there.
    pub fn begin_anew(&mut self) {
        (self.tables_at, self.clock_at) = (None, None);
    }

    /// Begins another stream with the same tracks: times may be any again.
    pub fn restart(&mut self) {
        self.packets = Packets::new();
        self.streams.iter_mut().for_each(|stream| stream.last = None);
        self.begin_anew();
    }

    /// Tables, when it is time or a key picture comes: whoever begins there needs them.
    fn write_tables(&mut self, now: i64, is_key: bool) -> Result<()> {
        let due = self.tables_at.is_none_or(|at| now - at >= self.settings.tables_every);
        if !due && !is_key {
            return Ok(());
        }
        self.tables_at = Some(now);
        let mut streams: Vec<(u16, Medium)> = self.streams.iter().map(|s| (s.pid, s.medium)).collect();
        let pcr_pid = streams[self.clock].0;
        // Pictures first: players take the first stream there is for the main one.
        streams.sort_by_key(|(_, medium)| *medium != Medium::Avc);
        self.packets.tables(self.settings.program, self.settings.map_pid, pcr_pid, &streams).map_err(internal)
    }

    /// Adds a frame of sound to those that wait, and writes them when there are enough.
    fn collect(&mut self, stream: usize, frame: &[u8], dts: i64) -> Result<()> {
        let Stream { config, waiting: (data, count, since), .. } = &mut self.streams[stream];
        let Some(config) = config else {
            return Err(Error::BadInput("sound comes before the parameters of its decoder".to_owned()));
        };
        let header = AdtsHeader::new(config.object_type, config.sample_rate, config.channel_config, frame.len());
        let header = header.map_err(|e| Error::Unsupported(format!("this AAC stream has no ADTS form: {e}")))?;
        if *count == 0 {
            *since = dts;
        }
        data.extend_from_slice(&header.build());
        data.extend_from_slice(frame);
        *count += 1;
        if *count >= self.settings.frames { self.flush(stream) } else { Ok(()) }
    }

    /// Writes the sound that waits in a stream.
    fn flush(&mut self, stream: usize) -> Result<()> {
        let (data, count, dts) = std::mem::take(&mut self.streams[stream].waiting);
        if count == 0 {
            return Ok(());
        }
        self.write_unit(stream, dts, dts, true, &data)
    }

    fn write_unit(&mut self, stream: usize, dts: i64, pts: i64, is_key: bool, data: &[u8]) -> Result<()> {
        let is_due = self.clock_at.is_none_or(|at| dts - at >= self.settings.clock_every);
        let mut pcr = None;
        if stream == self.clock {
            // With every picture: it costs nothing, and receivers like it.
            pcr = Some(dts);
        } else if is_due {
            self.packets.clock(self.streams[self.clock].pid, dts).map_err(internal)?;
        }
        if pcr.is_some() || is_due {
            self.clock_at = Some(dts);
        }
        let (Stream { pid, medium, .. }, lead) = (&self.streams[stream], self.settings.lead);
        let unit = Unit { pid: *pid, medium: *medium, pts: pts + lead, dts: dts + lead, pcr, is_key, data };
        self.packets.unit(&unit).map_err(internal)
    }
}

/// Whether an access unit in Annex B begins with a delimiter.
fn starts_with_delimiter(data: &[u8]) -> bool {
    let behind = data.strip_prefix(&[0, 0, 0, 1]).or_else(|| data.strip_prefix(&[0, 0, 1]));
    behind.is_some_and(|nal| nal_type(nal) == NalType::Aud)
}
