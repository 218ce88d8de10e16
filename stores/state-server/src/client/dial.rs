//! Opening a connection and greeting the server on it.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use session_core::StoreErrorKind;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Sleep;

use super::address::Address;
use super::diagnose;
use super::fault::{Fault, Phase};
use super::input::Input;
use super::reply::{Malformed, Reply};
use super::request;
use super::roster::{ROW, Roster, Verdict};
use super::settings::{Protocol, Settings, Token};
use super::tls;

/// The bytes that a connection reads at once, at first.
const INPUT: usize = 8 << 10;

/// A stream in both directions, over whatever carries it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections to one server.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    address: Address,
    pub(super) settings: Arc<Settings>,
    roster: Arc<Roster>,
}

/// A connection whose server has answered our greeting.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) input: Input,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection(..)")
    }
}

impl Dialer {
    pub(super) fn new(address: Address, settings: Arc<Settings>, roster: Arc<Roster>) -> Self {
        Self {
            address,
            settings,
            roster,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Connects, greets, and compares the lists of servers, within the connect timeout.
    pub(super) async fn dial(&self) -> Result<Connection, Fault> {
        let mut budget = Budget(Box::pin(tokio::time::sleep(self.settings.connect_timeout)));
        let stream = self.connect(&mut budget).await?;
        let mut connection = Connection {
            stream,
            input: Input::new(INPUT),
        };
        if self.settings.protocol == Protocol::MsAsp {
            return Ok(connection);
        }
        let mut greeting = Vec::new();
        request::greeting(
            &mut greeting,
            self.settings.token.as_ref().map(Token::as_str),
        );
        request::meta_get(&mut greeting, ROW);
        let answer = budget.spend(connection.exchange(&greeting, false)).await;
        let reply = answer.map_err(|error| self.io(Phase::Token, &error))?;
        self.judge(&reply)?;
        self.compare(&mut connection, &mut budget).await?;
        Ok(connection)
    }

    /// Reads the server's list, which was asked for, and writes ours where there is none.
    async fn compare(&self, connection: &mut Connection, budget: &mut Budget) -> Result<(), Fault> {
        let failed = |error: io::Error| self.io(Phase::List, &error);
        let mut reply = budget
            .spend(connection.receive(false))
            .await
            .map_err(failed)?;
        let mut is_write = false;
        loop {
            let problem = match self.roster.judge(&reply, is_write) {
                Verdict::Agreed => return Ok(()),
                Verdict::Write(version, row) => {
                    let mut write = Vec::new();
                    request::meta_set(&mut write, ROW, version, row.as_bytes());
                    let answer = budget.spend(connection.exchange(&write, false)).await;
                    reply = answer.map_err(failed)?;
                    is_write = true;
                    continue;
                }
                Verdict::Differs(problem) => problem,
                Verdict::Odd if reply.status == 503 => return Err(failed(draining())),
                Verdict::Odd => format!("status {} instead of the server list", reply.status),
            };
            let kind = StoreErrorKind::Refused;
            return Err(Fault::answer(&self.address, kind, Phase::List, &problem));
        }
    }

    async fn connect(&self, budget: &mut Budget) -> Result<Box<dyn Stream>, Fault> {
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = budget.spend(UnixStream::connect(path)).await;
                Ok(Box::new(
                    stream.map_err(|error| self.io(Phase::Connect, &error))?,
                ))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(self.io(Phase::Connect, &io::ErrorKind::Unsupported.into())),
            Address::Tcp(host, port) => {
                let stream = without_delay(self.connect_tcp(host, *port, budget).await?);
                let Some(tls) = &self.settings.tls else {
                    self.guard_token(&stream)?;
                    return Ok(Box::new(stream));
                };
                let stream = budget.spend(tls.connect(host, stream)).await;
                Ok(Box::new(
                    stream.map_err(|error| self.io(Phase::Tls, &error))?,
                ))
            }
        }
    }

    async fn connect_tcp(
        &self,
        host: &str,
        port: u16,
        budget: &mut Budget,
    ) -> Result<TcpStream, Fault> {
        let found = budget.spend(tokio::net::lookup_host((host, port))).await;
        let found = found.map_err(|error| self.io(Phase::Resolve, &error))?;
        let mut refusal = io::Error::new(io::ErrorKind::NotFound, "no address");
        let mut refused = None;
        for address in found {
            match budget.spend(TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => refusal = error,
            }
            refused = Some(address);
        }
        if refusal.kind() == io::ErrorKind::ConnectionRefused
            && let Some(address) = refused
            && let Ok(true) = budget
                .spend(async { Ok(diagnose::answers_on_loopback_only(address).await) })
                .await
        {
            let problem = "the server answers on 127.0.0.1 only; start it with --listen and \
                           --allow-remote, or write 127.0.0.1 in store.url";
            let kind = StoreErrorKind::Unavailable;
            return Err(Fault::answer(&self.address, kind, Phase::Connect, problem));
        }
        Err(self.io(Phase::Connect, &refusal))
    }

    /// A token is not shown to whoever listens on the network.
    fn guard_token(&self, stream: &TcpStream) -> Result<(), Fault> {
        let is_near = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        if is_near || self.settings.token.is_none() || self.settings.insecure_token_over_plain_tcp {
            return Ok(());
        }
        let problem = "the token would cross the network in clear text; set store.tls, or \
                       store.insecure_token_over_plain_tcp if nobody else is on this network";
        let kind = StoreErrorKind::Refused;
        Err(Fault::answer(&self.address, kind, Phase::Token, problem))
    }

    /// Whether we can go on with a server that greets like this.
    fn judge(&self, reply: &Reply) -> Result<(), Fault> {
        let refused =
            |kind, problem| Err(Fault::answer(&self.address, kind, Phase::Token, problem));
        match reply.status {
            401 if self.settings.token.is_none() => refused(
                StoreErrorKind::Refused,
                "the server demands a token; set store.token_file",
            ),
            401 => refused(
                StoreErrorKind::Refused,
                "the server refuses our token; compare store.token_file with its --token-file",
            ),
            429 => refused(
                StoreErrorKind::Unavailable,
                "the server has too many connections; look at its --max-connections and at \
                 store.connections",
            ),
            503 => Err(self.io(Phase::Token, &draining())),
            _ if !reply.extended => refused(
                StoreErrorKind::Refused,
                "this is not a session-state-server: its answer has no Session-Protocol. If it \
                 is an ASP.NET state service, say so with protocol=ms-asp in store.url",
            ),
            _ => Ok(()),
        }
    }

    pub(super) fn io(&self, phase: Phase, error: &io::Error) -> Fault {
        Fault::io(&self.address, phase, error)
    }
}

/// What a server says that is about to stop.
pub(super) fn draining() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the server is shutting down",
    )
}

