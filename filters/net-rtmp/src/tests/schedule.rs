//! Anything in any order: seeded random schedules of all that peers, outputs and time can do.

use weir_plugin::Ready;

use super::*;

const URLS: [&str; 6] = ["live", "live/x", "b/c?key=k", "b/c", "nothing", "live?key=1"];
const OUTPUTS: [&str; 3] = [
    "rtmp://127.0.0.1/live maxconn=40 maxnew=12 stall=3s lag=2s buffer=300000",
    "rtmp://127.0.0.1/b/c key=k stall=2s start=live",
    "rtmp://127.0.0.1/live/x start=next",
];
const STEPS: usize = 400;

/// One schedule, and what is needed to feed a world without it in the same way.
struct Schedule {
    rng: Rng,
    world: World,
    feeds: Vec<Feed>,
    /// The output that serves each path now.
    live: Vec<usize>,
    conns: Vec<ConnId>,
    /// When output 0 was fed.
    fed: Vec<Time>,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let memory = if seed % 4 == 3 { 400 << 10 } else { 256 << 20 };
        let net = SimNet::new(seed).with_memory(memory);
        Self {
            rng: Rng(seed),
            world: super::twins::on_reactors(1 + u32::try_from(seed % 3).expect("small"), || {
                World::with_net(net, &OUTPUTS)
            }),
            feeds: OUTPUTS.map(|_| Feed { size: 3000, key_size: 40_000, disposable: true, ..Feed::new(12) }).into(),
            live: vec![0, 1, 2],
            conns: Vec::new(),
            fed: Vec::new(),
        }
    }

    fn viewer(&mut self) -> Option<usize> {
        // The first is the witness, whom nobody touches.
        let others = self.world.viewers.len() - 1;
        (others > 0).then(|| 1 + self.rng.below(others))
    }

    fn feed(&mut self, path: usize) {
        if path == 0 {
            self.fed.push(self.world.now());
        }
        let packets = self.feeds[path].tick();
        self.world.push(self.live[path], packets);
        self.world.settle();
    }

    fn step(&mut self) {
        match self.rng.below(20) {
            0..=4 => self.feed(0),
            5 => self.feed(1),
            6 => self.feed(2),
            7..=9 => self.join(),
            10..=13 => self.read(),
            14 => self.leave(),
            15 | 16 => self.ask(),
            17 => self.stranger(),
            18 => self.restart(),
            _ => {
                let conn = ConnId(self.rng.below(60) as u64);
                let ready = Ready { readable: self.rng.below(2) == 0, writable: self.rng.below(2) == 0 };
                self.world.service.ready(&mut self.world.net, conn, ready);
            }
        }
        if self.rng.below(3) == 0 {
            self.world.net.advance(Duration::from_millis(1 + self.rng.below(200) as u64));
        }
        self.world.settle();
        self.world.check();
    }

    fn join(&mut self) {
        if !self.world.service.admits() {
            return;
        }
        let url = format!("rtmp://127.0.0.1/{}", URLS[self.rng.below(URLS.len())]);
        match self.rng.below(3) {
            0 => self.world.join(&url),
            1 => self.world.join_slow(&url, 4000),
            _ => {
                let window = 1 + self.rng.below(60_000);
                self.world.join_slow(&url, window)
            }
        };
    }

    fn read(&mut self) {
        let Some(viewer) = self.viewer() else { return };
        let more = [0, 1, 500, 20_000, 200_000][self.rng.below(5)];
        self.world.read(viewer, more);
    }

    fn leave(&mut self) {
        let Some(viewer) = self.viewer() else { return };
        let conn = self.world.viewers[viewer].conn;
        match self.rng.below(3) {
            0 => self.world.net.end(conn),
            1 => self.world.net.reset(conn),
            _ => {
                self.world.net.take_window(conn);
            }
        }
    }

    fn ask(&mut self) {
        let Some(viewer) = self.viewer() else { return };
        let (msid, on) = (self.rng.below(4) as u32, self.rng.below(2) == 0);
        let name = ["", "x", "c?key=k", "c?key=no", "../x"][self.rng.below(5)];
        let world = &mut self.world;
        match self.rng.below(9) {
            0 => world.command(viewer, msid, "pause", 0.0, &[on.into(), 0.0.into()]),
            1 => world.command(viewer, msid, "receiveVideo", 0.0, &[on.into()]),
            2 => world.command(viewer, msid, "receiveAudio", 0.0, &[on.into()]),
            3 => world.command(viewer, msid, "closeStream", 0.0, &[]),
            4 => world.command(viewer, 0, "deleteStream", 0.0, &[msid.into()]),
            5 => world.command(viewer, 0, "createStream", 7.0, &[]),
            6 => world.command(viewer, msid, "publish", 0.0, &[name.into()]),
            7 => world.command(viewer, msid, "seek", 0.0, &[0.0.into()]),
            _ => world.command(viewer, msid, "play", 0.0, &[name.into()]),
        }
    }

    fn stranger(&mut self) {
        let Some(conn) = self.world.connect(self.rng.below(8000)) else { return };
        self.conns.push(conn);
        let mut hello = hurried(URLS[self.rng.below(URLS.len())], "x");
        match self.rng.below(4) {
            0 => hello.clear(),
            1 => hello.truncate(self.rng.below(hello.len())),
            2 => {
                for _ in 0..5 {
                    let at = self.rng.below(hello.len());
                    hello[at] = self.rng.next() as u8;
                }
            }
            _ => {}
        }
        self.world.net.send(conn, &hello);
    }

    /// An output on another path ends or fails, and one takes its place when it is gone.
    fn restart(&mut self) {
        let path = 1 + self.rng.below(2);
        let output = self.live[path];
        if self.world.results[output] != Ok(false) {
            let text: String = OUTPUTS[path].to_owned();
            self.live[path] = self.world.open(&text);
            self.feeds[path] = Feed { size: 3000, key_size: 40_000, ..Feed::new(12) };
        } else if self.rng.below(2) == 0 {
            self.world.finish(output);
        } else {
            self.world.push(output, [Packet::new(Bytes::from_static(b"no tag"), 0)]);
        }
    }

    /// Ends everything; then nothing may be left after all deadlines.
    fn end(&mut self) {
        for output in 0..self.world.outputs.len() {
            self.world.finish(output);
        }
        for _ in 0..160 {
            self.world.net.advance(Duration::from_millis(500));
            self.world.settle();
            self.world.check();
        }
        let open: Vec<usize> = (0..self.world.viewers.len()).filter(|v| self.world.is_open(*v)).collect();
        assert_eq!((self.world.net.open(), open), (0, vec![]));
        assert!(self.world.results.iter().all(|r| *r != Ok(false)), "{:?}", self.world.results);
        assert_eq!(self.world.net.memory().used(), 0);
    }
}

/// What the witness gets when nobody else is there.
fn alone(fed: &[Time]) -> Vec<(Time, Message)> {
    let mut world = World::new(&OUTPUTS);
    world.join("rtmp://127.0.0.1/live");
    world.settle();
    let mut feed = Feed { size: 3000, key_size: 40_000, disposable: true, ..Feed::new(12) };
    for at in fed {
        world.net.advance(at.since(world.now()));
        let packets = feed.tick();
        world.push(0, packets);
        world.settle();
    }
    std::mem::take(&mut world.viewers[0].heard)
}

#[test]
fn any_schedule_leaves_the_others_alone_and_everything_ends() {
    for seed in 0..60 {
        let mut schedule = Schedule::new(seed);
        schedule.world.join("rtmp://127.0.0.1/live");
        schedule.world.settle();
        (0..STEPS).for_each(|_| schedule.step());
        let heard = schedule.world.viewers[0].heard.clone();
        assert!(heard == alone(&schedule.fed), "seed {seed}: the witness noticed");
        assert!(heard.len() > 200);
        schedule.end();
    }
}
