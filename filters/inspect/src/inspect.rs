//! The filter `inspect`.

use weir_media::{Frac, Packet, Props};
use weir_plugin::{Ctx, Filter, InId, Item, Options, Result, Status};

use crate::line;
use crate::log::Log;

/// Items looked at in one call.
const ITEMS_PER_CALL: usize = 64;

/// What the user wants to see.
struct Settings {
    deep: bool,
    full: bool,
    format: Option<String>,
    /// Streams are followed to their ends.
    to_end: bool,
    start: Frac,
    length: Option<Frac>,
    interleaved: bool,
    stats: bool,
}

/// One stream.
#[derive(Default)]
struct Stream {
    props: Props,
    known: bool,
    ended: bool,
    packets: u64,
    bytes: u64,
    keys: u64,
    first: Option<i64>,
    /// Lines that wait for the streams before it to end.
    held: String,
}

/// The filter.
pub(crate) struct Inspect {
    log: Log,
    settings: Settings,
    streams: Vec<Stream>,
    text: String,
}

impl Inspect {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let yes = |name| options.bool(name).unwrap_or_default();
        let time = |name| options.frac(name).unwrap_or(Frac { num: 0, den: 1 });
        let format = options.text("fmt").filter(|f| !f.is_empty()).map(str::to_owned);
        let deep = yes("deep") || format.is_some();
        let stats = yes("stats");
        let settings = Settings {
            deep,
            full: yes("full"),
            format,
            to_end: deep || stats || yes("allp"),
            start: time("start"),
            length: Some(time("dur")).filter(|d| d.num > 0),
            interleaved: yes("interleave"),
            stats,
        };
        Ok(Self { log: Log::open(options)?, settings, streams: Vec::new(), text: String::new() })
    }

    fn item(&mut self, n: usize, item: Item) {
        if self.streams.len() <= n {
            self.streams.resize_with(n + 1, Stream::default);
        }
        let Some(stream) = self.streams.get_mut(n) else { return };
        let text = match item {
            Item::Props(props) => {
                let text = if self.settings.full {
                    line::properties(n + 1, &props)
                } else {
                    line::stream(n + 1, &props) + "\n"
                };
                (stream.props, stream.known) = (props, true);
                text
            }
            Item::Packet(packet) => stream.packet(n + 1, &packet, &self.settings),
            Item::End => {
                stream.ended = true;
                String::new()
            }
        };
        if self.settings.interleaved { &mut self.text } else { &mut stream.held }.push_str(&text);
    }

    /// Prints what may be printed now.
    fn print(&mut self) -> Result<()> {
        if !self.settings.interleaved {
            for stream in &mut self.streams {
                self.text.push_str(&std::mem::take(&mut stream.held));
                if !stream.ended {
                    break;
                }
            }
        }
        if self.text.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        self.log.write(&text)
    }

    fn is_over(&self, ctx: &Ctx<'_>) -> bool {
        let all = |done: fn(&Stream) -> bool| {
            !self.streams.is_empty() && ctx.inputs().count() == self.streams.len() && self.streams.iter().all(done)
        };
        ctx.settled() && (all(|s| s.ended) || (!self.settings.to_end && all(|s| s.known)))
    }
}

impl Stream {
    fn packet(&mut self, n: usize, packet: &Packet, settings: &Settings) -> String {
        self.packets += 1;
        self.bytes += packet.len() as u64;
        self.keys += u64::from(packet.is_key());
        let first = *self.first.get_or_insert(packet.cts);
        let scale = i128::from(self.props.timescale());
        // Whether a moment lies at or behind a time of the stream.
        let reaches = |moment: i64, time: (i128, i128)| i128::from(moment - first) * time.1 >= time.0 * scale;
        let of = |t: Frac| (i128::from(t.num), i128::from(t.den));
        let start = of(settings.start);
        let end = settings.length.map(of).map(|(num, den)| (num * start.1 + start.0 * den, den * start.1));
        self.ended |= end.is_some_and(|end| reaches(packet.dts, end));
        if !settings.deep || !reaches(packet.cts, start) || end.is_some_and(|end| reaches(packet.cts, end)) {
            return String::new();
        }
        match &settings.format {
            Some(format) => line::formatted(format, n, self.packets, packet),
            None => line::packet(n, self.packets, packet),
        }
    }
}

impl Filter for Inspect {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        let mut left = ITEMS_PER_CALL;
        for input in ctx.inputs() {
            let n = input.0 as usize;
            while left > 0
                && let Some(item) = ctx.next(InId(input.0))
            {
                left -= 1;
                self.item(n, item);
            }
        }
        self.print()?;
        if self.is_over(ctx) {
            if self.settings.stats {
                let line = |(n, s): (usize, &Stream)| {
                    format!("PID {} {} packets, {} keys, {} bytes\n", n + 1, s.packets, s.keys, s.bytes)
                };
                let text: String = self.streams.iter().enumerate().map(line).collect();
                self.log.write(&text)?;
            }
            return Ok(Status::Done);
        }
        Ok(if left == 0 { Status::Again } else { Status::Idle })
    }
}