/// A connection works with delays as well, only slower.
fn without_delay(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed.0)
    }
}

impl Connection {
    /// One request and its answer, with nothing else on the connection.
    pub(super) async fn exchange(&mut self, request: &[u8], to_head: bool) -> io::Result<Reply> {
        if let Err(error) = self.send(request).await {
            // What the server said before it closed the connection tells more.
            return match self.receive(to_head).await {
                Err(said) if tls::advice(&said).is_none() => Err(error),
                answered => answered,
            };
        }
        self.receive(to_head).await
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await
    }

    /// The next answer.
    async fn receive(&mut self, to_head: bool) -> io::Result<Reply> {
        loop {
            if let Some(reply) = self.input.next(to_head)? {
                return Ok(reply);
            }
            poll_fn(|context| self.input.poll_fill(context, &mut self.stream)).await?;
        }
    }

    /// Whether the server has closed the connection, or said something that nobody asked for.
    pub(super) async fn is_dead(&mut self) -> bool {
        poll_fn(|context| {
            let read = self.input.poll_fill(context, &mut self.stream);
            Poll::Ready(read.is_ready())
        })
        .await
    }
}

/// Time that several steps share.
struct Budget(Pin<Box<Sleep>>);

impl Budget {
    async fn spend<T>(&mut self, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut step = pin!(step);
        poll_fn(|context| match step.as_mut().poll(context) {
            Poll::Pending => self.0.as_mut().poll(context).map(|()| {
                let message = "no answer in time";
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }),
            ready => ready,
        })
        .await
    }
}

/// The wait before the next attempt to connect: doubles from 10 ms to 500 ms, and a part of it
/// is random, so that a farm does not come back all at once.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
}

impl BackOff {
    pub(super) fn next(&mut self) -> Duration {
        let whole = 10_u64 << self.failures.min(6);
        self.failures += 1;
        let whole = whole.min(500);
        Duration::from_millis(whole / 2 + super::jitter() % (whole / 2 + 1))
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}
