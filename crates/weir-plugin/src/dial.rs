//! [`Dial`]: from a name to a connection: look-up, overlapping attempts at all addresses (RFC 8305), encryption, each with
//! a deadline. A state machine over [`Io`] for services to own; it makes one attempt and never a second.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_media::Time;
use weir_tls::Tls;

use crate::{ConnId, Io, Lookup, Phase, TcpOptions};

/// While an attempt is open, the next address is tried after this (RFC 8305 section 8).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses tried at most.
const ADDRESSES_MAX: usize = 16;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// A host name or an address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is set up.
    pub tcp: TcpOptions,
    /// Encryption, if it is to be encrypted.
    pub tls: Option<Tls>,
}

/// How long each step may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DialLimits {
    /// The look-up.
    pub resolve: Duration,
    /// All attempts to connect.
    pub connect: Duration,
    /// The TLS handshake.
    pub secure: Duration,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self { resolve: Duration::from_secs(3), connect: Duration::from_secs(5), secure: Duration::from_secs(5) }
    }
}

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialStep {
    /// The name is looked up.
    Resolving,
    /// Addresses are tried.
    Connecting,
    /// Keys are agreed on.
    Securing,
}

impl From<DialStep> for Phase {
    fn from(step: DialStep) -> Self {
        match step {
            DialStep::Resolving => Self::Resolving,
            DialStep::Connecting => Self::Connecting,
            DialStep::Securing => Self::Securing,
        }
    }
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialError {
    /// Where it failed.
    pub step: DialStep,
    /// Nothing happened in time.
    pub timed_out: bool,
    /// The peer is there, but is not believed or does not speak TLS.
    pub untrusted: bool,
    /// One plain sentence.
    pub message: String,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DialError {}

/// What an event led to.
#[derive(Debug)]
pub enum Dialed {
    /// Not there yet.
    Pending,
    /// There it is; the dial is over.
    Open(ConnId, SocketAddr),
    /// It is not to be; the dial is over, and nothing of it is left open.
    Failed(DialError),
}

enum State {
    Resolving(Lookup),
    Connecting { open: Vec<(ConnId, SocketAddr)>, rest: VecDeque<SocketAddr>, next: Option<Time>, error: String },
    Securing(ConnId, SocketAddr),
    Over,
}

/// One attempt. See the module documentation.
pub struct Dial {
    target: Target,
    limits: DialLimits,
    state: State,
    /// The end of the step.
    deadline: Time,
}

impl Dial {
    /// Begins. An address needs no look-up; [`Dialed::Failed`] is possible at once.
    pub fn begin(io: &mut dyn Io, target: Target, limits: DialLimits) -> (Self, Dialed) {
        let deadline = io.now() + limits.resolve;
        let mut dial = Self { target, limits, state: State::Over, deadline };
        let dialed = match dial.target.host.parse::<IpAddr>() {
            Ok(ip) => {
                let addr = SocketAddr::new(ip, dial.target.port);
                dial.try_all(io, vec![addr])
            }
            Err(_) => match io.resolve(&dial.target.host, dial.target.port) {
                Ok(lookup) => {
                    dial.state = State::Resolving(lookup);
                    Dialed::Pending
                }
                Err(e) => dial.not_found(&e),
            },
        };
        (dial, dialed)
    }

    /// What is being done.
    #[must_use]
    pub fn step(&self) -> DialStep {
        match self.state {
            State::Resolving(_) => DialStep::Resolving,
            State::Connecting { .. } => DialStep::Connecting,
            State::Securing(..) | State::Over => DialStep::Securing,
        }
    }

    /// When to call [`Dial::timeout`], unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Over => None,
            State::Connecting { next: Some(next), .. } => Some(self.deadline.min(*next)),
            _ => Some(self.deadline),
        }
    }

    /// Passes [`Service::resolved`](crate::Service::resolved) on. Answers to earlier questions are ignored.
    pub fn resolved(&mut self, io: &mut dyn Io, lookup: Lookup, result: io::Result<Vec<SocketAddr>>) -> Dialed {
        if !matches!(self.state, State::Resolving(own) if own == lookup) {
            return Dialed::Pending;
        }
        match result {
            Ok(addresses) if !addresses.is_empty() => self.try_all(io, interleaved(addresses)),
            Ok(_) => self.not_found(&"it has no address"),
            Err(e) => {
                let text = e.to_string();
                self.not_found(&text.strip_prefix("failed to lookup address information: ").unwrap_or(&text))
            }
        }
    }

