//! [`Farm`]: all servers, and which of them keeps what.

use std::sync::Arc;

use session_core::{Route, StoreError, StoreKey};
use tokio::runtime::Handle;

use super::address::Address;
use super::outcome::Answer;
use super::partition::Partition;
use super::roster::Roster;
use super::server::{Server, Verb};
use super::settings::Settings;

/// All servers, and which of them keeps what.
#[derive(Debug)]
pub(super) struct Farm {
    servers: Vec<Server>,
    partition: Partition,
}

impl Farm {
    pub(super) fn new(addresses: Vec<Address>, settings: Settings, runtime: &Handle) -> Self {
        let partition = Partition::new(&addresses);
        let settings = Arc::new(settings);
        let roster = Arc::new(Roster::new(&addresses, &settings.previous));
        let server = |address| Server::new(address, &settings, &roster, runtime);
        Self {
            servers: addresses.into_iter().map(server).collect(),
            partition,
        }
    }

    /// All servers of the list.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The number of the server of a route.
    pub(super) fn number(&self, route: Route) -> usize {
        self.partition.of(route.as_bytes())
    }

    /// The server of a session.
    pub(super) fn at(&self, key: &StoreKey) -> &Server {
        &self.servers[self.number(key.route())]
    }

    /// The server of a control row.
    pub(super) fn control(&self, name: &str) -> &Server {
        &self.servers[self.partition.of(name.as_bytes())]
    }

    /// Asks the server of a session. That it is not there counts only if client and server have
    /// the same list of servers.
    pub(super) async fn ask(
        &self,
        key: &StoreKey,
        verb: Verb,
        write: impl Fn(&mut Vec<u8>),
    ) -> Result<Answer<'_>, StoreError> {
        let server = self.at(key);
        let answer = server.ask(lane(key), verb, write).await?;
        if answer.is_miss() {
            server.agree().await?;
        }
        Ok(answer)
    }
}

/// The lane of a session at its server.
pub(super) fn lane(key: &StoreKey) -> u16 {
    u16::from_be_bytes(*key.route().as_bytes())
}
