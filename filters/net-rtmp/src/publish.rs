//! Publishers: who may publish what, what they send, and how that ends. The inputs of an address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use weir_media::Time;
use weir_plugin::{FilterId, Io, Level};
use weir_rtmp::message::Message;
use weir_rtmp::{PublishRequest, Refusal, StreamPath};

use crate::client::{Client, Why};
use crate::clients::Slot;
use crate::ingest::{FromFeeder, IngestSettings, OpenIntake, Takeover, WINDOW};
use crate::requests::count_refusal;
use crate::service::RtmpService;

/// A publisher that sent nothing for this long makes room for another; or for one from the same place, after the second.
const SILENT: Duration = Duration::from_secs(5);
const SILENT_SAME_PLACE: Duration = Duration::from_secs(1);

/// What one input takes.
pub(crate) struct Intake {
    settings: IngestSettings,
    /// Streams by number. A name keeps its number, so that who comes back goes on where it was; until it is given up.
    feeds: BTreeMap<usize, Feed>,
    /// The number of the next name.
    next: usize,
}

struct Feed {
    name: String,
    publisher: Option<Slot>,
}

/// What a client publishes.
pub(crate) struct Publishing {
    intake: FilterId,
    feed: usize,
    msid: u32,
    /// When it last sent something, or was last not read.
    heard: Time,
    stall: Duration,
    /// Bytes handed over that the input has not passed on.
    pub(crate) unread: usize,
    /// What came in this turn.
    batch: Vec<Message>,
}

impl Publishing {
    /// Whether it is what happens on a message stream.
    pub(crate) fn is_on(&self, msid: u32) -> bool {
        self.msid == msid
    }

    /// Whether it is to be read.
    pub(crate) fn has_room(&self) -> bool {
        self.unread < WINDOW
    }

    /// When it has been silent for too long. Who is not read cannot be heard.
    pub(crate) fn silent_at(&self) -> Option<Time> {
        self.has_room().then(|| self.heard + self.stall)
    }
}

impl Intake {
    /// App and name that publishers ask for.
    pub(crate) fn path(&self) -> &StreamPath {
        &self.settings.path
    }

    /// The feed for a stream of this name, there already or not.
    fn feed(&self, name: &str) -> Option<usize> {
        if self.settings.streams == 1 {
            return Some(0); // one stream, whatever it is called
        }
        let known = self.feeds.iter().find(|(_, feed)| feed.name == name).map(|(number, _)| *number);
        known.or_else(|| (self.feeds.len() < self.settings.streams).then_some(self.next))
    }
}

impl RtmpService {
    pub(crate) fn open_intake(&mut self, io: &mut dyn Io, from: FilterId, open: OpenIntake) {
        let OpenIntake { ingest, at } = open;
        let path = ingest.path.expose();
        let is_taken = self.intakes.values().any(|i| i.settings.path.expose() == path);
        let taken =
            is_taken.then(|| format!("{} is taken by another input already; give it a name of its own", at.shown));
        if let Some(why) = taken.or_else(|| self.unfit(&at)) {
            return io.post(from, Box::new(FromFeeder::Refused(why)));
        }
        self.intakes.insert(from, Intake { settings: ingest, feeds: BTreeMap::new(), next: 0 });
    }

    /// An input is gone: who publishes to it is sent away.
    pub(crate) fn close_intake(&mut self, io: &mut dyn Io, from: FilterId) {
        let Some(intake) = self.intakes.remove(&from) else { return };
        for slot in intake.feeds.values().filter_map(|f| f.publisher) {
            self.send_away(io, slot, "This input has ended.");
        }
    }

    /// Tells a publisher that it is over, and ends its connection behind that.
    fn send_away(&mut self, io: &mut dyn Io, slot: Slot, why: &str) {
        let Some(mut client) = self.clients.take(slot) else { return };
        if let Some(publishing) = client.publishing.take() {
            client.session.end_publish(publishing.msid, Refusal::BadName, why, io.now());
        }
        client.session.close();
        client.close_soon(io.now());
        self.put(io, slot, client, Ok(crate::client::Turn::More));
    }

    pub(crate) fn publish(
        &mut self,
        io: &mut dyn Io,
        slot: Slot,
        client: &mut Client,
        request: &PublishRequest,
    ) -> Result<(), Why> {
        match self.choose_intake(io, client, request) {
            Ok((intake, feed)) => self.take_in(io, slot, client, request, (intake, feed)),
            Err((refusal, why)) => {
                io.log(Level::Info, format!("publisher {}: {}: {why}", client.peer, request.path));
                client.session.reject_publish(request.msid, refusal, why, io.now());
                count_refusal(client);
                Ok(())
            }
        }
    }

    fn choose_intake(
        &mut self,
        io: &mut dyn Io,
        client: &Client,
        request: &PublishRequest,
    ) -> Result<(FilterId, usize), (Refusal, &'static str)> {
        if self.intakes.is_empty() {
            return Err((Refusal::PublishDenied, "This server only plays."));
        }
        let fitting = self.intakes.iter().filter_map(|(id, intake)| Some((intake.path().fit(&request.path)?, *id)));
        let (_, id) = fitting.max().ok_or((Refusal::PublishDenied, "There is no such stream to publish."))?;
        let refused = self.check_publisher(io.now(), &self.intakes[&id], client, request);
        if refused.is_err() {
            io.post(id, Box::new(FromFeeder::TurnedAway));
        }
        refused.map(|feed| (id, feed))
    }

