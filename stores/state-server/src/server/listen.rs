//! Accepting connections.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, SystemClock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;

use super::config::Limits;
use super::connection::Connection;
use super::open::{Entry, Open};
use super::state::State;
use super::tls::{Tls, handshake};
use super::token::Tokens;

/// A state server.
#[derive(Clone)]
pub struct Server(Arc<State>);

/// Where a server listens.
#[derive(Debug)]
pub enum Listening {
    /// On a TCP port.
    Tcp(TcpListener),
    /// On a TCP port where clients speak TLS.
    Tls(TcpListener, Arc<Tls>),
    /// On a Unix socket.
    Unix(UnixListener),
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.0.limits)
            .field("tokens", &self.0.tokens)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// An empty server.
    #[must_use]
    pub fn new(limits: Limits, tokens: Tokens) -> Self {
        Self::with_clock(limits, tokens, SystemClock::default())
    }

    /// An empty server with a clock of its own: its monotonic time decides expiry and leases.
    #[must_use]
    pub fn with_clock(limits: Limits, tokens: Tokens, clock: impl Clock) -> Self {
        Self(Arc::new(State::new(limits, tokens, Arc::new(clock))))
    }

    /// A server with this state.
    pub(super) fn of(state: State) -> Self {
        Self(Arc::new(state))
    }

    /// Serves the connections that come, until the server drains.
    pub async fn serve(self, listening: Listening) {
        let mut connections = JoinSet::new();
        let mut drain = std::pin::pin!(self.0.drain_begins());
        while !self.0.is_draining() {
            tokio::select! {
                accepted = listening.accept() => match accepted {
                    Ok(stream) => self.welcome(stream, &mut connections),
                    Err(error) => self.rest(&error).await,
                },
                Some(_) = connections.join_next() => {}
                () = &mut drain => {}
            }
        }
        drop(listening);
        while connections.join_next().await.is_some() {}
    }

    /// Refuses new requests and stops accepting connections. [`serve`](Self::serve) completes
    /// when the last connection has ended.
    pub fn drain(&self) {
        self.0.begin_drain();
    }

    /// Ends each connection as soon as nothing is under way on it. For some time after
    /// [`drain`](Self::drain), so that clients whose requests are on their way learn why they
    /// are refused.
    pub fn close_idle(&self) {
        self.0.close_idle();
    }

    /// Takes back memory of what has expired and tells the log of refusals, every now and then,
    /// for ever.
    pub async fn tidy(&self) {
        const EVERY: Duration = Duration::from_secs(1);
        loop {
            self.0.clock.sleep(EVERY).await;
            self.0.tidy();
            self.0.metrics.tell_refusals();
        }
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.0
    }

    fn welcome(&self, stream: Stream, connections: &mut JoinSet<()>) {
        let state = Arc::clone(&self.0);
        let entry = Open::enter(&state, stream.cost());
        if let Entry::Dropped = entry {
            return;
        }
        match stream {
            Stream::Tcp(stream) => connections.spawn(run(stream, state, entry)),
            Stream::Unix(stream) => connections.spawn(run(stream, state, entry)),
            Stream::Tls(stream, tls) => connections.spawn(async move {
                let handshake = Box::pin(handshake(stream, &tls, &state));
                if let Some(stream) = handshake.await {
                    run(Box::new(stream), state, entry).await;
                }
            }),
        };
    }

    /// Waits a little after a failure to accept, which is most often for want of descriptors.
    pub(super) async fn rest(&self, error: &io::Error) {
        const PAUSE: Duration = Duration::from_millis(50);
        if self.0.seldom.accept.is_due(&*self.0.clock) {
            tracing::warn!(%error, "cannot accept a connection");
        }
        self.0.clock.sleep(PAUSE).await;
    }
}

async fn run(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>, entry: Entry) {
    let mut connection = Connection::new(stream, state);
    match entry {
        Entry::Served(open) => {
            open.register().await;
            connection.serve().await;
        }
        Entry::TurnedAway(_open, refusal) => connection.turn_away(refusal).await,
        Entry::Dropped => {}
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(tokio::net::UnixStream),
    Tls(TcpStream, Arc<Tls>),
}

impl Stream {
    /// The memory that a connection takes: its task, and its place in what keeps them.
    const PLAIN: usize = 2 << 10;
    /// What TLS adds: keys, and what has been read or is to be written.
    const TLS: usize = 30 << 10;

    fn cost(&self) -> usize {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Self::PLAIN,
            Self::Tls(..) => Self::PLAIN + Self::TLS,
        }
    }
}

impl Listening {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Ok(Stream::Tcp(accept(listener).await?)),
            Self::Tls(listener, tls) => {
                let stream = accept(listener).await?;
                Ok(Stream::Tls(stream, Arc::clone(tls)))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Stream::Unix(stream))
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    // Answers are written together; nothing is gained by holding them back.
    // It fails if the client has gone, which shows soon enough.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
