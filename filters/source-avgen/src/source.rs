//! The filter: one [`Track`] per PID, always continued where it is furthest behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_media::{CodecId, Flags, Frac, Frame, Packet, PixelFormat, Prop, Props, SampleFormat, StreamType};
use weir_plugin::{Ctx, Event, Filter, Level, Memory, Options, OutId, Result, Status};

use crate::picture::{Moment, Picture};
use crate::settings::{Settings, Video};
use crate::sound::Sound;
use crate::timing::{Line, Phase};

/// Packets of one `process` call.
const BUDGET: usize = 4;
/// A PID without room is overtaken by the others, as a muxer may wait for the others before it takes more of this one;
/// but by no more than this, seconds.
const MAX_LEAD: u32 = 10;

/// The running filter.
pub(crate) struct Source {
    /// As the user gave them.
    options: Options,
    /// What consumers would like, as options.
    wishes: BTreeMap<&'static str, String>,
    settings: Settings,
    sound: Sound,
    /// One per distinct size.
    pictures: Vec<Drawing>,
    tracks: Vec<Track>,
    /// Set at the first packet.
    phase: Option<Phase>,
}

/// What one PID is at.
struct Track {
    out: OutId,
    line: Line,
    /// Packets sent.
    sent: u64,
    media: Media,
}

/// What a PID carries.
#[derive(Clone, Copy)]
enum Media {
    Sound,
    /// Pictures of this [`Drawing`].
    Pictures(usize),
}

/// The pictures of one size, and the last one, which another PID of that size may want too.
struct Drawing {
    picture: Picture,
    size: (u32, u32),
    last: Option<(u64, Arc<Frame>)>,
}

impl Track {
    fn new(out: OutId, line: Line, media: Media) -> Self {
        Self { out, line, sent: 0, media }
    }

    fn is_done(&self) -> bool {
        self.line.total.is_some_and(|total| self.sent >= total)
    }
}

impl Source {
    /// A source that has sent nothing yet.
    ///
    /// # Errors
    /// When an option cannot be honoured, or there is no memory for the pictures.
    pub(crate) fn new(options: Options, memory: &Memory) -> Result<Self> {
        let settings = Settings::new(&options)?;
        let mut pictures: Vec<Drawing> = Vec::new();
        for Video { width, height, .. } in settings.videos.iter().filter(|_| settings.kinds.video) {
            let size = (*width, *height);
            if !pictures.iter().any(|d| d.size == size) {
                pictures.push(Drawing { picture: Picture::new(&settings.picture, size, memory)?, size, last: None });
            }
        }
        let sound = Sound::new(settings.sound);
        Ok(Self { options, wishes: BTreeMap::new(), sound, pictures, tracks: Vec::new(), phase: None, settings })
    }

    /// A consumer would like an output to be like this: what the user left open is made so from here on. What cannot be
    /// made stays as it is.
    fn follow(&mut self, ctx: &mut Ctx<'_>, props: &Props) {
        let mut wishes = self.wishes.clone();
        wishes.extend(wishes_of(props));
        let mut options = self.options.clone();
        for (name, value) in wishes.iter().filter(|(name, _)| !self.options.is_given(name)) {
            let _unfit = options.apply(name, Some(value));
        }
        let Ok(next) = Self::new(options, ctx.memory()) else { return };
        if next.settings == self.settings || self.settings.videos.len() > 1 {
            return;
        }
        let before = std::mem::replace(self, next);
        (self.options, self.wishes) = (before.options, wishes);
        let (was, is) = (&before.settings, &self.settings);
        let (fps, rates) = ((was.picture.fps, is.picture.fps), (was.sound.sample_rate, is.sound.sample_rate));
        self.phase = before.phase.map(|phase| phase.moved(fps, rates));
        for Track { out, line, sent, media } in before.tracks {
            let (next, props) = match media {
                Media::Sound => (self.settings.sound_line, self.sound_props()),
                Media::Pictures(_) => {
                    (self.settings.picture_line, self.picture_props(2, "video", &self.settings.videos[0]))
                }
            };
            self.tracks.push(Track { sent: next.packet_at(&line, sent), ..Track::new(out, next, media) });
            ctx.set_props(out, props);
        }
    }