    fn check_publisher(
        &self,
        now: Time,
        intake: &Intake,
        client: &Client,
        request: &PublishRequest,
    ) -> Result<usize, (Refusal, &'static str)> {
        if !intake.settings.gate.admits(client.peer.ip(), &request.path) {
            return Err((Refusal::PublishDenied, "Not allowed."));
        }
        if client.publishing.is_some() || client.watching.is_some() {
            return Err((Refusal::PublishDenied, "One stream per connection."));
        }
        let name = request.path.name.expose();
        let feed = intake.feed(name).ok_or((Refusal::BadName, "No further stream can be published."))?;
        let busy = intake.feeds.get(&feed).and_then(|f| f.publisher).and_then(|slot| self.clients.get(slot));
        match busy {
            Some(old) if !may_take_over(intake.settings.takeover, old, client.peer.ip(), now) => {
                Err((Refusal::BadName, "Already publishing."))
            }
            _ => Ok(feed),
        }
    }

    fn take_in(
        &mut self,
        io: &mut dyn Io,
        slot: Slot,
        client: &mut Client,
        request: &PublishRequest,
        (id, feed): (FilterId, usize),
    ) -> Result<(), Why> {
        let Some(intake) = self.intakes.get_mut(&id) else { return Ok(()) };
        let stall = intake.settings.stall;
        let name = request.path.name.expose().to_owned();
        intake.next = intake.next.max(feed + 1);
        let place = intake.feeds.entry(feed).or_insert_with(|| Feed { name: name.clone(), publisher: None });
        let old = place.publisher.replace(slot);
        if let Some(old) = old {
            io.post(id, Box::new(FromFeeder::Ends { feed, why: "another took its place" }));
            self.send_away(io, old, "Another publisher took this place.");
        }
        let (msid, now) = (request.msid, io.now());
        client.publishing =
            Some(Publishing { intake: id, feed, msid, heard: now, stall, unread: 0, batch: Vec::new() });
        self.clients.has_begun(client);
        io.post(id, Box::new(FromFeeder::Begins { feed, name, peer: client.peer }));
        client.session.accept_publish(msid, now).map_err(Why::Error)
    }

    /// Keeps what a publisher sent until the end of its turn.
    pub(crate) fn take_media(client: &mut Client, message: Message) {
        if let Some(publishing) = client.publishing.as_mut().filter(|p| p.msid == message.msid) {
            publishing.batch.push(message);
        }
    }

    /// Hands over what came in this turn.
    pub(crate) fn hand_over(io: &mut dyn Io, client: &mut Client) {
        let Some(publishing) = client.publishing.as_mut().filter(|p| !p.batch.is_empty()) else { return };
        publishing.heard = io.now();
        publishing.unread += publishing.batch.iter().map(|m| m.body.len()).sum::<usize>();
        let messages = std::mem::take(&mut publishing.batch);
        io.post(publishing.intake, Box::new(FromFeeder::Media { feed: publishing.feed, messages }));
    }

    /// An input passed on what it was handed.
    pub(crate) fn media_taken(&mut self, now: Time, from: FilterId, feed: usize, bytes: usize) {
        let feed = self.intakes.get(&from).and_then(|i| i.feeds.get(&feed));
        let Some(slot) = feed.and_then(|f| f.publisher) else { return };
        let publishing = self.clients.get_mut(slot).and_then(|client| client.publishing.as_mut());
        let Some(publishing) = publishing else { return };
        let was_full = !publishing.has_room();
        publishing.unread = publishing.unread.saturating_sub(bytes);
        if was_full && publishing.has_room() {
            publishing.heard = now;
            self.enqueue(slot);
        }
    }

    /// An input wants to give a name up: it may, when nobody publishes it.
    pub(crate) fn give_up(&mut self, io: &mut dyn Io, from: FilterId, feed: usize) {
        let Some(intake) = self.intakes.get_mut(&from) else { return };
        if intake.feeds.get(&feed).is_some_and(|f| f.publisher.is_none()) {
            intake.feeds.remove(&feed);
            io.post(from, Box::new(FromFeeder::GivenUp { feed }));
        }
    }

    /// A client publishes no more.
    pub(crate) fn unpublish(&mut self, io: &mut dyn Io, client: &mut Client, why: &'static str) {
        Self::hand_over(io, client);
        let Some(publishing) = client.publishing.take() else { return };
        let Some(intake) = self.intakes.get_mut(&publishing.intake) else { return };
        if let Some(feed) = intake.feeds.get_mut(&publishing.feed) {
            feed.publisher = None;
        }
        io.post(publishing.intake, Box::new(FromFeeder::Ends { feed: publishing.feed, why }));
    }
}

fn may_take_over(rule: Takeover, old: &Client, from: IpAddr, now: Time) -> bool {
    let silent = old.publishing.as_ref().map_or(Duration::MAX, |p| now.since(p.heard));
    match rule {
        Takeover::Never => false,
        Takeover::Silent => silent >= SILENT || (silent >= SILENT_SAME_PLACE && old.peer.ip() == from),
        Takeover::Always => true,
    }
}
