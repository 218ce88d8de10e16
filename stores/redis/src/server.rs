//! [`Server`]: one primary and the connection that everybody shares.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::Value;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::address::Address;
use crate::call::Call;
use crate::confirm::Confirmed;
use crate::dial::{self, Connection};
use crate::fault::{Broken, Fault, Refusal};
use crate::moment::Moment;
use crate::settings::Settings;

/// The shortest and the longest pause between attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// One primary, or the one that sentinels name.
pub(crate) struct Server {
    place: Place,
    settings: Arc<Settings>,
    runtime: Handle,
    state: Mutex<State>,
    confirmed: Confirmed,
    /// When the sentinels were last asked whether the primary is still the same.
    asked: Mutex<Moment>,
}

/// How often they are asked while there is work.
const RECHECK: Duration = Duration::from_secs(1);

/// Where the primary is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Known(Address),
    /// These sentinels know.
    Watched(Vec<Address>),
}

type Dialing = Shared<BoxFuture<'static, Result<Connection, Fault>>>;

enum State {
    Idle,
    Ready(Connection),
    Dialing(Dialing),
    Down {
        fault: Fault,
        failures: u32,
        until: Moment,
    },
}

/// Why a call brought no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It was not sent.
    Unsent(Fault),
    /// It was sent, or may have been.
    Cut(Fault),
    /// The server has not done it.
    Refused(Address, Refusal),
}

impl Server {
    pub(crate) fn new(place: Place, settings: Arc<Settings>, runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|server| Self {
            place,
            runtime,
            state: Mutex::new(State::Idle),
            confirmed: Confirmed::new(server, &settings),
            asked: Mutex::new(Moment::now()),
            settings,
        })
    }

    /// Sends a call on the shared connection.
    pub(crate) async fn send(
        self: &Arc<Self>,
        call: &Call,
        deadline: Moment,
    ) -> Result<Vec<Value>, Lost> {
        let mut connection = self.connection().await.map_err(Lost::Unsent)?;
        carry(&mut connection, call, deadline).await
    }

    /// Sends a write on a connection of its own and waits for replicas.
    pub(crate) async fn send_confirmed(
        self: &Arc<Self>,
        call: Call,
        deadline: Moment,
    ) -> Result<Vec<Value>, Lost> {
        self.confirmed.send(&self.settings, call, deadline).await
    }

    /// Gives the shared connection up, since the server is not what it was.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock();
        if let State::Ready(connection) = &*state {
            connection.close();
            *state = State::Idle;
        }
        self.confirmed.forget();
    }

    /// Whether the last attempt to connect failed.
    pub(crate) fn is_down(&self) -> bool {
        matches!(&*self.state.lock(), State::Down { .. })
    }

    /// The connection that everybody shares; opened if need be, by one for all.
    async fn connection(self: &Arc<Self>) -> Result<Connection, Fault> {
        let dialing = {
            let mut state = self.state.lock();
            match &*state {
                State::Ready(connection) if !connection.is_closed() => {
                    self.recheck(&connection.address);
                    return Ok(connection.clone());
                }
                State::Dialing(dialing) => dialing.clone(),
                State::Down { fault, until, .. } if Moment::now() < *until => {
                    return Err(fault.clone());
                }
                State::Down { failures, .. } => self.dial(*failures, &mut state),
                State::Ready(_) | State::Idle => self.dial(0, &mut state),
            }
        };
        dialing.await
    }

    /// Asks the sentinels, beside the work, whether `known` is still the primary. One that was
    /// cut off from the others does not notice by itself that it is not any more.
    fn recheck(self: &Arc<Self>, known: &Address) {
        let Place::Watched(sentinels) = &self.place else {
            return;
        };
        {
            let mut asked = self.asked.lock();
            if asked.elapsed() < RECHECK {
                return;
            }
            *asked = Moment::now();
        }
        let (server, sentinels, known) = (Arc::clone(self), sentinels.clone(), known.clone());
        self.runtime.spawn(async move {
            let deadline = Moment::from_now(server.settings.connect_timeout);
            let primary = crate::sentinel::primary(&server.settings, &sentinels, deadline).await;
            if primary.is_ok_and(|primary| primary != known) {
                server.forget();
            }
        });
    }

    /// Begins to connect, on the store's runtime: the driver must outlive whoever asked first.
    fn dial(self: &Arc<Self>, failures: u32, state: &mut State) -> Dialing {
        let server = Arc::clone(self);
        let task = self.runtime.spawn(async move {
            let outcome = server.open(failures).await;
            *server.state.lock() = match &outcome {
                Ok(connection) => State::Ready(connection.clone()),
                Err(fault) => State::Down {
                    fault: fault.clone(),
                    failures: failures.saturating_add(1),
                    until: Moment::from_now(pause(failures)),
                },
            };
            outcome
        });
        let dialing = task
            .map(|joined| joined.unwrap_or_else(|_| Err(Fault::stopped())))
            .boxed()
            .shared();
        *state = State::Dialing(dialing.clone());
        dialing
    }

    /// Tries to connect until the connect timeout is over; once only if the last round failed.
    async fn open(&self, failures: u32) -> Result<Connection, Fault> {
        let deadline = Moment::from_now(self.settings.connect_timeout);
        let mut attempt = 0;
        loop {
            let fault = match self.open_once(deadline).await {
                Ok(connection) => return Ok(connection),
                Err(fault) => fault,
            };
            let pause = pause(attempt);
            let is_over = failures > 0 || pause >= deadline.left();
            if is_over || !fault.is_passing() {
                tracing::warn!(error = ?fault, "no connection to Redis");
                return Err(fault);
            }
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// Opens one connection to the primary.
    pub(crate) async fn open_once(&self, deadline: Moment) -> Result<Connection, Fault> {
        let address = match &self.place {
            Place::Known(address) => address.clone(),
            Place::Watched(sentinels) => {
                crate::sentinel::primary(&self.settings, sentinels, deadline).await?
            }
        };
        dial::primary(&self.settings, &address, deadline).await
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }
}

/// Sends a call on a connection, which is given up if no answer comes.
pub(crate) async fn carry(
    connection: &mut Connection,
    call: &Call,
    deadline: Moment,
) -> Result<Vec<Value>, Lost> {
    let sending = call.send(&mut connection.multiplexed);
    match deadline.bound(sending).await {
        Ok(Ok(answers)) => Ok(answers),
        Ok(Err(Broken::Refused(refusal))) => {
            Err(Lost::Refused(connection.address.clone(), refusal))
        }
        Ok(Err(Broken::Cut(text))) => {
            connection.close();
            Err(Lost::Cut(Fault::cut(&connection.address, &text)))
        }
        Err(_) => {
            connection.close();
            Err(Lost::Cut(Fault::timed_out(&connection.address)))
        }
    }
}

/// The pause after this many failures: longer each time, and never the same for all clients.
pub(crate) fn pause(failures: u32) -> Duration {
    let (shortest, longest) = PAUSES;
    let doubled = shortest.saturating_mul(1 << failures.min(10));
    jittered(doubled.min(longest))
}

/// Between half and all of `length`.
pub(crate) fn jittered(length: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};

    let random = RandomState::new().hash_one(0u8) % 512;
    length.mul_f64(0.5 + f64::from(u32::try_from(random).unwrap_or(0)) / 1024.0)
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
