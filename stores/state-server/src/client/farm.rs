//! [`Farm`]: all servers, and which of them keeps what.

use std::sync::Arc;
use std::time::Duration;

use session_core::{EndReason, LeaseToken, Loaded, Route, StoreError, StoreKey};
use tokio::runtime::Handle;

use super::address::Address;
use super::moving::{self, Fetched};
use super::outcome::Answer;
use super::parcel::Parcel;
use super::partition::Partition;
use super::request;
use super::roster::Roster;
use super::server::{Server, Verb};
use super::settings::Settings;

/// How long a lease at a former owner lasts that is taken to move the session.
const MOVING: Duration = Duration::from_secs(10);

/// How long to wait for a key that is reserved, and how often.
const PAUSE: Duration = Duration::from_millis(5);
const LOOKS: usize = 20;

/// All servers, and which of them keeps what.
#[derive(Debug)]
pub(super) struct Farm {
    /// Those of the list, and then those that only the former list has.
    servers: Vec<Server>,
    /// How many the list has.
    count: usize,
    partition: Partition,
    former: Option<Former>,
}

/// The list before the current one.
#[derive(Debug)]
struct Former {
    partition: Partition,
    /// For each server of the former list, its number among all; none if it is lost.
    numbers: Vec<Option<usize>>,
}

