//! [`Ctx`], the closed set of verbs a filter has, over a [`Mailbox`] that the host fills and empties.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

use weir_media::{Packet, Props, Time};

use crate::{Memory, Message, OutputRecord, Service};

/// An input of a filter, numbered in the order they were connected, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InId(pub u32);

/// An output of a filter, numbered in the order they were opened, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OutId(pub u32);

/// A service a filter installed, numbered in that filter from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServiceId(pub u32);

/// What arrives on an input, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// The properties that hold for what follows. Always the first item.
    Props(Props),
    /// One packet.
    Packet(Packet),
    /// Nothing will follow.
    End,
}

/// How loud a log line is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the usual levels")]
pub enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

/// What a filter asked the host to do besides sending, in order.
pub enum Effect {
    /// A new output with these properties.
    Open(OutId, Props),
    /// Upstream should make a key frame soon.
    RequestKey(InId),
    /// Carry a wish to the filters upstream of this input.
    Wish(InId, Box<Props>),
    /// A line for the log.
    Log(Level, String),
    /// The state of the output this filter drives.
    Record(Box<OutputRecord>),
    /// Listen on an address; connections go to the service made here, or to the one already there. Without an address, a
    /// service for this filter alone.
    Serve {
        /// Number the filter will use for it.
        id: ServiceId,
        /// Address to listen on.
        addr: Option<SocketAddr>,
        /// Makes the service when this filter is the first on the address.
        make: Box<dyn FnOnce() -> Box<dyn Service> + Send>,
    },
    /// A message to a service.
    Post(ServiceId, Message),
    /// The session is to end, as if the user had asked.
    Stop,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(out, props) => write!(f, "Open({}, {props})", out.0),
            Self::Wish(input, props) => write!(f, "Wish({}, {props:?})", input.0),
            Self::RequestKey(input) => write!(f, "RequestKey({})", input.0),
            Self::Log(level, line) => write!(f, "Log({level:?}, {line})"),
            Self::Record(record) => write!(f, "Record({record:?})"),
            Self::Serve { addr: Some(addr), .. } => write!(f, "Serve({addr})"),
            Self::Serve { addr: None, .. } => write!(f, "Serve(alone)"),
            Self::Post(id, _) => write!(f, "Post({})", id.0),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// How many more packets an output takes before its consumers are full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credit {
    /// Never full: what comes too late is dropped behind the output.
    Endless,
    /// This many packets.
    Packets(u32),
}

/// One input queue as the host hands it over.
#[derive(Debug, Default)]
pub struct InQueue {
    /// Items not yet taken.
    pub items: VecDeque<Item>,
    /// Packets taken since the host last looked.
    pub taken_packets: u64,
    /// Payload bytes of those packets.
    pub taken_bytes: u64,
}

/// One output as the host hands it over.
#[derive(Debug)]
pub struct OutQueue {
    /// Room left.
    pub credit: Credit,
    /// The filter ended it.
    pub ended: bool,
    /// What was sent in this call, in order. Properties here are changes; the first are in [`Effect::Open`].
    pub items: Vec<Item>,
}

/// Everything that passes between a host and one filter: the host fills it before a call; after it, the host applies
/// `effects`, and then takes what was sent from each output. What goes to different outputs has no order.
pub struct Mailbox {
    /// The session clock at the start of the call.
    pub now: Time,
    /// Wall clock at the start of the call, microseconds since 1970.
    pub utc: u64,
    /// Inputs by [`InId`].
    pub inputs: Vec<InQueue>,
    /// Outputs by [`OutId`].
    pub outs: Vec<OutQueue>,
    /// What the filter asked for.
    pub effects: Vec<Effect>,
    /// No more inputs are being resolved for this filter.
    pub settled: bool,
    /// The session runs by the clock.
    pub live: bool,
    /// The process-wide memory account.
    pub memory: Memory,
    services: u32,
}

impl Mailbox {
    /// An empty mailbox that accounts to `memory`.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self {
            now: Time::ZERO,
            utc: 0,
            inputs: Vec::new(),
            outs: Vec::new(),
            effects: Vec::new(),
            settled: false,
            live: false,
            memory,
            services: 0,
        }
    }

    /// The filter's view.
    pub fn ctx(&mut self) -> Ctx<'_> {
        Ctx { mail: self }
    }
}

/// What a filter may do during a call. See the [crate] documentation for when it takes effect.
pub struct Ctx<'a> {
    mail: &'a mut Mailbox,
}

