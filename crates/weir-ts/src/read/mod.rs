//! [`Reader`]: a transport stream taken apart, whichever programmes it has, from any place on and over damage.
//!
//! Bytes in, values out. It never looks into coded media, and its memory is bounded whatever comes.

mod packet;
mod pes;
mod section;
mod sync;
mod tables;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use packet::Packet;
pub use pes::Unit;
use pes::{Assembly, Fault};
use section::Sections;
use sync::{Found, Packets};
use tables::Association;
pub use tables::{Content, Program, Stream};

/// The PID of the list of programmes.
const PAT_PID: u16 = 0;
/// Most bytes of PES packets in hand over all streams: a few of the longest.
const MAX_HELD: usize = 32 << 20;
/// Most programmes read; a multiplex on air has some thirty.
const MAX_PROGRAMS: usize = 256;

/// What comes out of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A programme that is new, or has other streams than before.
    Program(Program),
    /// The programme of this number is not in the stream any more.
    Gone(u16),
    /// A clock reference, in units of 90 kHz that wrap at 33 bits.
    Clock {
        /// The PID it came on.
        pid: u16,
        /// What it says.
        time: u64,
        /// It may have jumped, as its packet says.
        is_new: bool,
    },
    /// Media.
    Unit(Unit),
    /// Something was left out: what and where.
    Damage(String),
}

/// What is known of a PID that is read.
#[derive(Debug, Default)]
struct Pid {
    counter: Option<u8>,
    is_scrambled: bool,
    kind: Kind,
}

#[derive(Debug, Default)]
enum Kind {
    /// Clock references only.
    #[default]
    Clock,
    Tables(Sections),
    Media(Assembly),
}

/// Takes a stream apart.
#[derive(Default)]
pub struct Reader {
    packets: Packets,
    events: VecDeque<Event>,
    pids: BTreeMap<u16, Pid>,
    list: List,
    /// Programmes whose map has come.
    programs: BTreeMap<u16, Program>,
    /// Bytes of PES packets in hand.
    held: usize,
    is_finished: bool,
}

/// The list of programmes, whose sections come one by one.
#[derive(Default)]
struct List {
    sections: BTreeMap<u8, Association>,
    /// PID of the map of each programme; `None` before the list was whole once.
    maps: Option<BTreeMap<u16, u16>>,
}

impl List {
    /// Adds a section. True when the list is whole by it and another than before.
    fn add(&mut self, section: Association) -> bool {
        let fits = |other: &Association| (other.version, other.last) == (section.version, section.last);
        self.sections.retain(|_, other| fits(other));
        let (last, number) = (section.last, section.number);
        self.sections.insert(number, section);
        if !(0..=last).all(|number| self.sections.contains_key(&number)) {
            return false;
        }
        let programs = self.sections.range(..=last).flat_map(|(_, section)| &section.programs);
        let maps: BTreeMap<u16, u16> = programs.take(MAX_PROGRAMS).copied().collect();
        let is_new = self.maps.as_ref() != Some(&maps);
        self.maps = Some(maps);
        is_new
    }

    fn has(&self, program: u16, map_pid: u16) -> bool {
        self.maps.as_ref().and_then(|maps| maps.get(&program)).is_some_and(|pid| *pid == map_pid)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("programs", &self.programs).field("held", &self.held).finish_non_exhaustive()
    }
}

