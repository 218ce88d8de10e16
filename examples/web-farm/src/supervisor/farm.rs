//! [`Farm`]: all that belongs together.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use session_core::{KeyRing, Rotation};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::events::{Event, Events};
use super::keeper;
use super::member::{Admitted, Member, Name, Order, Phase};
use super::state_server::StateServer;

/// How long a new key waits before it signs. Production takes `Rotation::gradual`, an hour or
/// more, because nobody tells its processes to read the ring.
const OVERLAP: Duration = Duration::from_secs(3);

/// How long an instance goes on after it was asked to end, saying that it is not ready: a load
/// balancer must have asked it meanwhile. Our own proxy is told before.
const LINGER: &str = "1s";

/// What every instance is told.
#[derive(Debug)]
pub(super) struct Setup {
    /// Where the supervisor listens.
    pub(super) address: SocketAddr,
    pub(super) store: String,
    pub(super) ring: PathBuf,
    pub(super) stranger_ring: PathBuf,
    /// Where the first instance listens and the others follow, if somebody else than our proxy
    /// hands requests round.
    pub(super) first_port: Option<u16>,
}

impl Setup {
    pub(super) fn instance_arguments(&self, name: Name) -> Vec<OsString> {
        let ring = match name {
            Name::Instance(_) => &self.ring,
            Name::Stranger => &self.stranger_ring,
        };
        let mut arguments: Vec<OsString> = vec![
            "instance".into(),
            "--name".into(),
            name.to_string().into(),
            "--supervisor".into(),
            self.address.to_string().into(),
            "--store".into(),
            OsString::from(&self.store),
            "--ring".into(),
            ring.into(),
        ];
        if let (Some(first), Name::Instance(number)) = (self.first_port, name) {
            let listen = format!("127.0.0.1:{}", first.saturating_add(number - 1));
            arguments.extend(["--listen", &listen, "--linger", LINGER].map(OsString::from));
        }
        arguments
    }
}

/// The farm; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Farm(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    setup: Setup,
    ring: KeyRing,
    state_server: Option<StateServer>,
    members: Mutex<Vec<Arc<Member>>>,
    keepers: Mutex<JoinSet<()>>,
    /// Whose turn it is.
    turn: AtomicUsize,
    events: Events,
    stopping: watch::Sender<bool>,
}

impl Farm {
    pub(super) fn new(setup: Setup, ring: KeyRing, state_server: Option<StateServer>) -> Self {
        Self(Arc::new(Inner {
            setup,
            ring,
            state_server,
            members: Mutex::default(),
            keepers: Mutex::default(),
            turn: AtomicUsize::new(0),
            events: Events::new(),
            stopping: watch::Sender::new(false),
        }))
    }

    pub(super) fn start(&self, instances: u16) {
        for number in 1..=instances {
            self.add(Name::Instance(number));
        }
        if self.0.state_server.is_some() {
            let farm = self.clone();
            let keep = async move {
                if let Some(server) = &farm.0.state_server {
                    server.keep(&farm).await;
                }
            };
            self.0.keepers.lock().spawn(keep);
        }
    }

    /// Starts an instance with a ring that nobody else has, in place of the last such one.
    pub(super) fn add_stranger(&self) {
        self.0.members.lock().retain(|member| {
            let stays = member.name() != Name::Stranger;
            if !stays {
                member.order(Order::Stop);
            }
            stays
        });
        self.add(Name::Stranger);
    }

    fn add(&self, name: Name) {
        let (member, orders) = Member::new(name);
        self.0.members.lock().push(Arc::clone(&member));
        let keeper = keeper::keep(self.clone(), member, orders);
        self.0.keepers.lock().spawn(keeper);
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    pub(super) fn state_server(&self) -> Option<&StateServer> {
        self.0.state_server.as_ref()
    }

    pub(super) fn members(&self) -> Vec<Arc<Member>> {
        self.0.members.lock().clone()
    }

    pub(super) fn member(&self, number: u16) -> Option<Arc<Member>> {
        let name = Name::Instance(number);
        self.members()
            .into_iter()
            .find(|member| member.name() == name)
    }

    /// Lets a request in: at the instance whose turn it is, and if that fails at the others.
    ///
    /// If no instance is ready, those that run get the requests: the store is away for all of
    /// them, and they know best what to answer.
    pub(super) fn admissions(&self) -> impl Iterator<Item = Admitted> + Send + use<> {
        let mut members = self.members();
        // Whatever it says of itself, it has another key.
        members.retain(|member| member.name() != Name::Stranger);
        let is_ready = |member: &&Arc<Member>| member.seen().phase == Phase::Ready;
        let phase = match members.iter().any(|member| is_ready(&member)) {
            true => Phase::Ready,
            false => Phase::NotReady,
        };
        members.retain(|member| member.seen().phase == phase);
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn % members.len().max(1);
        members.rotate_left(first);
        members
            .into_iter()
            .filter_map(move |member| member.admit(phase))
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.0.events.note(text);
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.0.events.list()
    }

    /// Adds a key to the ring, and tells the instances. Blocks on the file system.
    pub(super) fn rotate(&self) {
        match self.0.ring.rotate(Rotation::after(OVERLAP)) {
            Ok(added) => {
                for member in self.members() {
                    member.order(Order::ReadRing);
                }
                let seconds = OVERLAP.as_secs();
                self.note(format!(
                    "key {} was added; it signs in {seconds} seconds, when everybody has it",
                    added.kid
                ));
            }
            Err(error) => self.note(format!("the key was not rotated: {error}")),
        }
    }

    /// Waits until every instance is ready, but not for ever.
    pub(super) async fn wait_until_ready(&self, patience: Duration) {
        const LOOK: Duration = Duration::from_millis(20);
        let ready = async {
            while self
                .members()
                .iter()
                .any(|member| member.seen().phase != Phase::Ready)
            {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(patience, ready).await;
    }

    /// No more requests from outside.
    pub(super) fn stop_accepting(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Completes when no more requests shall be accepted.
    pub(super) async fn stopping(&self) {
        let mut stopping = self.0.stopping.subscribe();
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Ends every process: the instances first, because their last commits need the store.
    pub(super) async fn stop(&self) {
        let mut keepers = std::mem::take(&mut *self.0.keepers.lock());
        let members = self.members();
        members.iter().for_each(|member| member.order(Order::Stop));
        let instances_end = async {
            while members.iter().any(|member| member.seen().id.is_some()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        instances_end.await;
        if let Some(server) = self.state_server() {
            server.order(Order::Stop);
        }
        while keepers.join_next().await.is_some() {}
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(number) => write!(f, "instance {number}"),
            Self::Stranger => f.write_str("the stranger"),
        }
    }
}
