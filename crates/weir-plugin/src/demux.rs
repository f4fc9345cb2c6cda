//! What demuxers of byte streams have alike: [`ByteInput`] knows where the input is, [`TrackQueue`] holds what is to be sent and
//! the outputs of the tracks, [`Warnings`] says each thing once. None of them knows a format.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use weir_media::{Bytes, Flags, Packet, Payload, Props, Time};

use crate::{Ctx, InId, Item, Level, OutId, Status};

/// Different warnings given; damaged input could bring endless ones.
const MAX_WARNINGS: usize = 32;

/// The one input of a demuxer: bytes that end, or start over at a packet with [`Flags::DISCONTINUITY`].
#[derive(Debug)]
pub struct ByteInput {
    state: State,
    origin: Time,
}

#[derive(Debug)]
enum State {
    /// Nothing came since it started, or started over.
    Fresh,
    Flowing,
    /// It starts over with this packet, once what is left of the old round was read.
    Restarting(Packet),
    /// It ended; what is left is being read.
    Ended,
    /// All was read.
    Done,
}

/// What came from a [`ByteInput`].
#[derive(Debug)]
pub enum Fed {
    /// Nothing now, or ever.
    Nothing,
    /// Properties of what comes.
    Props(Props),
    /// The next bytes.
    Bytes(Bytes),
    /// No more bytes belong to those before: read what is left of them.
    Break,
    /// The first bytes of what has nothing to do with those before.
    Anew(Bytes),
}

impl Default for ByteInput {
    fn default() -> Self {
        Self { state: State::Fresh, origin: Time::ZERO }
    }
}

impl ByteInput {
    /// Takes the next item of input 0. To be asked when nothing is left to read.
    pub fn next(&mut self, ctx: &mut Ctx<'_>) -> Fed {
        match std::mem::replace(&mut self.state, State::Fresh) {
            State::Restarting(piece) => Fed::Anew(self.take(piece)),
            end @ (State::Ended | State::Done) => {
                self.state = end;
                Fed::Nothing
            }
            state @ (State::Fresh | State::Flowing) => {
                self.state = state;
                self.next_item(ctx)
            }
        }
    }

    fn next_item(&mut self, ctx: &mut Ctx<'_>) -> Fed {
        match ctx.next(InId(0)) {
            None => Fed::Nothing,
            Some(Item::Props(props)) => Fed::Props(props),
            Some(Item::Packet(piece)) if self.is_flowing() && piece.flags.contains(Flags::DISCONTINUITY) => {
                self.state = State::Restarting(piece);
                Fed::Break
            }
            Some(Item::Packet(piece)) => Fed::Bytes(self.take(piece)),
            Some(Item::End) => {
                self.state = State::Ended;
                Fed::Break
            }
        }
    }

    fn take(&mut self, piece: Packet) -> Bytes {
        self.state = State::Flowing;
        self.origin = piece.origin;
        match piece.data {
            Payload::Bytes(bytes) => bytes,
            Payload::Frame(_) => Bytes::new(),
        }
    }

    /// Whether bytes came since it started, or started over.
    #[must_use]
    pub fn is_flowing(&self) -> bool {
        matches!(self.state, State::Flowing)
    }

    /// Whether it has ended and nothing is left but what was taken.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether [`finish`](Self::finish) was called.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Nothing more is wanted.
    pub fn finish(&mut self) {
        self.state = State::Done;
    }

    /// When the bytes taken last were born.
    #[must_use]
    pub fn origin(&self) -> Time {
        self.origin
    }
}

/// What is to be sent, in order, by the number of its track; and the output of each track.
#[derive(Debug, Default)]
pub struct TrackQueue {
    items: VecDeque<(usize, Item)>,
    outs: BTreeMap<usize, OutId>,
    /// Tracks that take the place of another, which ends before anything of them is sent.
    replaces: BTreeMap<usize, usize>,
}

impl TrackQueue {
    /// Track `new` takes the place of `old`.
    pub fn replace(&mut self, old: usize, new: usize) {
        self.replaces.insert(new, old);
    }

    /// Adds what is to be sent, of a track that follows another after the end of that. Properties replace those that nothing
    /// was sent with.
    pub fn push(&mut self, track: usize, item: Item) {
        if let Some(old) = self.replaces.remove(&track) {
            self.items.push_back((old, Item::End));
        }
        if let Item::Props(new) = item {
            return match self.items.iter_mut().rev().find(|(of, _)| *of == track) {
                Some((_, Item::Props(old))) => *old = new,
                _ => self.items.push_back((track, Item::Props(new))),
            };
        }
        self.items.push_back((track, item));
    }

    /// What is held, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Item)> {
        self.items.iter_mut().map(|(track, item)| (*track, item))
    }

    /// Moves the first properties of each track in front of everything, so that all outputs open before anything is sent.
    pub fn lead_with_props(&mut self) {
        let items = std::mem::take(&mut self.items);
        let mut seen = BTreeSet::new();
        let is_first = |(track, item): &(usize, Item)| matches!(item, Item::Props(_)) && seen.insert(*track);
        let (mut first, rest): (Vec<_>, Vec<_>) = items.into_iter().partition(is_first);
        first.sort_by_key(|(track, _)| *track);
        self.items = first.into_iter().chain(rest).collect();
    }

    /// Whether every open output has room.
    #[must_use]
    pub fn has_room(&self, ctx: &Ctx<'_>) -> bool {
        self.outs.values().all(|out| ctx.room(*out))
    }

    /// Sends what comes next. `None` when there is nothing.
    pub fn send(&mut self, ctx: &mut Ctx<'_>) -> Option<Status> {
        let (track, _) = self.items.front()?;
        if self.outs.get(track).is_some_and(|out| !ctx.room(*out)) {
            return Some(Status::Idle);
        }
        loop {
            let (track, item) = self.items.pop_front()?;
            let is_end = matches!(item, Item::End);
            self.send_item(ctx, track, item);
            // A track takes the place of the one before in one go, so that nobody takes it for the end of all.
            if !(is_end && matches!(self.items.front(), Some((_, Item::Props(_))))) {
                return Some(Status::Again);
            }
        }
    }

    fn send_item(&mut self, ctx: &mut Ctx<'_>, track: usize, item: Item) {
        match (item, self.outs.get(&track)) {
            (Item::Props(props), None) => {
                self.outs.insert(track, ctx.open(props));
            }
            (Item::Props(props), Some(out)) => ctx.set_props(*out, props),
            (Item::Packet(packet), Some(out)) => ctx.send(*out, packet),
            (Item::End, Some(out)) => {
                ctx.end(*out);
                self.outs.remove(&track);
            }
            (Item::Packet(_) | Item::End, None) => {} // properties come first
        }
    }
}

/// Every warning once, and not too many.
#[derive(Debug, Default)]
pub struct Warnings(BTreeSet<String>);

impl Warnings {
    /// Says `line`, unless it was said before or enough was said.
    pub fn give(&mut self, ctx: &mut Ctx<'_>, line: String) {
        if self.0.len() >= MAX_WARNINGS || self.0.contains(&line) {
            return;
        }
        ctx.log(Level::Warning, line.clone());
        self.0.insert(line);
        if self.0.len() == MAX_WARNINGS {
            ctx.log(Level::Warning, format!("{MAX_WARNINGS} warnings were given, further ones are not"));
        }
    }
}
