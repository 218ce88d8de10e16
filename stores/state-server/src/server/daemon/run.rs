//! From the flags to a server that runs, and to its end.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::server::{Limits, Listening, Server, Tls, Tokens};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::server::daemon::flags::{AdminFlags, DiskFlags, Flags, ListenFlags};
use crate::server::daemon::policy;
use crate::server::daemon::socket_file::SocketFile;

/// Where the admin port is if nobody says otherwise.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 42425);

pub(crate) fn run(flags: Flags) -> Result<(), String> {
    policy::check(&flags)?;
    start_log(flags.log.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))?;
    runtime.block_on(serve(flags))
}

async fn serve(flags: Flags) -> Result<(), String> {
    let tokens = flags.listen.token_file.as_deref();
    let tokens = tokens.map_or(Ok(Tokens::default()), read_tokens)?;
    let tls = flags.listen.tls().map(Tls::load).transpose();
    let tls = tls.map_err(|error| format!("TLS: {error}"))?.map(Arc::new);
    let limits = flags.caps.limits();
    raise_descriptors(&limits);
    let server = open(limits, tokens, &flags.disk)?;
    let mut stop = Stop::new()?;
    let mut serving = JoinSet::new();
    let _socket = start_listening(&server, &flags.listen, tls.clone(), &mut serving).await?;
    reload_on_hangup(tls)?;
    start_admin(&server, &flags.admin).await?;
    tokio::spawn({
        let server = server.clone();
        async move { server.tidy().await }
    });
    stop.asked().await;
    drain(&server, &mut serving, flags.drain_timeout).await;
    let finished = tokio::task::spawn_blocking(move || server.finish()).await;
    finished
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

/// A server, with the sessions that it has kept if it keeps them.
fn open(limits: Limits, tokens: Tokens, flags: &DiskFlags) -> Result<Server, String> {
    match policy::persistence(flags)? {
        None => Ok(Server::new(limits, tokens)),
        Some(persistence) => Server::open(limits, tokens, &persistence)
            .map_err(|error| format!("--data-dir: {error}")),
    }
}

/// Ends what is open. For a while requests are still answered, with 503, so that clients learn
/// why; then connections on which nothing is under way are closed.
async fn drain(server: &Server, serving: &mut JoinSet<()>, limit: Duration) {
    const MAX_QUIET: Duration = Duration::from_secs(2);
    let quiet = MAX_QUIET.min(limit / 2);
    tracing::info!("draining");
    server.drain();
    if all_end(serving, quiet).await {
        return;
    }
    server.close_idle();
    if !all_end(serving, limit.saturating_sub(quiet)).await {
        tracing::warn!("some connections did not end in time");
    }
}

async fn all_end(serving: &mut JoinSet<()>, limit: Duration) -> bool {
    let ended = tokio::time::timeout(limit, async {
        while serving.join_next().await.is_some() {}
    });
    ended.await.is_ok()
}

/// Opens the address and the socket. The file of the socket goes with what is returned.
async fn start_listening(
    server: &Server,
    flags: &ListenFlags,
    tls: Option<Arc<Tls>>,
    serving: &mut JoinSet<()>,
) -> Result<Option<SocketFile>, String> {
    if let Some(at) = flags.listen.0 {
        let listener = TcpListener::bind(at).await;
        let listener = listener.map_err(|error| format!("--listen {at}: {error}"))?;
        if flags.listen.remote().is_some() && flags.insecure {
            tracing::warn!("--insecure: whoever reaches the port reads and writes every session");
        }
        let at = address(&listener)?;
        let listening = match tls {
            Some(tls) => Listening::Tls(listener, tls),
            None => Listening::Tcp(listener),
        };
        announce("listening on", &at)?;
        serving.spawn(server.clone().serve(listening));
    }
    let Some(path) = &flags.listen_unix else {
        return Ok(None);
    };
    let (listener, file) = SocketFile::listen(path)?;
    announce("listening on", &path.display())?;
    serving.spawn(server.clone().serve(Listening::Unix(listener)));
    Ok(Some(file))
}

/// Reads certificates and key again on SIGHUP, if there are any; else the signal does nothing.
fn reload_on_hangup(tls: Option<Arc<Tls>>) -> Result<(), String> {
    let mut hangup = listen_for(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match tls.as_ref().map(|tls| tls.reload()) {
                None => {}
                Some(Ok(())) => tracing::info!("the files for TLS have been read again"),
                Some(Err(error)) => tracing::error!(%error, "TLS goes on with what it had"),
            }
        }
    });
    Ok(())
}

fn listen_for(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("signals: {error}"))
}

/// Starts the admin port; whether the default one is free is nobody's fault.
async fn start_admin(server: &Server, flags: &AdminFlags) -> Result<(), String> {
    let Some(at) = flags.admin.map_or(Some(ADMIN), |admin| admin.0) else {
        return Ok(());
    };
    let listener = match (TcpListener::bind(at).await, flags.admin) {
        (Ok(listener), _) => listener,
        (Err(error), Some(_)) => return Err(format!("--admin {at}: {error}")),
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

fn read_tokens(path: &Path) -> Result<Tokens, String> {
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

/// Lines go to standard error. They have no keys and no bodies in them, whatever the level.
fn start_log(level: Option<&str>) -> Result<(), String> {
    let filter = match level {
        Some(level) => EnvFilter::try_new(level).map_err(|error| format!("--log: {error}"))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
    };
    let log = tracing_subscriber::fmt().with_writer(io::stderr);
    log.with_env_filter(filter).init();
    Ok(())
}

/// Each connection is a file descriptor, and the usual limit is far below the cap.
fn raise_descriptors(limits: &Limits) {
    const BESIDE_CONNECTIONS: u64 = 256;
    let wanted = limits.max_connections as u64 + BESIDE_CONNECTIONS;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = now.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let limit = Rlimit {
        current: Some(raised),
        maximum: now.maximum,
    };
    if setrlimit(Resource::Nofile, limit).is_err() || raised < wanted {
        tracing::warn!(
            "the limit on open files is too low for --max-connections {}: it should be {wanted}",
            limits.max_connections
        );
    }
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

/// The signals that end the server.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Before anybody is told that the server runs: a signal must find it prepared.
    fn new() -> Result<Self, String> {
        Ok(Self {
            terminate: listen_for(SignalKind::terminate())?,
            interrupt: listen_for(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
