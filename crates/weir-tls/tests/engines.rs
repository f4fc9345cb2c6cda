//! Two engines over a wire that takes as much as a test says. The certificates are self-signed and made for these tests.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::path::Path;

use weir_tls::{ClientTls, Engine, ServerTls, Tls, Trust};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
const CERTIFICATE: &[u8] = include_bytes!("data/localhost.crt");
const OTHER: &[u8] = include_bytes!("data/other.crt");
/// SHA-256 of the certificate.
const PIN: [u8; 32] = *include_bytes!("data/localhost.sha256");
/// Plain bytes of a record, and what a record adds at most.
const RECORD: usize = 16 << 10;
const OVERHEAD: usize = 256;

/// One direction of a wire.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    room: usize,
}

/// One end: reads from one direction, writes to the other.
struct End<'a> {
    from: &'a mut Pipe,
    to: &'a mut Pipe,
}

impl Read for End<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.from.bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.from.bytes.read(buf)
    }
}

impl Write for End<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(self.to.room);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.to.room -= n;
        self.to.bytes.extend(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Wire {
    client: Engine,
    server: Engine,
    up: Pipe,
    down: Pipe,
}

impl Wire {
    fn new(trust: Trust<'_>, name: &str) -> Self {
        let server = ServerTls::watch(&Path::new(DATA).join("localhost.crt"), &Path::new(DATA).join("localhost.key"));
        let client = ClientTls::new(trust).expect("something to trust");
        let engine = |tls: &Tls| Engine::new(tls).expect("a name");
        Self {
            client: engine(&Tls::Client(client, name.to_owned())),
            server: engine(&Tls::Server(server.expect("they belong together"))),
            up: Pipe::default(),
            down: Pipe::default(),
        }
    }

    fn client<T>(&mut self, f: impl FnOnce(&mut Engine, &mut End<'_>) -> T) -> T {
        f(&mut self.client, &mut End { from: &mut self.down, to: &mut self.up })
    }

    fn server<T>(&mut self, f: impl FnOnce(&mut Engine, &mut End<'_>) -> T) -> T {
        f(&mut self.server, &mut End { from: &mut self.up, to: &mut self.down })
    }

    /// Shakes hands over a wire that takes `room` bytes at a time.
    fn shake(&mut self, room: usize) -> io::Result<()> {
        for _ in 0..100_000 {
            (self.up.room, self.down.room) = (room, room);
            let client = self.client(|engine, end| engine.handshake(end))?;
            let server = self.server(|engine, end| engine.handshake(end))?;
            if client && server {
                return Ok(());
            }
        }
        panic!("they shake hands for ever");
    }
}

#[test]
fn any_split_of_a_handshake_and_bytes_both_ways() {
    for room in [1, 7, 100, 1 << 20] {
        let mut wire = Wire::new(Trust::Authorities(CERTIFICATE), "localhost");
        wire.shake(room).expect("they believe each other");
        (wire.up.room, wire.down.room) = (1 << 20, 1 << 20);
        let sent = wire.client(|engine, end| engine.write(end, &[IoSlice::new(b"over "), IoSlice::new(b"there")]));
        assert_eq!(sent.expect("there is room"), 10);
        let mut buf = [0; 64];
        let got = wire.server(|engine, end| engine.read(end, &mut buf)).expect("bytes came");
        assert_eq!(&buf[..got], b"over there");
        wire.server(|engine, end| engine.write(end, &[IoSlice::new(b"back")])).expect("there is room");
        let got = wire.client(|engine, end| engine.read(end, &mut buf)).expect("bytes came");
        assert_eq!(&buf[..got], b"back");
        assert!(wire.client(|engine, end| engine.close(end)));
        assert_eq!(wire.server(|engine, end| engine.read(end, &mut buf)).expect("the end"), 0);
    }
}

#[test]
fn a_blocked_wire_holds_up_one_record_and_no_more() {
    let mut wire = Wire::new(Trust::Anybody, "localhost");
    wire.shake(1 << 20).expect("anybody will do");
    wire.up = Pipe { room: 100, ..Pipe::default() };
    let media = vec![7; 1 << 20];
    let sent = wire.client(|engine, end| engine.write(end, &[IoSlice::new(&media)])).expect("one record is taken");
    assert_eq!(sent, RECORD);
    for _ in 0..3 {
        let e = wire.client(|engine, end| engine.write(end, &[IoSlice::new(&media)])).expect_err("no more");
        assert_eq!(e.kind(), ErrorKind::WouldBlock);
    }
    wire.up.room = 1 << 20;
    wire.client(|engine, end| engine.flush(end)).expect("there is room");
    assert!((RECORD..RECORD + OVERHEAD).contains(&wire.up.bytes.len()), "{}", wire.up.bytes.len());
    let mut got = vec![0; 2 * RECORD];
    let n = wire.server(|engine, end| engine.read(end, &mut got)).expect("it came");
    assert!(n > 0 && got[..n].iter().all(|byte| *byte == 7));
}

#[test]
fn whom_a_client_believes() {
    let shake = |trust: Trust<'_>, name: &str| Wire::new(trust, name).shake(1 << 20).map_err(|e| e.to_string());
    let pin = |first: u8| Trust::Pin(std::array::from_fn(|i| PIN[i] ^ if i == 0 { first } else { 0 }));
    assert_eq!(shake(pin(0), "another.example"), Ok(()), "a pin asks for no name");
    assert_eq!(shake(Trust::Anybody, "10.0.0.1"), Ok(()));
    for (trust, name, why) in [
        (pin(1), "localhost", "not the one of pin="),
        (Trust::Authorities(CERTIFICATE), "another.example", "for another name"),
        (Trust::Authorities(OTHER), "localhost", "not trusted"),
    ] {
        let e = shake(trust, name).expect_err("it is not to be believed");
        assert!(e.contains(why), "{e}");
    }
    assert!(ClientTls::new(Trust::Authorities(b"")).is_err_and(|e| e.0 == "there is no certificate in it"));
}

#[test]
fn what_is_no_tls_is_told_so() {
    let mut wire = Wire::new(Trust::Anybody, "localhost");
    wire.up.room = 1 << 20;
    assert!(!wire.client(|engine, end| engine.handshake(end)).expect("it has begun"));
    wire.down.bytes.extend(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let e = wire.client(|engine, end| engine.handshake(end)).expect_err("that is no TLS");
    assert_eq!(e.to_string(), "the peer does not speak TLS");
}

#[test]
fn files_that_cannot_be_used() {
    let file = |name: &str| Path::new(DATA).join(name);
    for (certificate, key, why) in [
        ("nowhere.crt", "localhost.key", "cannot be read"),
        ("localhost.key", "localhost.key", "there is no certificate in it"),
        ("localhost.crt", "localhost.crt", "localhost.crt"),
        ("other.crt", "localhost.key", "localhost.key"),
    ] {
        let e = ServerTls::watch(&file(certificate), &file(key)).expect_err(why);
        assert!(e.0.contains(why), "{e}");
    }
}
