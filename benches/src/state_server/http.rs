//! The whole way: cookie, session layer, sealing, client, server and back.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::http::HeaderValue;
use session_core::{KeyRing, SessionStore};
use session_store_memory::MemoryStore;
use session_store_state_server::StateServerStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    client::PATIENCE,
    process::StateServer,
    runs::{Effort, Stop, Turn, Turns, turn},
};
use crate::{
    case::{Case, Prepared},
    contestants::{self, BARE},
    instance::{App, Failure, cookie_to_send},
};

const MEMORY: &str = "ours, memory";
const TCP: &str = "ours, state server, TCP";
const UNIX: &str = "ours, state server, Unix socket";

const IN_FLIGHT: usize = 64;
pub const CASES: [Case; 2] = [Case::Read, Case::ReadWrite];

pub struct HttpFigures(pub Vec<(&'static str, [Turns; CASES.len()])>);

/// Requests in process, as in the other parts, by many visitors at once.
pub fn measure(
    runtime: &Runtime,
    folder: &TempDir,
    effort: &Effort,
) -> Result<HttpFigures, Failure> {
    let server = StateServer::start(folder.path())?;
    let mut contestants = applications(runtime, folder.path(), &server)?;
    let mut figures: Vec<_> = contestants
        .iter()
        .map(|contestant| (contestant.name, <[Turns; CASES.len()]>::default()))
        .collect();
    for (index, case) in CASES.into_iter().enumerate() {
        for round in 0..=effort.rounds {
            for contestant in &contestants {
                let turn = contestant.turn(runtime, case, effort.turn)?;
                let own = figures.iter_mut().find(|own| own.0 == contestant.name);
                if let Some((_, turns)) = own.filter(|_| round > 0) {
                    turns[index].push(turn);
                }
            }
            contestants.rotate_left(1);
        }
    }
    Ok(HttpFigures(figures))
}

/// One turn of the contestant in whose name there is `word`.
pub fn one(
    runtime: &Runtime,
    folder: &TempDir,
    word: &str,
    case: Case,
    length: Duration,
) -> Result<Option<Turn>, Failure> {
    let server = StateServer::start(folder.path())?;
    let contestants = applications(runtime, folder.path(), &server)?;
    let is_meant = |own: &&Application| own.name.to_lowercase().contains(word);
    let meant = contestants.iter().find(is_meant);
    meant.map(|own| own.turn(runtime, case, length)).transpose()
}

fn applications(
    runtime: &Runtime,
    folder: &Path,
    server: &StateServer,
) -> Result<Vec<Application>, Failure> {
    let _on_runtime = runtime.enter();
    let key = folder.join("machine-key.toml");
    let shared = |url: String| -> Result<_, Failure> {
        let store = StateServerStore::builder(&url)?.operation_timeout(PATIENCE);
        ours(store.build(), KeyRing::open_or_create(&key)?)
    };
    let apps = [
        (BARE, contestants::bare(runtime)?),
        (MEMORY, ours(MemoryStore::default(), KeyRing::ephemeral()?)?),
        (TCP, shared(server.tcp())?),
        (UNIX, shared(server.unix())?),
    ];
    apps.into_iter()
        .map(|(name, app)| Application::start(runtime, name, app))
        .collect()
}

fn ours(store: impl SessionStore, ring: KeyRing) -> Result<Box<dyn App>, Failure> {
    contestants::ours(Arc::new(store), ring)
}

struct Application {
    name: &'static str,
    app: Box<dyn App>,
    /// One session for each visitor.
    cookies: Vec<HeaderValue>,
}

impl Application {
    fn start(runtime: &Runtime, name: &'static str, app: Box<dyn App>) -> Result<Self, Failure> {
        let new_session = |_| {
            if name == BARE {
                return Ok(HeaderValue::from_static("none"));
            }
            let request = Prepared::new("/fill", None).to_request();
            cookie_to_send(runtime.block_on(app.call(request)).headers())
        };
        let cookies = (0..IN_FLIGHT).map(new_session).collect::<Result<_, _>>()?;
        Ok(Self { name, app, cookies })
    }

    fn turn(&self, runtime: &Runtime, case: Case, length: Duration) -> Result<Turn, Failure> {
        let stop = Stop::default();
        let visitors = self.cookies.iter().map(|cookie| {
            let request = case.request(cookie);
            let (sent, stop) = (Arc::new(AtomicU64::new(0)), stop.clone());
            let counter = Arc::clone(&sent);
            let requests = std::iter::from_fn(move || {
                let goes_on = !stop.is_due();
                counter.fetch_add(goes_on.into(), Ordering::Relaxed);
                goes_on.then(|| request.to_request())
            });
            let visit = self.app.drive(Box::new(requests));
            async move {
                visit.await;
                Ok(sent.load(Ordering::Relaxed))
            }
        });
        turn(runtime, length, None, visitors, &stop)
    }
}