    /// Passes [`Service::connected`](crate::Service::connected) on. Events of other connections are ignored.
    pub fn connected(&mut self, io: &mut dyn Io, conn: ConnId, result: io::Result<()>) -> Dialed {
        match &mut self.state {
            State::Connecting { open, error, .. } => {
                let Some(at) = open.iter().position(|(own, _)| *own == conn) else { return Dialed::Pending };
                let (_, addr) = open.swap_remove(at);
                match result {
                    Ok(()) => self.reached(io, conn, addr),
                    Err(e) => {
                        *error = describe(addr, &e);
                        self.try_next(io)
                    }
                }
            }
            State::Securing(own, addr) if *own == conn => {
                let addr = *addr;
                self.state = State::Over;
                match result {
                    Ok(()) => Dialed::Open(conn, addr),
                    Err(e) => self.fail(DialStep::Securing, false, format!("no TLS with {}: {e}", self.target.host)),
                }
            }
            _ => Dialed::Pending,
        }
    }

    /// Acts on what is due.
    pub fn timeout(&mut self, io: &mut dyn Io) -> Dialed {
        let now = io.now();
        if now < self.deadline {
            let is_due = matches!(self.state, State::Connecting { next: Some(next), .. } if next <= now);
            return if is_due { self.try_next(io) } else { Dialed::Pending };
        }
        let (step, host) = (self.step(), self.target.host.clone());
        let message = match &self.state {
            State::Over => return Dialed::Pending,
            State::Resolving(_) => format!("cannot resolve {host}: no answer in {} s", self.limits.resolve.as_secs()),
            State::Connecting { open, error, .. } => match open.first() {
                Some((_, addr)) => {
                    format!("cannot connect to {addr}: no answer in {} s", self.limits.connect.as_secs())
                }
                None => error.clone(),
            },
            State::Securing(..) => format!("no TLS with {host}: no answer in {} s", self.limits.secure.as_secs()),
        };
        self.abandon(io);
        self.fail(step, true, message)
    }

    /// Gives up and closes what is open.
    pub fn abandon(&mut self, io: &mut dyn Io) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Connecting { open, .. } => open.into_iter().for_each(|(conn, _)| io.close(conn)),
            State::Securing(conn, _) => io.close(conn),
            State::Resolving(_) | State::Over => {}
        }
    }

    fn not_found(&mut self, why: &dyn fmt::Display) -> Dialed {
        self.fail(DialStep::Resolving, false, format!("cannot resolve {}: {why}", self.target.host))
    }

    fn fail(&mut self, step: DialStep, timed_out: bool, message: String) -> Dialed {
        self.state = State::Over;
        let untrusted = step == DialStep::Securing && !timed_out;
        Dialed::Failed(DialError { step, timed_out, untrusted, message })
    }

    fn try_all(&mut self, io: &mut dyn Io, addresses: Vec<SocketAddr>) -> Dialed {
        self.deadline = io.now() + self.limits.connect;
        let rest = addresses.into_iter().take(ADDRESSES_MAX).collect();
        self.state = State::Connecting { open: Vec::new(), rest, next: None, error: String::new() };
        self.try_next(io)
    }

    /// Tries the next address that the system does not refuse at once.
    fn try_next(&mut self, io: &mut dyn Io) -> Dialed {
        let State::Connecting { open, rest, next, error } = &mut self.state else { return Dialed::Pending };
        while let Some(addr) = rest.pop_front() {
            match io.connect(addr, self.target.tcp) {
                Ok(conn) => {
                    open.push((conn, addr));
                    break;
                }
                Err(e) => *error = describe(addr, &e),
            }
        }
        *next = (!rest.is_empty()).then(|| io.now() + STAGGER);
        if open.is_empty() {
            let message = std::mem::take(error);
            return self.fail(DialStep::Connecting, false, message);
        }
        Dialed::Pending
    }

    /// One attempt was first: the others end.
    fn reached(&mut self, io: &mut dyn Io, conn: ConnId, addr: SocketAddr) -> Dialed {
        self.abandon(io);
        let Some(tls) = &self.target.tls else { return Dialed::Open(conn, addr) };
        self.deadline = io.now() + self.limits.secure;
        match io.secure(conn, tls) {
            Ok(()) => {
                self.state = State::Securing(conn, addr);
                Dialed::Pending
            }
            Err(e) => {
                io.close(conn);
                self.fail(DialStep::Securing, false, format!("no TLS with {}: {e}", self.target.host))
            }
        }
    }
}

fn describe(addr: SocketAddr, e: &io::Error) -> String {
    let why = match e.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        _ => e.to_string(),
    };
    format!("cannot connect to {addr}: {why}")
}