/// What came of asking for a session.
#[derive(Debug)]
pub(super) enum Asked<'a> {
    Answered(Answer<'a>),
    /// Somebody with the former list holds the session's lease at its former owner.
    Held(&'a Server, Loaded),
}

impl Farm {
    pub(super) fn new(list: Vec<Address>, settings: Settings, runtime: &Handle) -> Self {
        let partition = Partition::new(&list);
        let roster = Arc::new(Roster::new(&list, &settings.previous));
        let count = list.len();
        let mut addresses = list;
        let former = Former::new(&settings, &mut addresses);
        let settings = Arc::new(settings);
        let server = |address| Server::new(address, &settings, &roster, runtime);
        Self {
            servers: addresses.into_iter().map(server).collect(),
            count,
            partition,
            former,
        }
    }

    /// All servers of the list.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers[..self.count]
    }

    /// The numbers and the servers of the former list that are left.
    pub(super) fn former(&self) -> impl Iterator<Item = (usize, &Server)> {
        let numbers = self.former.iter().flat_map(|former| &former.numbers);
        numbers
            .flatten()
            .map(|number| (*number, &self.servers[*number]))
    }

    /// The number of the server of a route.
    pub(super) fn number(&self, route: Route) -> usize {
        self.partition.of(route.as_bytes())
    }

    /// The server of a session.
    pub(super) fn owner(&self, key: &StoreKey) -> &Server {
        &self.servers[self.number(key.route())]
    }

    /// The server of a control row, and the one that had it if that is another.
    pub(super) fn control(&self, name: &str) -> (&Server, Option<&Server>) {
        let owner = self.partition.of(name.as_bytes());
        (&self.servers[owner], self.former_of(name.as_bytes(), owner))
    }

    /// The server that had a session before the list changed, if that is another.
    fn former_owner(&self, key: &StoreKey) -> Option<&Server> {
        let route = key.route();
        self.former_of(route.as_bytes(), self.number(route))
    }

    fn former_of(&self, what: &[u8], owner: usize) -> Option<&Server> {
        let former = self.former.as_ref()?;
        let number = former.numbers[former.partition.of(what)];
        number
            .filter(|number| *number != owner)
            .map(|number| &self.servers[number])
    }

    /// Asks the server of a session, and nobody else. That the session is not there counts only
    /// if client and server have the same list.
    pub(super) async fn ask_owner(
        &self,
        key: &StoreKey,
        verb: Verb,
        write: impl Fn(&mut Vec<u8>),
    ) -> Result<Answer<'_>, StoreError> {
        let server = self.owner(key);
        let mut answer = server.ask(lane(key), verb, &write).await?;
        if self.former.is_some() {
            for _ in 0..LOOKS {
                if !Parcel::is_reservation(&answer.reply.body) {
                    break;
                }
                // Its session is about to be ended.
                tokio::time::sleep(PAUSE).await;
                answer = server.ask(lane(key), verb, &write).await?;
            }
        }
        if answer.is_miss() {
            server.agree().await?;
        }
        Ok(answer)
    }

    /// Asks the server of a session, and if it does not have it, moves it there first.
    pub(super) async fn ask(
        &self,
        key: &StoreKey,
        verb: Verb,
        write: impl Fn(&mut Vec<u8>),
    ) -> Result<Asked<'_>, StoreError> {
        let Some(former) = self.former_owner(key) else {
            return self.ask_owner(key, verb, write).await.map(Asked::Answered);
        };
        let owner = self.owner(key);
        let answer = owner.ask(lane(key), verb, &write).await?;
        if answer.reply.status != 404 && !Parcel::is_one(&answer.reply.body) {
            return Ok(Asked::Answered(answer));
        }
        let gone = match moving::fetch(former, owner, key, None).await? {
            Fetched::Held(loaded) => return Ok(Asked::Held(former, loaded)),
            Fetched::Moved => None,
            Fetched::Gone(answer) => Some(answer).filter(|answer| answer.reply.status == 410),
        };
        // Somebody else may have moved it between the two questions.
        let answer = self.ask_owner(key, verb, write).await?;
        match gone {
            Some(gone) if answer.reply.status == 404 => Ok(Asked::Answered(gone)),
            _ => Ok(Asked::Answered(answer)),
        }
    }

    /// Ends a session wherever it is.
    pub(super) async fn end(&self, key: &StoreKey, reason: EndReason) -> Result<bool, StoreError> {
        if let Some(former) = self.former_owner(key) {
            return moving::end(former, self.owner(key), key, reason).await;
        }
        let delete = |out: &mut Vec<u8>| request::delete(out, key, reason);
        self.ask_owner(key, Verb::Write, delete).await?.delete()
    }

    /// Ends what a move that was broken off may have left at the former owner of a session that
    /// has just been renamed.
    pub(super) async fn clean(&self, key: &StoreKey) {
        let Some(former) = self.former_owner(key) else {
            return;
        };
        let delete = |out: &mut Vec<u8>| request::delete(out, key, EndReason::Renewed);
        if let Err(error) = former.ask(lane(key), Verb::Write, delete).await {
            tracing::warn!(%error, "cannot look for remains of a renamed session");
        }
    }

    /// Waits for the lease of a session at its former owner and moves it then. `false` if the
    /// wait is over.
    pub(super) async fn wait_for(
        &self,
        former: &Server,
        key: StoreKey,
        wait: Duration,
    ) -> Result<bool, StoreError> {
        let acquire = move |out: &mut Vec<u8>, left: Duration| {
            request::acquire(out, &key, MOVING, Some(left));
        };
        let Some(answer) = former.ask_and_wait(wait, acquire).await? else {
            return Ok(false);
        };
        match (answer.reply.status, answer.reply.lock_cookie) {
            (200, Some(cookie)) => {
                let token = Some(LeaseToken::new(cookie));
                moving::fetch(former, self.owner(&key), &key, token).await?;
                Ok(true)
            }
            (404 | 410, _) => Ok(true),
            (423, _) => Ok(false),
            _ => Err(answer.unexpected("GET to acquire")),
        }
    }

    /// Moves a session that was seen at a former server to its owner. If somebody holds its lease
    /// there, it stays, and this is its record.
    pub(super) async fn settle(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        let load = |out: &mut Vec<u8>| request::load(out, key);
        match self.ask(key, Verb::Get, load).await? {
            Asked::Answered(_) => Ok(None),
            Asked::Held(_, loaded) => Ok(Some(loaded)),
        }
    }

    /// Compares the lists of servers at all of them. After something was done at each of them, it
    /// shows whether a session can have escaped to a server that we do not know.
    pub(super) async fn agree(&self) -> Result<(), StoreError> {
        for server in self.servers() {
            server.agree().await?;
        }
        Ok(())
    }
}

impl Former {
    /// Adds the servers that only the former list has to `addresses`.
    fn new(settings: &Settings, addresses: &mut Vec<Address>) -> Option<Self> {
        if settings.previous.is_empty() {
            return None;
        }
        let partition = Partition::new(&settings.previous);
        let mut number = |server: &Address| {
            if settings.previous_lost.contains(server) {
                return None;
            }
            let known = addresses.iter().position(|address| address == server);
            Some(known.unwrap_or_else(|| {
                addresses.push(server.clone());
                addresses.len() - 1
            }))
        };
        Some(Self {
            partition,
            numbers: settings.previous.iter().map(&mut number).collect(),
        })
    }
}

/// The lane of a session at its server.
pub(super) fn lane(key: &StoreKey) -> u16 {
    u16::from_be_bytes(*key.route().as_bytes())
}
