//! What players ask for, and the answers: the policy of an address.

use weir_plugin::{FilterId, Io, Level};
use weir_rtmp::{ConnectRequest, Event, PlayRequest, Refusal, StreamPath};

use crate::player::{Player, Watching, Why};
use crate::players::Slot;
use crate::service::RtmpService;

/// A player may ask for this many things it does not get; then its connection ends. Keys are not to be found by trying.
const REFUSALS_MAX: u32 = 8;

impl RtmpService {
    /// Answers what a session has to tell.
    pub(crate) fn handle_events(&mut self, io: &mut dyn Io, slot: Slot, player: &mut Player) -> Result<(), Why> {
        while let Some(event) = player.session.poll_event() {
            match event {
                Event::Connect(request) => self.connect(io, player, &request)?,
                Event::Play(request) => self.play(io, slot, player, &request),
                Event::Publish(request) => {
                    let (msid, now) = (request.msid, io.now());
                    player.session.reject_publish(msid, Refusal::PublishDenied, "This server only plays.", now);
                    count_refusal(player);
                }
                Event::Pause { on, .. } => self.pause(io, player, on),
                Event::ReceiveAudio { on, .. } => set_audio(player, on),
                Event::ReceiveVideo { on, .. } => set_video(player, on),
                Event::Stopped { msid } => {
                    if player.watching.as_ref().is_some_and(|w| w.cursor.msid() == msid) {
                        self.unwatch(player);
                        self.changed(io);
                    }
                }
                Event::Closed => {
                    self.unwatch(player);
                    player.close_soon(io.now());
                }
            }
        }
        Ok(())
    }

    fn connect(&self, io: &mut dyn Io, player: &mut Player, request: &ConnectRequest) -> Result<(), Why> {
        let path = StreamPath::resolve(request.app.expose(), request.tc_url.expose(), "");
        if path.is_ok_and(|path| self.streams.values().any(|s| s.could_be_below(&path.expose()))) {
            return player.session.accept_connect(io.now()).map_err(Why::Error);
        }
        io.log(Level::Info, format!("player {}: asks for an unknown app", player.peer));
        player.session.reject_connect(Refusal::InvalidApp, "There is no such app here.");
        Ok(())
    }

    fn play(&mut self, io: &mut dyn Io, slot: Slot, player: &mut Player, request: &PlayRequest) {
        match self.choose(io, player, request) {
            Ok(id) => self.watch(io, slot, player, request, id),
            Err((refusal, why)) => {
                player.session.reject_play(request.msid, refusal, why, io.now());
                count_refusal(player);
            }
        }
    }

    /// The stream a player asks for, if it may play that.
    fn choose(
        &mut self,
        io: &mut dyn Io,
        player: &Player,
        request: &PlayRequest,
    ) -> Result<FilterId, (Refusal, &'static str)> {
        let open = self.streams.values_mut().filter(|s| s.ending.is_none());
        let best = open.filter_map(|s| Some((s.fit(&request.path)?, s))).max_by_key(|(fit, _)| *fit);
        let (_, stream) = best.ok_or((Refusal::StreamNotFound, "There is no such stream here."))?;
        if !stream.admits(player.peer.ip(), &request.path) {
            stream.stats.refused += 1;
            io.log(Level::Info, format!("player {}: not allowed to play {}", player.peer, request.path));
            return Err((Refusal::PlayFailed, "Not allowed."));
        }
        if player.watching.is_some() {
            return Err((Refusal::PlayFailed, "One stream per connection."));
        }
        Ok(stream.owner)
    }

    fn watch(&mut self, io: &mut dyn Io, slot: Slot, player: &mut Player, request: &PlayRequest, id: FilterId) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        player.session.accept_play(request.msid);
        player.stall = stream.settings.stall;
        player.watching = Some(Watching {
            stream: id,
            place: stream.watchers.len(),
            cursor: stream.ring.start(stream.settings.start, request.msid, io.now()),
            paused: false,
            audio: true,
            video: true,
        });
        stream.watchers.push(slot);
        stream.stats.players_total += 1;
        self.players.has_played(player);
        io.log(Level::Info, format!("player {}: plays {}", player.peer, request.path));
        self.changed(io);
    }

    /// A live stream does not wait: who comes back from a pause starts anew, unless that would be going back.
    fn pause(&mut self, io: &mut dyn Io, player: &mut Player, on: bool) {
        let Some(watching) = &mut player.watching else { return };
        let was_paused = std::mem::replace(&mut watching.paused, on);
        let now = io.now();
        let Some(stream) = self.streams.get_mut(&watching.stream).filter(|_| was_paused && !on) else { return };
        let mut cursor = stream.ring.start(stream.settings.start, watching.cursor.msid(), now);
        if cursor.position() > watching.cursor.position() {
            cursor.set_audio(watching.audio);
            cursor.set_video(watching.video);
            stream.dropped_before += watching.dropped();
            watching.cursor = cursor;
        }
        player.resume(now);
    }
}

fn count_refusal(player: &mut Player) {
    player.refusals += 1;
    if player.refusals >= REFUSALS_MAX {
        player.session.close();
    }
}

fn set_audio(player: &mut Player, on: bool) {
    if let Some(watching) = &mut player.watching {
        watching.audio = on;
        watching.cursor.set_audio(on);
    }
}

fn set_video(player: &mut Player, on: bool) {
    if let Some(watching) = &mut player.watching {
        watching.video = on;
        watching.cursor.set_video(on);
    }
}