    fn open_sound(&mut self, ctx: &mut Ctx<'_>) {
        let out = ctx.open(self.sound_props());
        self.tracks.push(Track::new(out, self.settings.sound_line, Media::Sound));
    }

    fn sound_props(&self) -> Props {
        let s = &self.settings.sound;
        let narrow = |n: usize| u32::try_from(n).expect("limited by the option table");
        let mut props = raw(1, "audio", StreamType::Audio, &self.settings.sound_line)
            .with(Prop::AudioFormat, SampleFormat::Flt)
            .with(Prop::SampleRate, s.sample_rate)
            .with(Prop::NumChannels, narrow(s.channels))
            .with(Prop::SamplesPerFrame, narrow(s.packet_samples));
        if self.settings.ntp && !self.settings.kinds.video {
            props.set(Prop::SenderNtp, true);
        }
        props
    }

    fn open_pictures(&mut self, ctx: &mut Ctx<'_>) {
        let several = self.settings.videos.len() > 1;
        for (number, video) in (1_u32..).zip(self.settings.videos.clone()) {
            let name = if several { format!("video{number}") } else { "video".to_owned() };
            let out = ctx.open(self.picture_props(number + 1, &name, &video));
            let size = (video.width, video.height);
            let drawing = self.pictures.iter().position(|d| d.size == size).expect("made for each size");
            self.tracks.push(Track::new(out, self.settings.picture_line, Media::Pictures(drawing)));
        }
    }

    fn picture_props(&self, id: u32, name: &str, video: &Video) -> Props {
        let fps = self.settings.picture.fps;
        let mut props = raw(id, name, StreamType::Visual, &self.settings.picture_line)
            .with(Prop::PixelFormat, PixelFormat::Yuv420)
            .with(Prop::Width, video.width)
            .with(Prop::Height, video.height)
            .with(Prop::Fps, Frac { num: fps.num.into(), den: fps.den });
        if let Some(rate) = video.rate {
            props.set(Prop::TargetRate, rate);
        }
        if self.settings.ntp {
            props.set(Prop::SenderNtp, true);
        }
        props
    }

    /// The track to continue: of those with room, the one furthest behind, if it is not too far ahead of the others.
    fn next_track(&self, ctx: &Ctx<'_>) -> Option<usize> {
        let furthest_behind = |with_room: bool| {
            let open = |t: &&Track| !t.is_done() && (!with_room || ctx.room(t.out));
            let earlier = |a: &Track, b: &Track| a.line.elapsed(a.sent).not_after(b.line.elapsed(b.sent));
            self.tracks.iter().filter(open).reduce(|a, b| if earlier(a, b) { a } else { b })
        };
        let (next, last) = (furthest_behind(true)?, furthest_behind(false)?);
        let limit = last.line.elapsed(last.sent).plus(MAX_LEAD);
        let ahead = next.line.elapsed(next.sent);
        let index = self.tracks.iter().position(|t| t.out == next.out);
        index.filter(|_| ahead.not_after(limit))
    }

    /// Where the run began; it begins now when it has not.
    fn phase(&mut self, utc: u64) -> Phase {
        let s = &self.settings;
        *self.phase.get_or_insert_with(|| {
            if s.adjust {
                Phase::adjusted(utc, s.kinds.video.then_some(s.picture.fps), s.sound.sample_rate)
            } else {
                Phase::zero(utc)
            }
        })
    }

