//! [`Fleet`]: all servers of a store, and how a call finds the right one.

use std::sync::Arc;

use redis::Value;
use session_core::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::NAME;
use crate::address::Address;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::fault::{Fault, Refusal};
use crate::moment::Moment;
use crate::script::Form;
use crate::server::{Lost, Place, Server, pause};
use crate::settings::{Deployment, Settings};

/// All servers of a store.
#[derive(Debug)]
pub(crate) struct Fleet {
    shape: Shape,
    settings: Arc<Settings>,
}

#[derive(Debug)]
enum Shape {
    One(Arc<Server>),
    Many(Box<Cluster>),
}

/// What a call is, for the question of whether and how to send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It changes nothing, or the same when it is done twice.
    Repeatable,
    /// It may be done once.
    Write,
    /// As a write; and where the settings say so it waits for replicas.
    Lasting,
}

/// How far a call has come.
struct Course {
    kind: Kind,
    deadline: Moment,
    form: Form,
    /// Who is to be asked out of turn.
    asked: Option<Arc<Server>>,
    pauses: u32,
    was_cut: bool,
    /// Whether an attempt has failed.
    in_trouble: bool,
}

impl Fleet {
    pub(crate) fn new(servers: &[Address], settings: Settings, runtime: Handle) -> Self {
        let settings = Arc::new(settings);
        let one = |place| Shape::One(Server::new(place, Arc::clone(&settings), runtime.clone()));
        let shape = match (settings.deployment, servers.first()) {
            (Deployment::Single, Some(server)) => one(Place::Known(server.clone())),
            (Deployment::Sentinel, _) => one(Place::Watched(servers.to_vec())),
            _ => Shape::Many(Box::new(Cluster::new(servers, &settings, &runtime))),
        };
        Self { shape, settings }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether keys of different slots can be worked on in one script.
    pub(crate) fn is_one_server(&self) -> bool {
        matches!(self.shape, Shape::One(_))
    }

    /// The number of the server that keeps a slot, as far as that is known.
    pub(crate) fn number(&self, slot: u16) -> u16 {
        match &self.shape {
            Shape::One(_) => 0,
            Shape::Many(cluster) => cluster.number(slot),
        }
    }

    /// A slot on every server.
    pub(crate) async fn every_slot(&self) -> Result<Vec<u16>, StoreError> {
        match &self.shape {
            Shape::One(_) => Ok(vec![0]),
            Shape::Many(cluster) => Ok(cluster.every_slot().await?),
        }
    }

    /// Sends a call to the server that keeps `slot` and brings the answers, one for each command.
    /// What servers refuse for the moment is asked again until the operation timeout is over.
    pub(crate) async fn ask(
        &self,
        slot: u16,
        kind: Kind,
        build: impl Fn(Form) -> Call + Sync,
    ) -> Result<Vec<Value>, StoreError> {
        let mut course = Course {
            kind,
            deadline: Moment::from_now(self.settings.operation_timeout),
            form: Form::Hash,
            asked: None,
            pauses: 0,
            was_cut: false,
            in_trouble: false,
        };
        loop {
            let call = build(course.form);
            let asked = course.asked.take();
            let sent = match (&asked, &self.shape) {
                (Some(server), _) => {
                    let answers = server.send(&call.asking(), course.deadline).await;
                    let answers = answers.map(|all| all.into_iter().skip(1).step_by(2).collect());
                    (Arc::clone(server), answers)
                }
                (None, Shape::One(server)) => {
                    (Arc::clone(server), self.send(server, call, &course).await)
                }
                (None, Shape::Many(cluster)) => {
                    let server = cluster.server(slot, course.in_trouble).await?;
                    let answers = self.send(&server, call, &course).await;
                    (server, answers)
                }
            };
            match sent {
                (_, Ok(answers)) => return Ok(answers),
                (server, Err(lost)) => self.settle(&mut course, slot, &server, lost).await?,
            }
        }
    }

    async fn send(
        &self,
        server: &Arc<Server>,
        call: Call,
        course: &Course,
    ) -> Result<Vec<Value>, Lost> {
        match course.kind {
            Kind::Lasting if self.settings.wait_replicas > 0 => {
                server.send_confirmed(call, course.deadline).await
            }
            _ => server.send(&call, course.deadline).await,
        }
    }

    /// Makes ready for another attempt, or fails if there is no point in one.
    async fn settle(
        &self,
        course: &mut Course,
        slot: u16,
        server: &Arc<Server>,
        lost: Lost,
    ) -> Result<(), StoreError> {
        course.in_trouble = true;
        match lost {
            Lost::Refused(address, refusal) => {
                self.refused(course, slot, server, address, refusal).await
            }
            Lost::Unsent(fault) => self.elsewhere(course, fault).await,
            Lost::Cut(fault) if course.kind == Kind::Repeatable && !course.was_cut => {
                course.was_cut = true;
                self.elsewhere_at_once(course, fault).await
            }
            Lost::Cut(fault) => {
                if let Shape::Many(cluster) = &self.shape {
                    cluster.suspect();
                }
                Err(fault.into())
            }
        }
    }

    async fn refused(
        &self,
        course: &mut Course,
        slot: u16,
        server: &Arc<Server>,
        address: Address,
        refusal: Refusal,
    ) -> Result<(), StoreError> {
        let for_now = |word: &str| {
            let message = format!("{address}: the server answers {word}; look at its log");
            Fault::passing(StoreErrorKind::Unavailable, message)
        };
        match (refusal, &self.shape) {
            (Refusal::NoScript, _) if course.form == Form::Hash => {
                course.form = Form::Source;
                Ok(())
            }
            (Refusal::Moved(place), Shape::Many(cluster)) => {
                cluster.moved(slot, &place, &address);
                wait(course, for_now("MOVED")).await
            }
            (Refusal::Ask(place), Shape::Many(cluster)) => {
                course.asked = cluster.named(&place, &address);
                wait(course, for_now("ASK")).await
            }
            (Refusal::NotNow(code), shape) => {
                if let Shape::Many(cluster) = shape {
                    cluster.suspect();
                }
                wait(course, for_now(&code)).await
            }
            (Refusal::ReadOnly, shape) => {
                server.forget();
                if let Shape::Many(cluster) = shape {
                    cluster.suspect();
                }
                wait(course, for_now("READONLY")).await
            }
            (Refusal::Never(kind, text), _) => {
                Err(StoreError::new(kind, NAME, format!("{address}: {text}")))
            }
            (Refusal::Moved(_) | Refusal::Ask(_), Shape::One(_)) => {
                let message = format!(
                    "{address}: this server is part of a cluster; write redis-cluster:// in \
                     store.url"
                );
                Err(StoreError::new(StoreErrorKind::Refused, NAME, message))
            }
            (Refusal::NoScript, _) => {
                let message = format!("{address}: the server forgets scripts at once");
                Err(StoreError::new(StoreErrorKind::Other, NAME, message))
            }
        }
    }

    /// A single server was already waited for; in a cluster another one may take over.
    async fn elsewhere(&self, course: &mut Course, fault: Fault) -> Result<(), StoreError> {
        match &self.shape {
            Shape::Many(cluster) if fault.is_passing() => {
                cluster.suspect();
                wait(course, fault).await
            }
            _ => Err(fault.into()),
        }
    }

    async fn elsewhere_at_once(&self, course: &mut Course, fault: Fault) -> Result<(), StoreError> {
        match Moment::now() < course.deadline {
            true => {
                if let Shape::Many(cluster) = &self.shape {
                    cluster.suspect();
                }
                Ok(())
            }
            false => Err(fault.into()),
        }
    }
}

/// Waits a moment before the next attempt; fails if there is no time for one.
async fn wait(course: &mut Course, fault: Fault) -> Result<(), StoreError> {
    // The first attempt after a redirection comes at once.
    let is_redirected = course.asked.is_some() || course.pauses == 0;
    let pause = match is_redirected {
        true => std::time::Duration::ZERO,
        false => pause(course.pauses.min(4)),
    };
    course.pauses += 1;
    if pause >= course.deadline.left() {
        return Err(fault.into());
    }
    sleep(pause).await;
    Ok(())
}
