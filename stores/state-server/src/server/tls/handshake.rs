//! The beginning of a connection.

use std::io;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::Tls;
use crate::server::refusal::Refusal;
use crate::server::state::State;
use crate::server::timer::Timer;

/// Why there is no TLS.
enum Failure {
    /// The client does not speak it.
    Plain,
    Io(io::Error),
}

/// Shakes hands with a client, which has as long as for a request, unless the server drains. A
/// failure is counted and logged.
pub(in crate::server) async fn handshake(
    stream: TcpStream,
    tls: &Tls,
    state: &State,
) -> Option<TlsStream<TcpStream>> {
    let peer = stream.peer_addr().map(|peer| peer.ip());
    let limit = state.limits.frame_timeout;
    let drain = state.drain_begins();
    if state.is_draining() {
        return None;
    }
    let mut timer = Timer::default();
    let done = tokio::select! {
        done = timer.within(&*state.clock, limit, accept(stream, tls)) => done,
        () = drain => return None,
    };
    let failure = match done {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(Failure::Plain)) => {
            "the client sent something else than TLS; it must be told to use TLS here".to_owned()
        }
        Ok(Err(Failure::Io(error))) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    state.metrics.refused(Refusal::Handshake);
    if state.seldom.handshake.is_due(&*state.clock) {
        let peer = peer.map_or_else(|_| "unknown".to_owned(), |peer| peer.to_string());
        tracing::warn!(peer, failure, "no TLS handshake");
    }
    None
}

async fn accept(stream: TcpStream, tls: &Tls) -> Result<TlsStream<TcpStream>, Failure> {
    /// What each record of a handshake begins with.
    const HANDSHAKE: u8 = 22;
    /// How much may wait in the TLS layer for a client to take it; more waits outside, where it
    /// counts against the cap on memory.
    const BUFFER: usize = 16 << 10;
    let mut first = [0];
    let length = stream.peek(&mut first).await.map_err(Failure::Io)?;
    if length == 1 && first[0] != HANDSHAKE {
        return Err(Failure::Plain);
    }
    let accept = tls.acceptor().accept_with(stream, |connection| {
        connection.set_buffer_limit(Some(BUFFER));
    });
    accept.await.map_err(Failure::Io)
}
