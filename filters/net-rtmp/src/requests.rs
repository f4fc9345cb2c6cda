//! What clients ask for, and the answers: the policy of an address.

use weir_media::Time;
use weir_plugin::{FilterId, Io, Level, ReactorId};
use weir_rtmp::{ConnectRequest, Event, PlayRequest, Refusal, StreamPath};

use crate::client::{Client, Watching, Why};
use crate::clients::Slot;
use crate::service::RtmpService;
use crate::twins::Going;

/// A player may ask for this many things it does not get; then its connection ends. Keys are not to be found by trying.
const REFUSALS_MAX: u32 = 8;

impl RtmpService {
    /// Answers what a session has to tell.
    pub(crate) fn handle_events(&mut self, io: &mut dyn Io, slot: Slot, client: &mut Client) -> Result<(), Why> {
        while client.goes.is_none()
            && let Some(event) = client.session.poll_event()
        {
            match event {
                Event::Connect(request) => self.connect(io, client, &request)?,
                Event::Play(request) => self.play(io, slot, client, &request),
                Event::Publish(request) => self.publish(io, slot, client, &request)?,
                Event::Media(message) => Self::take_media(client, message),
                Event::Pause { on, .. } => self.pause(io, client, on),
                Event::ReceiveAudio { on, .. } => set_audio(client, on),
                Event::ReceiveVideo { on, .. } => set_video(client, on),
                Event::Stopped { msid } => {
                    if client.publishing.as_ref().is_some_and(|p| p.is_on(msid)) {
                        self.unpublish(io, client, "it ended its stream");
                    }
                    if client.watching.as_ref().is_some_and(|w| w.cursor.msid() == msid) {
                        self.unwatch(client);
                        self.changed(io);
                        client.goes = client.counted.map(|_| Going::Home);
                    }
                }
                Event::Closed => {
                    self.unpublish(io, client, "it is gone");
                    self.unwatch(client);
                    client.close_soon(io.now());
                }
            }
        }
        Self::hand_over(io, client);
        Ok(())
    }

    fn connect(&self, io: &mut dyn Io, client: &mut Client, request: &ConnectRequest) -> Result<(), Why> {
        let path = StreamPath::resolve(request.app.expose(), request.tc_url.expose(), "");
        let is_known = |app: &str| {
            self.streams.values().any(|s| s.settings.path.could_be_below(app))
                || self.intakes.values().any(|i| i.path().could_be_below(app))
        };
        client.is_enhanced = request.enhanced;
        if path.is_ok_and(|path| is_known(&path.expose())) {
            return client.session.accept_connect(io.now()).map_err(Why::Error);
        }
        io.log(Level::Info, format!("client {}: asks for an unknown app", client.peer));
        client.session.reject_connect(Refusal::InvalidApp, "There is no such app here.");
        Ok(())
    }

    fn play(&mut self, io: &mut dyn Io, slot: Slot, client: &mut Client, request: &PlayRequest) {
        match self.choose(io, client, request) {
            Ok(id) => self.watch(io, slot, client, request, id),
            Err((refusal, why)) => {
                client.session.reject_play(request.msid, refusal, why, io.now());
                count_refusal(client);
            }
        }
    }

    /// The stream a player asks for, if it may play that.
    fn choose(
        &mut self,
        io: &mut dyn Io,
        client: &Client,
        request: &PlayRequest,
    ) -> Result<FilterId, (Refusal, &'static str)> {
        if client.watching.is_some() || client.publishing.is_some() {
            return Err((Refusal::PlayFailed, "One stream per connection."));
        }
        let open = self.streams.values_mut().filter(|s| s.ending.is_none());
        let best = open.filter_map(|s| Some((s.settings.path.fit(&request.path)?, s))).max_by_key(|(fit, _)| *fit);
        let (_, stream) = best.ok_or((Refusal::StreamNotFound, "There is no such stream here."))?;
        if !stream.settings.gate.admits(client.peer.ip(), &request.path) {
            stream.stats.refused += 1;
            io.log(Level::Info, format!("player {}: not allowed to play {}", client.peer, request.path));
            return Err((Refusal::PlayFailed, "Not allowed."));
        }
        Ok(stream.owner)
    }

    fn watch(&mut self, io: &mut dyn Io, slot: Slot, client: &mut Client, request: &PlayRequest, id: FilterId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        client.session.accept_play(request.msid);
        stream.stats.players_total += 1;
        self.clients.has_begun(client);
        io.log(Level::Info, format!("player {}: plays {}", client.peer, request.path));
        self.changed(io);
        match self.choose_reactor(io) {
            ReactorId::HOME => self.watch_here(io.now(), slot, client, id, request.msid),
            to => client.goes = Some(Going::Away { to, stream: id, msid: request.msid }),
        }
    }

    /// Makes a client a watcher of a stream on this reactor.
    pub(crate) fn watch_here(&mut self, now: Time, slot: Slot, client: &mut Client, id: FilterId, msid: u32) {
        let Some(stream) = self.streams.get_mut(&id) else {
            // It ended on the way.
            client.session.close();
            return client.close_soon(now);
        };
        client.stall = stream.settings.stall;
        let mut cursor = stream.ring.start(stream.settings.start, msid, now);
        cursor.set_legacy(stream.settings.form.is_legacy_for(client.is_enhanced));
        client.watching = Some(Watching {
            stream: id,
            place: stream.watchers.len(),
            cursor,
            paused: false,
            audio: true,
            video: true,
        });
        stream.watchers.push(slot);
    }

    /// A live stream does not wait: who comes back from a pause starts anew, unless that would be going back.
    fn pause(&mut self, io: &mut dyn Io, client: &mut Client, on: bool) {
        let Some(watching) = &mut client.watching else { return };
        let was_paused = std::mem::replace(&mut watching.paused, on);
        let now = io.now();
        let Some(stream) = self.streams.get_mut(&watching.stream).filter(|_| was_paused && !on) else { return };
        let mut cursor = stream.ring.start(stream.settings.start, watching.cursor.msid(), now);
        if cursor.position() > watching.cursor.position() {
            cursor.set_audio(watching.audio);
            cursor.set_video(watching.video);
            cursor.set_legacy(stream.settings.form.is_legacy_for(client.is_enhanced));
            stream.dropped_before += watching.dropped();
            watching.cursor = cursor;
        }
        client.resume(now);
    }
}

pub(crate) fn count_refusal(client: &mut Client) {
    client.refusals += 1;
    if client.refusals >= REFUSALS_MAX {
        client.session.close();
    }
}

fn set_audio(client: &mut Client, on: bool) {
    if let Some(watching) = &mut client.watching {
        watching.audio = on;
        watching.cursor.set_audio(on);
    }
}

fn set_video(client: &mut Client, on: bool) {
    if let Some(watching) = &mut client.watching {
        watching.video = on;
        watching.cursor.set_video(on);
    }
}
