//! `ufadts`: takes raw frames, sends them with an ADTS header. Each packet becomes one packet.

use weir_codec::aac::{ADTS_HEADER_LEN, AdtsHeader, AudioSpecificConfig};
use weir_media::{BufMut, Bytes, BytesMut, Flags, Packet, Payload, Prop, Props};
use weir_plugin::{Ctx, Error, Filter, Level, OneToOne, OutId, Result, Status};

/// Packets converted in one call.
const PACKETS_PER_CALL: usize = 32;

/// The stream being converted.
struct Stream {
    config: AudioSpecificConfig,
    /// No frame of `config` came yet.
    fresh: bool,
    /// What the next packet is marked with.
    mark: Flags,
}

/// The filter.
#[derive(Default)]
pub(crate) struct Unframer {
    output: Option<(OutId, Props)>,
    stream: Option<Stream>,
    warned: bool,
}

impl Filter for Unframer {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PACKETS_PER_CALL)
    }
}

impl OneToOne for Unframer {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    fn props(&mut self, ctx: &mut Ctx<'_>, input: Props) -> Result<()> {
        let config = adts_config(&input)?;
        let mut props = input.with(Prop::Unframed, true);
        props.remove(Prop::DecoderConfig);
        ctx.publish(&mut self.output, props);
        match &mut self.stream {
            None => self.stream = Some(Stream { config, fresh: true, mark: Flags::NONE }),
            Some(stream) => {
                stream.fresh = true;
                stream.config = config;
            }
        }
        Ok(())
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, packet: Packet) -> Result<()> {
        let (Some(stream), Some((out, _))) = (&mut self.stream, &self.output) else { return Ok(()) };
        let frame = packet.bytes().ok_or_else(|| Error::unsupported("a raw picture is not an AAC frame"))?;
        if std::mem::replace(&mut stream.fresh, false) && stream.config.channel_config == 0 && !has_layout(frame) {
            return Err(Error::unsupported(
                "this AAC stream has no ADTS form: its channel layout is not in its frames",
            ));
        }
        match adts(&stream.config, frame) {
            Ok(data) => {
                let flags = packet.flags | std::mem::replace(&mut stream.mark, Flags::NONE);
                ctx.send(*out, Packet { data: Payload::Bytes(data), flags, ..packet });
            }
            Err(e) => {
                stream.mark = Flags::DISCONTINUITY;
                if !std::mem::replace(&mut self.warned, true) {
                    let at = packet.dts;
                    ctx.log(
                        Level::Warning,
                        format!("the frame at {at} does not fit ADTS and is dropped (said once): {e}"),
                    );
                }
            }
        }
        Ok(())
    }
}

/// The configuration of a PID, if ADTS can say it.
fn adts_config(input: &Props) -> Result<AudioSpecificConfig> {
    let data =
        input.bytes(Prop::DecoderConfig).ok_or_else(|| Error::bad_input("framed AAC without a configuration"))?;
    let config = AudioSpecificConfig::parse(data).map_err(|e| Error::bad_input(format!("AudioSpecificConfig: {e}")))?;
    let unsayable = |e: String| Error::unsupported(format!("this AAC stream has no ADTS form: {e}"));
    if config.samples_per_frame() != Some(1024) {
        return Err(unsayable("its frames are not 1024 samples long".into()));
    }
    adts(&config, &[]).map_err(|e| unsayable(e.to_string()))?;
    Ok(config)
}

/// Whether a raw frame starts with a program_config_element (ISO/IEC 14496-3 table 4.71).
fn has_layout(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte >> 5 == 5)
}

/// A frame with its header.
fn adts(config: &AudioSpecificConfig, frame: &[u8]) -> std::result::Result<Bytes, weir_codec::Error> {
    let header = AdtsHeader::new(config.object_type, config.sample_rate, config.channel_config, frame.len())?;
    let mut out = BytesMut::with_capacity(ADTS_HEADER_LEN + frame.len());
    out.put_slice(&header.build());
    out.put_slice(frame);
    Ok(out.freeze())
}
