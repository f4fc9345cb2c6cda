//! The filter itself: decodes packet by packet, cuts the priming off, and times what comes out.

use weir_codec::StreamConfig;
use weir_media::{CodecId, Flags, Packet, Prop, Props, SampleFormat, rescale};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, OutId, Result, Status};

use crate::codec::{Codec, Sound};

/// Packets decoded in one call of `process`. One takes some tenths of a millisecond.
const PACKETS_PER_CALL: usize = 8;

/// Longest priming that is cut off, seconds: what is longer is an edit of the sound and none of its encoder.
const MAX_PRIMING: u64 = 1;

/// Decoding of one kind of sound.
struct Run {
    codec: Box<dyn Codec>,
    /// What it was opened for.
    sound: Sound,
    /// What it makes.
    rate: u32,
    channels: u8,
    /// Samples of each channel that are still to be cut off.
    skip: usize,
}

/// The running filter.
pub(crate) struct Decode {
    codec: CodecId,
    input: Props,
    /// The packets say what they are, as no record does.
    by_packet: bool,
    run: Option<Run>,
    output: Option<(OutId, Props)>,
    /// Something was lost: the next packet says so.
    discontinuity: bool,
    /// The last packet was damaged, and that has been said.
    damaged: bool,
}

impl Decode {
    pub(crate) fn new(codec: CodecId) -> Self {
        Self {
            codec,
            input: Props::new(),
            by_packet: false,
            run: None,
            output: None,
            discontinuity: false,
            damaged: false,
        }
    }

    /// Makes sure that a decoder for this configuration is open, and the output says what comes of it.
    fn set_up(&mut self, ctx: &mut Ctx<'_>, config: &StreamConfig) -> Result<()> {
        let sound = Sound::of(config).map_err(Error::unsupported)?;
        if self.run.as_ref().is_none_or(|run| run.sound != sound) {
            let codec = sound.open().map_err(|e| Error::unsupported(format!("{}: {e}", self.codec)))?;
            let skip = priming(&self.input, &sound);
            let (rate, channels) = (sound.rate, sound.channels);
            self.run = Some(Run { codec, sound, rate, channels, skip });
        }
        self.publish(ctx);
        Ok(())
    }

    /// Says what is made, as soon as that is certain.
    fn publish(&mut self, ctx: &mut Ctx<'_>) {
        let Some(run) = &mut self.run else { return };
        let decoded = run.codec.shape();
        if let Some(shape) = decoded {
            (run.rate, run.channels) = shape;
        }
        if decoded.is_some() || run.sound.is_certain() {
            ctx.publish(&mut self.output, output_props(&self.input, run.rate, run.channels));
        }
    }

    /// Decodes a packet, set up by itself where that is how the codec does it.
    fn decode(&mut self, ctx: &mut Ctx<'_>, bytes: &[u8]) -> Result<std::result::Result<Vec<f32>, String>> {
        // A stream of Opus may be mono here and stereo there, and is decoded to what it began with.
        let is_set = self.run.is_some() && self.codec == CodecId::Opus;
        if self.by_packet && !is_set {
            match StreamConfig::of_packet(self.codec, bytes) {
                // In a stream under way, a packet that cannot be is a damaged one.
                Ok(config) => match (Sound::of(&config), &self.run) {
                    (Err(why), Some(_)) => return Ok(Err(why)),
                    _ => self.set_up(ctx, &config)?,
                },
                Err(e) => return Ok(Err(e.to_string())),
            }
        }
        let decoded = self.run.as_mut().map_or_else(|| Ok(Vec::new()), |run| run.codec.decode(bytes));
        if decoded.is_ok() {
            self.publish(ctx);
        }
        Ok(decoded)
    }

    fn send(&mut self, ctx: &mut Ctx<'_>, packet: &Packet, samples: &[f32]) {
        let (Some(run), Some((out, _))) = (&mut self.run, &self.output) else { return };
        let channels = usize::from(run.channels);
        let cut = run.skip.min(samples.len() / channels);
        run.skip -= cut;
        let kept = &samples[cut * channels..];
        if kept.is_empty() {
            return;
        }
        let bytes: Vec<u8> = kept.iter().flat_map(|x| x.to_le_bytes()).collect();
        let first = rescale(packet.cts, self.input.timescale(), run.rate);
        let mut sound = Packet::new(bytes.into(), first.saturating_add(cut as i64));
        sound.duration = (kept.len() / channels) as u32;
        sound.origin = packet.origin;
        sound.flags = Flags::KEY;
        if std::mem::take(&mut self.discontinuity) {
            sound.flags |= Flags::DISCONTINUITY;
        }
        ctx.send(*out, sound);
    }
}

impl Filter for Decode {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PACKETS_PER_CALL)
    }
}

impl OneToOne for Decode {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        self.input = props;
        let record = self.input.bytes(Prop::DecoderConfig).cloned();
        // Opus is set up by its packets where the record was left out.
        let has_record = StreamConfig::has_record(self.codec);
        self.by_packet = !has_record || (record.is_none() && self.codec == CodecId::Opus);
        match record {
            _ if self.by_packet => Ok(()),
            Some(record) => {
                let config = StreamConfig::parse(self.codec, &record);
                let config = config.map_err(|e| Error::bad_input(format!("{} configuration: {e}", self.codec)))?;
                self.set_up(ctx, &config)
            }
            None => Err(Error::bad_input(format!("{} came without its configuration", self.codec))),
        }
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let Some(bytes) = packet.bytes() else { return Err(Error::bad_input("a picture came where sound should be")) };
        self.discontinuity |= packet.flags.contains(Flags::DISCONTINUITY);
        match self.decode(ctx, bytes)? {
            Ok(samples) => {
                self.damaged = false;
                self.send(ctx, &packet, &samples);
            }
            Err(why) => {
                self.discontinuity = true;
                if !std::mem::replace(&mut self.damaged, true) {
                    ctx.log(Level::Warning, format!("a packet at {} is left out: {why}", packet.cts));
                }
            }
        }
        Ok(())
    }
}

/// Samples of each channel that an encoder put before the sound.
fn priming(props: &Props, sound: &Sound) -> usize {
    let Some(delay) = props.i64(Prop::Delay) else { return sound.pre_skip() };
    let samples = u128::from(delay.min(0).unsigned_abs()) * u128::from(sound.rate) / u128::from(props.timescale());
    if samples > u128::from(u64::from(sound.rate) * MAX_PRIMING) { 0 } else { samples as usize }
}

fn output_props(input: &Props, rate: u32, channels: u8) -> Props {
    let mut props = input.clone();
    for gone in [Prop::DecoderConfig, Prop::Unframed, Prop::Bitrate, Prop::Delay, Prop::SamplesPerFrame] {
        props.remove(gone);
    }
    props
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::AudioFormat, SampleFormat::Flt)
        .with(Prop::SampleRate, rate)
        .with(Prop::NumChannels, u32::from(channels))
        .with(Prop::Timescale, rate)
}
