//! From the flags to a server that runs, and to its end.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::flags::Flags;
use crate::server::{Limits, Listening, Server, Tokens};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// Where the admin port is if nobody says otherwise.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 42425);

pub(super) fn run(flags: Flags) -> Result<(), String> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))?;
    runtime.block_on(serve(flags))
}

async fn serve(flags: Flags) -> Result<(), String> {
    let tokens = flags
        .token_file
        .as_deref()
        .map_or(Ok(Tokens::default()), tokens)?;
    let server = Server::new(Limits::default(), tokens);
    let mut serving = JoinSet::new();
    let listener = TcpListener::bind(flags.listen).await;
    let listener = listener.map_err(|error| cannot_listen(&flags.listen, &error))?;
    announce("listening on", &address(&listener)?)?;
    serving.spawn(server.clone().serve(Listening::Tcp(listener)));
    if let Some(path) = &flags.listen_unix {
        let listener = unix(path)?;
        announce("listening on", &path.display())?;
        serving.spawn(server.clone().serve(Listening::Unix(listener)));
    }
    start_admin(&server, flags.admin).await?;
    tokio::spawn({
        let server = server.clone();
        async move { server.tidy().await }
    });
    until_asked_to_stop().await?;
    tracing::info!("draining");
    server.drain();
    let ended = tokio::time::timeout(flags.drain_timeout, async {
        while serving.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    Ok(())
}

/// Starts the admin port; whether the default one is free is nobody's fault.
async fn start_admin(server: &Server, asked: Option<SocketAddr>) -> Result<(), String> {
    let at = asked.unwrap_or(ADMIN);
    let listener = match (TcpListener::bind(at).await, asked) {
        (Ok(listener), _) => listener,
        (Err(error), Some(_)) => return Err(cannot_listen(&at, &error)),
        (Err(error), None) => {
            tracing::warn!(%error, "no admin port: {at} is taken; choose one with --admin");
            return Ok(());
        }
    };
    announce("admin on", &address(&listener)?)?;
    let server = server.clone();
    tokio::spawn(async move { server.admin(listener).await });
    Ok(())
}

fn tokens(path: &Path) -> Result<Tokens, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("--token-file {}: {error}", path.display()))?;
    let tokens = Tokens::from_lines(&text);
    if tokens.is_empty() {
        return Err(format!(
            "--token-file {}: there is no token in it",
            path.display()
        ));
    }
    Ok(tokens)
}

fn unix(path: &Path) -> Result<UnixListener, String> {
    UnixListener::bind(path).map_err(|error| cannot_listen(&path.display(), &error))
}

fn cannot_listen(at: &dyn Display, error: &io::Error) -> String {
    format!("cannot listen on {at}: {error}")
}

fn address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| error.to_string())
}

/// Tells on standard output what whoever started the server may wait for.
fn announce(what: &str, at: &dyn Display) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let told = writeln!(out, "{what} {at}").and_then(|()| out.flush());
    told.map_err(|error| format!("standard output: {error}"))
}

async fn until_asked_to_stop() -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
    let (mut terminate, mut interrupt) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
