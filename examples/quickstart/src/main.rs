//! A small tea shop with sessions: visits, a cart, log in, log out, and a message that is shown
//! once. Start it with `cargo run -p quickstart`.
//!
//! This file sets the sessions up, `routes.rs` uses them, `cart.rs` is what one of them holds,
//! and `pages.rs` has the HTML.

mod cart;
mod pages;
mod routes;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use session_axum::SessionLayer;
use session_core::{KeyRing, SessionConfig};
use session_store_memory::MemoryStore;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// The key that signs session cookies; made on the first start, in the working directory.
const RING: &str = "machine-key.toml";

/// A small tea shop with sessions.
#[derive(Debug, Parser)]
struct Arguments {
    /// The address to listen on; port 0 takes any free port.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    match run(arguments.listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; choose another address with --listen")
    })?;
    let sessions = sessions()?;
    let stop = stop_signal()?;
    explain(listener.local_addr()?);

    let app = routes::app(sessions.clone());
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    // What a visitor was told is saved must be saved, even if the visitor has gone.
    if !sessions.engine().drain(Duration::from_secs(5)).await {
        tracing::warn!("some sessions were still being saved");
    }
    Ok(())
}

/// Everything that an application needs to have sessions.
fn sessions() -> Result<SessionLayer, Box<dyn Error>> {
    let ring = KeyRing::open_or_create(RING)?;
    let config = SessionConfig::builder("quickstart")
        // FOR PLAIN HTTP ON YOUR OWN MACHINE ONLY. In production delete this call: the cookie is
        // then `__Host-session`, which browsers send over HTTPS and to this host alone.
        .cookie(|cookie| cookie.name("session").insecure_allow_http(true))
        .build()?;
    let store = Arc::new(MemoryStore::default());
    Ok(SessionLayer::new(config, ring, store)?)
}

/// Says what kind of application this is, before anybody relies on it.
fn explain(address: SocketAddr) {
    let mut text = format!(
        "The tea shop is open: http://{address}/  (Ctrl+C stops it)
  - Sessions are in this process's memory and end with it.
  - The key that signs cookies is in ./{RING} and stays. Keep it secret.
  - Run one instance only: a second one would not see these sessions.
"
    );
    if !address.ip().is_loopback() {
        text += "  - WARNING: others can reach this address, over HTTP, which hides nothing.\n";
    }
    // The shop opens even where nobody reads this.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// `RUST_LOG=debug` shows more; session ids, keys and values never appear.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(io::stderr)
        .init();
}

/// Completes at Ctrl+C, or at the signal by which services are stopped.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes at Ctrl+C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