impl Ctx<'_> {
    /// The session clock. It stands still during a call.
    #[must_use]
    pub fn now(&self) -> Time {
        self.mail.now
    }

    /// The wall clock, microseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn utc_micros(&self) -> u64 {
        self.mail.utc
    }

    /// All inputs connected so far.
    pub fn inputs(&self) -> impl Iterator<Item = InId> + use<> {
        (0..u32::try_from(self.mail.inputs.len()).unwrap_or(u32::MAX)).map(InId)
    }

    /// Takes the next item of an input; `None` when there is none now.
    pub fn next(&mut self, input: InId) -> Option<Item> {
        let queue = self.mail.inputs.get_mut(input.0 as usize)?;
        let item = queue.items.pop_front()?;
        if let Item::Packet(p) = &item {
            queue.taken_packets += 1;
            queue.taken_bytes += p.len() as u64;
        }
        Some(item)
    }

    /// Looks at the next item of an input without taking it.
    #[must_use]
    pub fn peek(&self, input: InId) -> Option<&Item> {
        self.mail.inputs.get(input.0 as usize)?.items.front()
    }

    /// Whether no further input is being connected to this filter, as far as the host can tell now.
    ///
    /// A muxer waits for this before it writes a header that names all streams.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.mail.settled
    }

    /// Whether the session is live: it runs by the clock, and edges downstream of where time enters never push back.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.mail.live
    }

    /// Opens an output. Its properties must hold `StreamType`, and `CodecID` unless it is a file. How much room it has is
    /// known after this call; during it, there is room for one packet.
    pub fn open(&mut self, props: Props) -> OutId {
        let id = OutId(u32::try_from(self.mail.outs.len()).expect("far fewer than 2^32 outputs"));
        self.mail.outs.push(OutQueue { credit: Credit::Packets(1), ended: false, items: Vec::new() });
        self.mail.effects.push(Effect::Open(id, props));
        id
    }

    /// Changes the properties of an output for the packets that follow.
    pub fn set_props(&mut self, out: OutId, props: Props) {
        if let Some(queue) = self.mail.outs.get_mut(out.0 as usize).filter(|o| !o.ended) {
            queue.items.push(Item::Props(props));
        }
    }

    /// Opens `output` with these properties the first time, and changes its properties when they differ from the last.
    pub fn publish(&mut self, output: &mut Option<(OutId, Props)>, props: Props) -> OutId {
        match output {
            Some((out, old)) => {
                if *old != props {
                    self.set_props(*out, props.clone());
                    *old = props;
                }
                *out
            }
            None => output.insert((self.open(props.clone()), props)).0,
        }
    }

    /// Whether consumers of an output have room. Sending without room is allowed once per call, for a packet in hand.
    #[must_use]
    pub fn room(&self, out: OutId) -> bool {
        self.mail.outs.get(out.0 as usize).is_some_and(|o| !o.ended && o.credit != Credit::Packets(0))
    }

    /// Sends a packet. Ignored on an output that ended.
    pub fn send(&mut self, out: OutId, packet: Packet) {
        let Some(queue) = self.mail.outs.get_mut(out.0 as usize).filter(|o| !o.ended) else { return };
        if let Credit::Packets(n) = &mut queue.credit {
            *n = n.saturating_sub(1);
        }
        queue.items.push(Item::Packet(packet));
    }

    /// Ends an output. Ending twice is fine.
    pub fn end(&mut self, out: OutId) {
        if let Some(queue) = self.mail.outs.get_mut(out.0 as usize).filter(|o| !o.ended) {
            queue.ended = true;
            queue.items.push(Item::End);
        }
    }

    /// Ends every output.
    pub fn end_all(&mut self) {
        for i in 0..self.mail.outs.len() {
            self.end(OutId(u32::try_from(i).expect("outputs are numbered by u32")));
        }
    }

    /// Asks the encoder upstream of an input for a key frame soon. Filters in between are not involved.
    pub fn request_key(&mut self, input: InId) {
        self.mail.effects.push(Effect::RequestKey(input));
    }

    /// Says what an input had best be like: filters upstream hear it ([`Event::Wish`](crate::Event::Wish)), and do what
    /// they can. What comes of it comes as properties.
    pub fn wish(&mut self, input: InId, props: Props) {
        self.mail.effects.push(Effect::Wish(input, Box::new(props)));
    }

    /// Writes a line to the log. Never put a secret in it.
    pub fn log(&mut self, level: Level, line: impl Into<String>) {
        self.mail.effects.push(Effect::Log(level, line.into()));
    }

    /// Publishes the state of the output this filter drives.
    pub fn record(&mut self, record: OutputRecord) {
        self.mail.effects.push(Effect::Record(Box::new(record)));
    }

    /// Listens on `addr`. The first filter on an address makes its [`Service`]; later ones join it. Failing to listen
    /// fails this filter.
    pub fn serve(&mut self, addr: SocketAddr, make: impl FnOnce() -> Box<dyn Service> + Send + 'static) -> ServiceId {
        self.install(Some(addr), Box::new(make))
    }

    /// Makes a [`Service`] for this filter alone, which listens nowhere: for connections that are made from here.
    pub fn serve_alone(&mut self, make: impl FnOnce() -> Box<dyn Service> + Send + 'static) -> ServiceId {
        self.install(None, Box::new(make))
    }

    fn install(&mut self, addr: Option<SocketAddr>, make: Box<dyn FnOnce() -> Box<dyn Service> + Send>) -> ServiceId {
        let id = ServiceId(self.mail.services);
        self.mail.services += 1;
        self.mail.effects.push(Effect::Serve { id, addr, make });
        id
    }

    /// Sends a message to a service.
    pub fn post(&mut self, service: ServiceId, message: Message) {
        self.mail.effects.push(Effect::Post(service, message));
    }

    /// Ends the whole session, as if the user had asked for it.
    pub fn stop_session(&mut self) {
        self.mail.effects.push(Effect::Stop);
    }

    /// The process-wide memory account, for whatever a filter keeps beyond a call.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.mail.memory
    }
}

#[cfg(test)]
mod tests {
    use weir_media::Prop;

    use super::*;

    #[test]
    fn properties_are_published_once() {
        let mut mail = Mailbox::new(Memory::new(1));
        let mut output = None;
        for width in [640_u32, 640, 320, 320, 640] {
            assert_eq!(mail.ctx().publish(&mut output, Props::new().with(Prop::Width, width)), OutId(0));
        }
        let effects: Vec<String> = mail.effects.iter().map(|effect| format!("{effect:?}")).collect();
        assert_eq!(effects, ["Open(0, Width=640)"]);
        let widths = mail.outs[0].items.iter().map(|i| if let Item::Props(p) = i { p.u32(Prop::Width) } else { None });
        assert_eq!(widths.collect::<Vec<_>>(), [Some(320), Some(640)]);
    }
}
