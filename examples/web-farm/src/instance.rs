//! One instance of the shop. This is what an application of your own would be; the rest of the
//! farm is only there to start it several times.

mod pages;
mod routes;
mod values;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_axum::SessionLayer;
use session_core::{Clock as _, KeyRing, KeyRingDrift, NotReady, SessionConfig, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::{process, store};

/// How long the last commits may take.
const LAST_COMMITS: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct InstanceOptions {
    /// The name on the page
    #[arg(long)]
    name: String,

    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where the sessions are
    #[arg(long)]
    store: String,

    /// The file of the key ring
    #[arg(long)]
    ring: PathBuf,

    /// Where the supervisor is
    #[arg(long)]
    supervisor: SocketAddr,

    /// How long to go on after SIGTERM, so that a load balancer notices first
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    linger: Duration,
}

/// What an instance says when it is asked whether it is ready.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Health {
    /// Why it is not ready.
    pub(crate) reason: Option<String>,
    /// The id of the key that it signs with. Every cookie has it, so it is no secret.
    pub(crate) key: Option<String>,
    /// The version of its key ring.
    pub(crate) ring: Option<u64>,
    /// How many requests this process has answered.
    pub(crate) answers: u64,
}

/// An instance that runs.
#[derive(Clone, Debug)]
struct Instance {
    name: Arc<str>,
    supervisor: SocketAddr,
    sessions: SessionLayer,
    stopping: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
}

pub(crate) async fn run(options: InstanceOptions) -> Result<(), Box<dyn Error>> {
    process::end_with_parent();
    let stop = process::asked_to_stop()?;
    let sessions = sessions(&options)?;
    refuse_wrong_key(&sessions).await?;
    refresh_on_hangup(sessions.engine().key_ring().clone())?;
    let instance = Instance {
        name: options.name.into(),
        supervisor: options.supervisor,
        sessions: sessions.clone(),
        stopping: Arc::default(),
        answers: Arc::default(),
    };
    let listener = TcpListener::bind(options.listen).await;
    let listener =
        listener.map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    process::announce(listener.local_addr()?)?;

    let stopping = Arc::clone(&instance.stopping);
    let stop = async move {
        stop.await;
        stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(options.linger).await;
    };
    axum::serve(listener, routes::app(instance))
        .with_graceful_shutdown(stop)
        .await?;
    // What a visitor was told is saved must be saved, even if the visitor has gone.
    if !sessions.engine().drain(LAST_COMMITS).await {
        tracing::warn!("some sessions were still being saved");
    }
    Ok(())
}

/// Everything that an application needs to have sessions.
fn sessions(options: &InstanceOptions) -> Result<SessionLayer, Box<dyn Error>> {
    // An instance never makes a key: one that it made would be nobody else's.
    let ring = KeyRing::open(&options.ring)?;
    let config = SessionConfig::builder("web-farm")
        .instance(options.name.replace(' ', "-"))
        // FOR PLAIN HTTP ON YOUR OWN MACHINE ONLY. In production delete this call: the cookie is
        // then `__Host-session`, which browsers send over HTTPS and to this host alone.
        .cookie(|cookie| cookie.name("web-farm").insecure_allow_http(true))
        .build()?;
    Ok(SessionLayer::new(
        config,
        ring,
        store::open(&options.store)?,
    )?)
}

/// Ends an instance whose machine key is not the farm's: its cookies would be nobody else's.
/// Anything else may get better by waiting, and until then the instance says that it is not ready.
async fn refuse_wrong_key(sessions: &SessionLayer) -> Result<(), KeyRingDrift> {
    match sessions.engine().ready().await {
        Err(NotReady::Drift(drift)) => Err(drift),
        Err(error) => {
            tracing::warn!(%error, "not ready yet");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Reads the key ring again at once when told to. An instance would do so by itself, every
/// minute and at the first cookie with a key that it does not know.
fn refresh_on_hangup(ring: KeyRing) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let ring = ring.clone();
            match tokio::task::spawn_blocking(move || ring.refresh()).await {
                Ok(Ok(changed)) => tracing::info!(changed, "the key ring was read again"),
                Ok(Err(error)) => tracing::error!(%error, "the key ring stays as it was"),
                Err(_) => return,
            }
        }
    });
    Ok(())
}

impl Instance {
    async fn health(&self) -> Health {
        let engine = self.sessions.engine();
        let ring = engine.key_ring().snapshot();
        let reason = match engine.ready().await {
            _ if self.stopping.load(Ordering::Relaxed) => Some("is stopping".to_owned()),
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        };
        Health {
            reason,
            key: Some(ring.sealing_kid(SystemClock::default().now()).to_string()),
            ring: Some(ring.epoch()),
            answers: self.answers.load(Ordering::Relaxed),
        }
    }
}