impl Reader {
    /// For a stream from any place on.
    #[must_use]
    pub fn new() -> Self {
        let mut this = Self::default();
        this.pids.insert(PAT_PID, Pid { kind: Kind::Tables(Sections::default()), ..Pid::default() });
        this
    }

    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.packets.push(bytes);
    }

    /// Says that nothing more comes.
    pub const fn finish(&mut self) {
        self.packets.finish();
    }

    /// Whether every programme of the stream is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.list.maps.as_ref().is_some_and(|maps| maps.keys().all(|number| self.programs.contains_key(number)))
    }

    /// What comes next; `None` without more input.
    pub fn pull(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.packets.pull() {
                Some(Found::Packet(bytes)) => match Packet::parse(&bytes) {
                    Some(packet) => self.packet(&packet),
                    None => self.damage("a packet whose adaptation field does not fit into it is left out".to_owned()),
                },
                Some(Found::Skipped { bytes, before }) => {
                    self.damage(format!("{bytes} bytes before byte {before} are no transport packets and are skipped"));
                }
                None if self.packets.is_at_end() && !self.is_finished => {
                    self.is_finished = true;
                    self.flush();
                }
                None => return None,
            }
        }
    }

    fn damage(&mut self, what: String) {
        self.events.push_back(Event::Damage(what));
    }

    /// What is in hand is all there is of the stream, or of this part of it.
    fn flush(&mut self) {
        let mut ended = Vec::new();
        for (number, pid) in &mut self.pids {
            pid.counter = None;
            if let Kind::Media(assembly) = &mut pid.kind {
                ended.push((*number, assembly.end(*number)));
                assembly.interrupt();
            }
        }
        self.held = 0;
        ended.into_iter().for_each(|(pid, unit)| self.give(pid, unit));
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let number = packet.pid;
        let Some(pid) = self.pids.get_mut(&number).filter(|_| !packet.is_damaged) else { return };
        if let Some(time) = packet.clock {
            self.events.push_back(Event::Clock { pid: number, time, is_new: packet.is_discontinuity });
        }
        let Some(payload) = packet.payload else { return };
        let before = pid.counter.replace(packet.counter);
        if before == Some(packet.counter) && !packet.is_discontinuity {
            return; // the same packet again (2.4.3.3)
        }
        if before.is_some_and(|before| (before + 1) & 0x0f != packet.counter) {
            self.lose(number, packet.is_discontinuity);
            if number == PAT_PID {
                // It comes rarely, so that another stream that follows is more likely than a loss.
                self.flush();
            }
        }
        let Some(pid) = self.pids.get_mut(&number) else { return };
        if packet.is_scrambled {
            if !std::mem::replace(&mut pid.is_scrambled, true) {
                self.damage(format!("what is scrambled on PID {number} is left out"));
            }
            return;
        }
        match &mut pid.kind {
            Kind::Clock => {}
            Kind::Tables(sections) => {
                let sections = sections.push(payload, packet.starts);
                sections.into_iter().for_each(|section| self.table(number, section.ok()));
            }
            Kind::Media(_) => self.media(packet, payload),
        }
    }

    /// Packets of a PID are missing.
    fn lose(&mut self, number: u16, is_told: bool) {
        let Some(pid) = self.pids.get_mut(&number) else { return };
        match &mut pid.kind {
            Kind::Clock => return,
            Kind::Tables(sections) => sections.interrupt(),
            Kind::Media(assembly) => {
                self.held -= assembly.len();
                assembly.interrupt();
            }
        }
        if !is_told {
            self.damage(format!("packets are missing on PID {number}"));
        }
    }

    fn media(&mut self, packet: &Packet<'_>, payload: &[u8]) {
        let number = packet.pid;
        let Some(Pid { kind: Kind::Media(assembly), .. }) = self.pids.get_mut(&number) else { return };
        let before = assembly.len();
        let ended = if packet.starts { assembly.start(number, packet.is_random_access) } else { None };
        let mut whole = assembly.add(number, payload);
        self.held = self.held - before + assembly.len();
        if self.held > MAX_HELD {
            self.held -= assembly.len();
            assembly.interrupt();
            whole = Some(Err(Fault::TooLarge));
        }
        self.give(number, ended);
        self.give(number, whole);
    }

    fn give(&mut self, pid: u16, unit: Option<Result<Unit, Fault>>) {
        match unit {
            Some(Ok(unit)) => self.events.push_back(Event::Unit(unit)),
            Some(Err(Fault::Header)) => self.damage(format!("a packet on PID {pid} has no PES header and is left out")),
            Some(Err(Fault::TooLarge)) => self.damage(format!("a PES packet on PID {pid} is too long and is left out")),
            Some(Err(Fault::Cut)) => self.damage(format!("a PES packet on PID {pid} is cut off and is left out")),
            None => {}
        }
    }

    /// A section, or the fact that one is damaged. Tables come again and again.
    fn table(&mut self, pid: u16, section: Option<Vec<u8>>) {
        let Some(section) = section else {
            return self.damage(format!("a damaged programme table on PID {pid} is left out"));
        };
        if pid == PAT_PID {
            if Association::parse(&section).is_some_and(|section| self.list.add(section)) {
                self.relist();
            }
            return;
        }
        let Some(program) = Program::parse(&section).filter(|program| self.list.has(program.number, pid)) else {
            return;
        };
        if self.programs.get(&program.number) != Some(&program) {
            self.programs.insert(program.number, program.clone());
            self.events.push_back(Event::Program(program));
            self.select();
        }
    }

    /// Takes over another list of programmes.
    fn relist(&mut self) {
        let maps = self.list.maps.clone().unwrap_or_default();
        let gone: Vec<u16> = self.programs.keys().filter(|number| !maps.contains_key(number)).copied().collect();
        for number in gone {
            self.programs.remove(&number);
            self.events.push_back(Event::Gone(number));
        }
        self.select();
    }

    /// Reads the PIDs that are spoken of, and no others.
    fn select(&mut self) {
        let maps: BTreeSet<u16> =
            self.list.maps.iter().flat_map(|maps| maps.values().copied()).chain([PAT_PID]).collect();
        let streams = self.programs.values().flat_map(|program| &program.streams);
        let is_read = |stream: &&Stream| matches!(stream.content, Content::Media(_));
        let media: BTreeSet<u16> = streams.filter(is_read).map(|stream| stream.pid).collect();
        let clocks = self.programs.values().filter_map(|program| program.clock_pid);
        let wanted: BTreeSet<u16> = clocks.chain(maps.iter().copied()).chain(media.iter().copied()).collect();
        self.pids.retain(|number, _| wanted.contains(number));
        for number in wanted {
            let pid = self.pids.entry(number).or_default();
            let (is_table, is_media) = (maps.contains(&number), media.contains(&number));
            match pid.kind {
                Kind::Tables(_) if is_table => {}
                _ if is_table => pid.kind = Kind::Tables(Sections::default()),
                Kind::Media(_) if is_media => {}
                _ if is_media => pid.kind = Kind::Media(Assembly::default()),
                _ => pid.kind = Kind::Clock,
            }
        }
        self.held = self.pids.values().map(Pid::held).sum();
    }
}

impl Pid {
    fn held(&self) -> usize {
        match &self.kind {
            Kind::Media(assembly) => assembly.len(),
            Kind::Clock | Kind::Tables(_) => 0,
        }
    }
}
