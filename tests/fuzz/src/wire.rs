//! The wire of RTMP, from the bottom up: handshake, chunks, messages.

use weir_media::Bytes;
use weir_rtmp::ErrorKind;
use weir_rtmp::chunk::{ChunkReader, Csid, Limits, MAX_CHUNK_SIZE, render, rendered_len};
use weir_rtmp::handshake::{Client, Server};
use weir_rtmp::message::{Command, Control, Message, split_aggregate};

use crate::bytes::{EARLY, Script, in_pieces};
use crate::flv::body;

/// Both sides: the first byte says how long the pieces are in which the rest comes.
pub fn handshake(data: &[u8]) {
    let (split, rest) = data.split_at(data.len().min(1));
    let server = |splits: &[u8]| {
        let mut server = Server::new([7; 32]);
        shake(rest, splits, |input| server.handle_input(input, EARLY))
    };
    assert_eq!(server(split), server(&[]), "any split gives the same");
    let client = |splits: &[u8]| {
        let mut client = Client::start(&[7; 32], EARLY).0;
        shake(rest, splits, |input| client.handle_input(input, EARLY))
    };
    assert_eq!(client(split), client(&[]), "any split gives the same");
}

/// What is answered, what is left of the input, and what went wrong.
type Shaken = (Vec<Bytes>, usize, Option<ErrorKind>);

fn shake(bytes: &[u8], splits: &[u8], mut side: impl FnMut(&mut &[u8]) -> Result<Option<Bytes>, ErrorKind>) -> Shaken {
    let (mut answers, mut left, mut error) = (Vec::new(), 0, None);
    in_pieces(bytes, splits, |piece| {
        let mut input = piece;
        match side(&mut input) {
            _ if error.is_some() => {}
            Ok(answer) => {
                answers.extend(answer);
                left += input.len();
            }
            Err(e) => error = Some(e),
        }
    });
    (answers, if error.is_some() { 0 } else { left }, error)
}

/// Chunks: the first byte says how long the pieces are in which they come.
pub fn chunks(data: &[u8]) {
    let (split, rest) = data.split_at(data.len().min(1));
    let whole = read(rest, &[]);
    assert_eq!(read(rest, split), whole, "any split gives the same");
    for message in &whole.0 {
        write_again(message, split);
    }
}

fn read(bytes: &[u8], splits: &[u8]) -> (Vec<Message>, Option<ErrorKind>) {
    let limits = Limits::DEFAULT;
    let mut reader = ChunkReader::new(limits);
    let (mut messages, mut error) = (Vec::new(), None);
    in_pieces(bytes, splits, |piece| {
        let mut input = piece;
        while error.is_none() && !input.is_empty() {
            match reader.read(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => assert!(input.is_empty(), "it takes all there is"),
                Err(e) => error = Some(e),
            }
        }
        assert!(reader.partial_bytes() <= limits.partial);
        assert!((1..=MAX_CHUNK_SIZE).contains(&reader.chunk_size()));
    });
    (messages, error)
}

/// A message that was read is the same when it is written and read again, in chunks of any size.
fn write_again(message: &Message, size: &[u8]) {
    let size = size.first().map_or(128, |n| u32::from(*n) + 1);
    let chunks = render(message, Csid::STREAM, size);
    assert_eq!(chunks.len(), rendered_len(message.body.len(), message.timestamp, size));
    let change = render(&Control::SetChunkSize(size).message(), Csid::CONTROL, 128);
    let (read, error) = read(&[&change[..], &chunks].concat(), &[]);
    // Limits are those of what came; a flood of tiny chunks is one of its own.
    if error.is_none() {
        assert_eq!(read.last(), Some(message));
    }
}

/// One message of any kind, as a session reads it.
pub fn messages(data: &[u8]) {
    let mut script = Script::new(data);
    let (kind, msid, timestamp) = (script.byte(), u32::from(script.byte()), script.u32());
    let message = Message { kind, timestamp, msid, body: Bytes::copy_from_slice(script.all()) };
    if let Ok(Some(control)) = Control::parse(&message) {
        let again = Control::parse(&control.message());
        assert_eq!(again, Ok(Some(control)));
    }
    if let Ok(command) = Command::parse(&message.body) {
        let again = Command::parse(&command.message(msid).body).expect("what was written can be read");
        assert_eq!((again.name, again.values.len()), (command.name, command.values.len()));
    }
    if let Ok(parts) = split_aggregate(&message) {
        assert!(parts.iter().map(|part| part.body.len()).sum::<usize>() <= message.body.len());
    }
    for kind in [weir_flv::TagKind::Video, weir_flv::TagKind::Audio, weir_flv::TagKind::Script] {
        body(kind, &message.body);
    }
}