/// Families take turns, that of the first address first (RFC 8305 section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut own, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|addr| addr.is_ipv6() == first_is_v6);
    let mut order = Vec::new();
    while !own.is_empty() || !other.is_empty() {
        order.extend(own.pop_front());
        order.extend(other.pop_front());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::SimNet;

    fn target(host: &str) -> Target {
        Target { host: host.to_owned(), port: 1935, tcp: TcpOptions::default(), tls: None }
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A dial whose name is found at these addresses.
    fn found(net: &mut SimNet, addresses: &[&str]) -> Dial {
        let (mut dial, _) = Dial::begin(net, target("live.example"), DialLimits::default());
        let (lookup, _) = net.lookups.remove(0);
        let addresses = addresses.iter().map(|a| addr(a)).collect();
        assert!(matches!(dial.resolved(net, lookup, Ok(addresses)), Dialed::Pending));
        dial
    }

    fn refused() -> io::Result<()> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    #[track_caller]
    fn failure(dialed: Dialed) -> DialError {
        match dialed {
            Dialed::Failed(e) => e,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn families_take_turns_and_attempts_overlap() {
        let mut net = SimNet::new(1);
        let mut dial = found(&mut net, &["[::1]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        let tried = |net: &SimNet| net.dials.iter().map(|(_, addr)| addr.to_string()).collect::<Vec<_>>();
        assert_eq!(tried(&net), ["[::1]:1"]);
        net.advance(Duration::from_millis(250));
        assert!(matches!(dial.timeout(&mut net), Dialed::Pending));
        assert_eq!(tried(&net), ["[::1]:1", "10.0.0.1:1"]);
        let (second, _) = net.dials[1];
        // The second is first: the other attempt ends.
        let Dialed::Open(conn, at) = dial.connected(&mut net, second, Ok(())) else { panic!("it is there") };
        assert_eq!((conn, at, net.open()), (second, addr("10.0.0.1:1"), 1));
        assert_eq!(dial.poll_timeout(), None);
    }

    #[test]
    fn a_refusal_goes_on_to_the_next_address_at_once() {
        let mut net = SimNet::new(1);
        let mut dial = found(&mut net, &["10.0.0.1:1", "10.0.0.2:1"]);
        let (first, _) = net.dials.remove(0);
        assert!(matches!(dial.connected(&mut net, first, refused()), Dialed::Pending));
        let (second, _) = net.dials.remove(0);
        let e = failure(dial.connected(&mut net, second, refused()));
        assert_eq!(e.to_string(), "cannot connect to 10.0.0.2:1: connection refused");
        assert_eq!((e.step, e.timed_out), (DialStep::Connecting, false));
    }

    #[test]
    fn every_step_has_its_deadline() {
        let mut net = SimNet::new(1);
        let (mut dial, _) = Dial::begin(&mut net, target("live.example"), DialLimits::default());
        net.advance(Duration::from_secs(3));
        let e = failure(dial.timeout(&mut net));
        assert_eq!(e.to_string(), "cannot resolve live.example: no answer in 3 s");
        // What comes too late is ignored.
        let (lookup, _) = net.lookups.remove(0);
        assert!(matches!(dial.resolved(&mut net, lookup, Ok(vec![addr("10.0.0.1:1")])), Dialed::Pending));
        assert!(net.dials.is_empty());
        let (mut dial, _) = Dial::begin(&mut net, target("10.0.0.1"), DialLimits::default());
        net.advance(Duration::from_secs(5));
        let e = failure(dial.timeout(&mut net));
        assert_eq!(e.to_string(), "cannot connect to 10.0.0.1:1935: no answer in 5 s");
        assert_eq!(net.open(), 0);
    }

    #[test]
    fn names_that_are_not_found() {
        let mut net = SimNet::new(1);
        let (mut dial, _) = Dial::begin(&mut net, target("live.example"), DialLimits::default());
        let (lookup, _) = net.lookups.remove(0);
        let e = failure(dial.resolved(&mut net, lookup, Ok(Vec::new())));
        assert_eq!(
            (e.step, e.to_string()),
            (DialStep::Resolving, "cannot resolve live.example: it has no address".into())
        );
    }

    #[test]
    fn encryption_follows_the_connection() {
        let mut net = SimNet::new(1);
        let tls = weir_tls::ClientTls::new(weir_tls::Trust::Anybody).expect("it trusts anybody");
        let tls = Some(Tls::Client(tls, "live.example".to_owned()));
        let secure = |net: &mut SimNet| {
            let (mut dial, _) =
                Dial::begin(net, Target { tls: tls.clone(), ..target("10.0.0.1") }, DialLimits::default());
            let (conn, _) = net.dials.remove(0);
            assert!(matches!(dial.connected(net, conn, Ok(())), Dialed::Pending));
            assert_eq!((dial.step(), net.secures.last()), (DialStep::Securing, Some(&conn)));
            (dial, conn)
        };
        let (mut dial, conn) = secure(&mut net);
        assert!(matches!(dial.connected(&mut net, conn, Ok(())), Dialed::Open(..)));
        let (mut dial, conn) = secure(&mut net);
        let e = failure(dial.connected(&mut net, conn, Err(io::Error::other("the certificate has expired"))));
        assert_eq!((e.untrusted, e.to_string()), (true, "no TLS with 10.0.0.1: the certificate has expired".into()));
        let (mut dial, conn) = secure(&mut net);
        net.advance(Duration::from_secs(5));
        assert_eq!(failure(dial.timeout(&mut net)).to_string(), "no TLS with 10.0.0.1: no answer in 5 s");
        assert!(!net.is_open(conn));
    }
}
