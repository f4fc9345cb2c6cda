//! The filter itself: decodes frame by frame, cuts the priming off, and times what comes out.

use weir_codec::aac::AudioSpecificConfig;
use weir_media::{CodecId, Flags, Packet, Prop, Props, SampleFormat, rescale};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, OutId, Result, Status};

use crate::codec::{Codec, Sound};

/// Frames decoded in one call of `process`. A frame takes some tenths of a millisecond.
const FRAMES_PER_CALL: usize = 8;

/// Longest priming that is cut off, seconds: what is longer is an edit of the sound and none of its encoder.
const MAX_PRIMING: u64 = 1;

/// Decoding of one kind of sound.
struct Run {
    codec: Codec,
    sound: Sound,
    /// Samples of each channel that are still to be cut off.
    skip: usize,
}

/// The running filter.
#[derive(Default)]
pub(crate) struct Decode {
    input: Props,
    run: Option<Run>,
    output: Option<(OutId, Props)>,
    /// Something was lost: the next packet says so.
    discontinuity: bool,
    /// The last frame was damaged, and that has been said.
    damaged: bool,
}

impl Decode {
    fn send(&mut self, ctx: &mut Ctx<'_>, packet: &Packet, samples: &[f32]) {
        let (Some(run), Some((out, _))) = (&mut self.run, &self.output) else { return };
        let channels = usize::from(run.sound.channels);
        let cut = run.skip.min(samples.len() / channels);
        run.skip -= cut;
        let kept = &samples[cut * channels..];
        if kept.is_empty() {
            return;
        }
        let bytes: Vec<u8> = kept.iter().flat_map(|x| x.to_le_bytes()).collect();
        let first = rescale(packet.cts, self.input.timescale(), run.sound.rate);
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
        self.work(ctx, FRAMES_PER_CALL)
    }
}

impl OneToOne for Decode {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        let record = props.bytes(Prop::DecoderConfig);
        let record = record.ok_or_else(|| Error::bad_input("AAC came without its AudioSpecificConfig"))?;
        let config =
            AudioSpecificConfig::parse(record).map_err(|e| Error::bad_input(format!("AudioSpecificConfig: {e}")))?;
        let sound = Sound::of(&config).map_err(Error::unsupported)?;
        if self.run.as_ref().is_none_or(|run| run.sound != sound) {
            if sound.extended {
                ctx.log(Level::Warning, format!("of HE-AAC only the LC part is decoded: up to {} Hz", sound.rate / 2));
            }
            let codec = Codec::new(sound).map_err(|e| Error::unsupported(format!("AAC: {e}")))?;
            self.run = Some(Run { codec, sound, skip: priming(&props, sound.rate) });
        }
        ctx.publish(&mut self.output, output_props(&props, sound));
        self.input = props;
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let Some(bytes) = packet.bytes() else { return Err(Error::bad_input("a picture came where AAC should be")) };
        let Some(run) = &mut self.run else { return Ok(()) };
        self.discontinuity |= packet.flags.contains(Flags::DISCONTINUITY);
        match run.codec.decode(bytes) {
            Ok(samples) => {
                self.damaged = false;
                self.send(ctx, &packet, &samples);
            }
            Err(why) => {
                self.discontinuity = true;
                if !std::mem::replace(&mut self.damaged, true) {
                    ctx.log(Level::Warning, format!("a frame at {} is left out: {why}", packet.cts));
                }
            }
        }
        Ok(())
    }
}

/// Samples of each channel that an encoder put before the sound.
fn priming(props: &Props, rate: u32) -> usize {
    let delay = props.i64(Prop::Delay).unwrap_or(0).min(0).unsigned_abs();
    let samples = u128::from(delay) * u128::from(rate) / u128::from(props.timescale());
    if samples > u128::from(u64::from(rate) * MAX_PRIMING) { 0 } else { samples as usize }
}

fn output_props(input: &Props, sound: Sound) -> Props {
    let mut props = input.clone();
    for gone in [Prop::DecoderConfig, Prop::Unframed, Prop::Bitrate, Prop::Delay, Prop::SamplesPerFrame] {
        props.remove(gone);
    }
    props
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::AudioFormat, SampleFormat::Flt)
        .with(Prop::SampleRate, sound.rate)
        .with(Prop::NumChannels, u32::from(sound.channels))
        .with(Prop::Timescale, sound.rate)
}