    fn send_next(&mut self, ctx: &mut Ctx<'_>, track: usize) {
        let Track { out, line, sent, media } = self.tracks[track];
        let phase = self.phase(ctx.utc_micros());
        let mut packet = match media {
            Media::Sound => self.sound_packet(phase, sent),
            Media::Pictures(drawing) => Packet::picture(self.frame(ctx, phase, drawing, sent), 0),
        };
        packet.dts = line.timestamp(sent);
        packet.cts = packet.dts;
        packet.duration = line.step;
        packet.flags = Flags::KEY;
        packet.origin = ctx.now();
        ctx.send(out, packet);
        self.tracks[track].sent += 1;
        if self.tracks[track].is_done() {
            ctx.end(out);
        }
    }

    fn sound_packet(&self, phase: Phase, number: u64) -> Packet {
        let first = phase.sample + number * self.settings.sound.packet_samples as u64;
        Packet::new(self.sound.packet(first), 0)
    }

    /// Picture `number` of a drawing, drawn unless it is the last one that was.
    fn frame(&mut self, ctx: &mut Ctx<'_>, phase: Phase, drawing: usize, number: u64) -> Arc<Frame> {
        let fps = self.settings.picture.fps;
        let Drawing { picture, size, last } = &mut self.pictures[drawing];
        if let Some((_, frame)) = last.as_ref().filter(|(n, _)| *n == number) {
            return Arc::clone(frame);
        }
        let locked = || phase.utc.saturating_add(fps.at(number, 1_000_000));
        let utc = if self.settings.picture.lock { locked() } else { ctx.utc_micros() };
        *last = None; // its memory goes back to the pool first
        let frame = picture.draw(&Moment { number, index: phase.frame + number, utc });
        *last = Some((number, Arc::clone(&frame)));
        if self.settings.log_times {
            let cts = self.settings.picture_line.timestamp(number);
            let timescale = self.settings.picture_line.timescale;
            let (w, h) = size;
            ctx.log(Level::Info, format!("avgen {w}x{h} frame {number} at {cts}/{timescale} s, UTC {utc} us"));
        }
        frame
    }
}

/// What a consumer would like, as options.
fn wishes_of(props: &Props) -> Vec<(&'static str, String)> {
    let number = |prop| props.u32(prop).map(|n| n.to_string());
    let size = props.u32(Prop::Width).zip(props.u32(Prop::Height));
    let pictures = [
        ("sizes", size.map(|(width, height)| format!("{width}x{height}"))),
        ("fps", props.frac(Prop::Fps).map(|fps| format!("{}/{}", fps.num, fps.den))),
    ];
    let sound = [("sr", number(Prop::SampleRate)), ("ch", number(Prop::NumChannels))];
    let of_kind = if props.stream_type() == Some(StreamType::Visual) { pictures } else { sound };
    of_kind.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The properties that all PIDs here have.
fn raw(id: u32, name: &str, ty: StreamType, line: &Line) -> Props {
    Props::new()
        .with(Prop::Id, id)
        .with(Prop::Name, name)
        .with(Prop::StreamType, ty)
        .with(Prop::CodecId, CodecId::Raw)
        .with(Prop::Timescale, line.timescale)
}

impl Filter for Source {
    fn start(&mut self, ctx: &mut Ctx<'_>) -> Result<()> {
        if self.settings.rates_ignored && self.settings.kinds.video {
            ctx.log(Level::Warning, "avgen has not one rate for each size: no rates are assigned");
        }
        if self.settings.kinds.audio {
            self.open_sound(ctx);
        }
        if self.settings.kinds.video {
            self.open_pictures(ctx);
        }
        Ok(())
    }

    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        for _ in 0..BUDGET {
            let Some(track) = self.next_track(ctx) else { break };
            self.send_next(ctx, track);
        }
        Ok(if self.tracks.iter().all(Track::is_done) {
            Status::Done
        } else if self.next_track(ctx).is_some() {
            Status::Again
        } else {
            Status::Idle
        })
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, event: Event) -> Result<()> {
        match event {
            Event::Stop => {
                ctx.end_all();
                self.tracks.clear();
            }
            Event::Wish(_, props) => self.follow(ctx, &props),
            Event::KeyRequest(_) | Event::Message(_) | Event::Change(_) => {}
        }
        Ok(())
    }
}
