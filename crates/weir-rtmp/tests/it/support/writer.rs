//! A chunk writer that uses everything a peer may: all header forms, interleaving, all styles of extended timestamps.
//! The opposite of the crate's own writer, which uses the plainest form only.

use std::collections::HashMap;

use weir_rtmp::message::Message;

/// What the writer puts on type-3 chunks whose header had an extended timestamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExtStyle {
    Repeat,
    Zero,
    Absent,
}

#[derive(Clone, Copy)]
struct Last {
    timestamp: u32,
    /// Time field of the last header that had one.
    field: u32,
    length: usize,
    kind: u8,
    msid: u32,
}

pub(crate) struct RefWriter {
    pub(crate) chunk_size: usize,
    /// Whether headers lean on earlier ones.
    pub(crate) compress: bool,
    style: ExtStyle,
    last: HashMap<u32, Last>,
    pub(crate) out: Vec<u8>,
}

impl RefWriter {
    pub(crate) fn new(style: ExtStyle, compress: bool) -> Self {
        Self { chunk_size: 128, compress, style, last: HashMap::new(), out: Vec::new() }
    }

    fn basic(&mut self, fmt: u8, csid: u32) {
        let fmt = fmt << 6;
        match csid {
            2..64 => self.out.push(fmt | csid as u8),
            64..320 => self.out.extend([fmt, (csid - 64) as u8]),
            _ => {
                self.out.push(fmt | 1);
                self.out.extend(((csid - 64) as u16).to_le_bytes());
            }
        }
    }

    fn u24(&mut self, n: u32) {
        self.out.extend(&n.to_be_bytes()[1..]);
    }

    fn field(&mut self, n: u32) {
        self.u24(n.min(0xff_ffff));
    }

    fn extension(&mut self, field: u32) {
        if field >= 0xff_ffff {
            self.out.extend(field.to_be_bytes());
        }
    }

    /// Header of a new message.
    fn open(&mut self, csid: u32, m: &Message) {
        let last = self.last.get(&csid).copied().filter(|_| self.compress);
        let mut next =
            Last { timestamp: m.timestamp, field: m.timestamp, length: m.body.len(), kind: m.kind, msid: m.msid };
        // A wrapped difference for times that go back, as GStreamer writes it, but not where the style cannot tell.
        let delta = last.map(|l| m.timestamp.wrapping_sub(l.timestamp));
        let delta = delta.filter(|&d| d < 0xff_ffff || self.style == ExtStyle::Repeat);
        match (last, delta) {
            (Some(l), Some(delta)) if l.msid == m.msid => {
                next.field = delta;
                let same_format = (l.length, l.kind) == (next.length, next.kind);
                if same_format && delta == l.field && (delta < 0xff_ffff || self.style == ExtStyle::Repeat) {
                    self.basic(3, csid);
                } else if same_format {
                    self.basic(2, csid);
                    self.field(delta);
                } else {
                    self.basic(1, csid);
                    self.field(delta);
                    self.u24(m.body.len() as u32);
                    self.out.push(m.kind);
                }
            }
            _ => {
                self.basic(0, csid);
                self.field(m.timestamp);
                self.u24(m.body.len() as u32);
                self.out.push(m.kind);
                self.out.extend(m.msid.to_le_bytes());
            }
        }
        self.extension(next.field);
        self.last.insert(csid, next);
    }

    /// Writes one chunk of `m`, of which `sent` bytes are out already; answers how many are then.
    pub(crate) fn chunk(&mut self, csid: u32, m: &Message, sent: usize) -> usize {
        if sent == 0 {
            self.open(csid, m);
        } else {
            self.basic(3, csid);
            let field = self.last[&csid].field;
            match self.style {
                ExtStyle::Repeat => self.extension(field),
                ExtStyle::Zero if field >= 0xff_ffff => self.out.extend([0; 4]),
                _ => {}
            }
        }
        let end = m.body.len().min(sent + self.chunk_size);
        self.out.extend(&m.body[sent..end]);
        end
    }

    /// Writes all of `m`.
    pub(crate) fn message(&mut self, csid: u32, m: &Message) {
        let mut sent = self.chunk(csid, m, 0);
        while sent < m.body.len() {
            sent = self.chunk(csid, m, sent);
        }
    }
}
