//! [`Snapshot`]: the farm at a moment, for the page and for programs.

use serde::Serialize;

use super::events::Event;
use super::farm::Farm;
use super::member::{Member, Name, Phase};
use crate::store;

/// The farm at a moment.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    pub(super) instances: Vec<Row>,
    pub(super) store: Store,
    pub(super) events: Vec<Event>,
}

/// An instance at a moment.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// None for the one with a machine key of its own.
    pub(super) number: Option<u16>,
    pub(super) phase: Phase,
    pub(super) process: Option<u32>,
    /// The id of the key that it signs with.
    pub(super) key: Option<String>,
    /// The version of the ring that it has read.
    pub(super) ring: Option<u64>,
    /// How many requests the process has answered.
    pub(super) answers: u64,
    /// How many requests our proxy has given it that are not answered yet.
    pub(super) under_way: usize,
    /// Why it is not ready, or how it ended.
    pub(super) reason: Option<String>,
}

/// The session store at a moment.
#[derive(Debug, Serialize)]
pub(super) struct Store {
    pub(super) kind: String,
    /// Whether it is the farm's own state server, which can be restarted here.
    pub(super) own: bool,
    pub(super) process: Option<u32>,
}

impl Snapshot {
    pub(super) fn of(farm: &Farm) -> Self {
        let server = farm.state_server();
        Self {
            instances: farm.members().iter().map(|member| row(member)).collect(),
            store: Store {
                kind: store::kind(&farm.setup().store).to_owned(),
                own: server.is_some(),
                process: server.and_then(super::state_server::StateServer::id),
            },
            events: farm.events(),
        }
    }
}

fn row(member: &Member) -> Row {
    let seen = member.seen();
    Row {
        name: member.name().to_string(),
        number: match member.name() {
            Name::Instance(number) => Some(number),
            Name::Stranger => None,
        },
        phase: seen.phase,
        process: seen.id,
        key: seen.health.key,
        ring: seen.health.ring,
        answers: seen.health.answers,
        under_way: member.under_way(),
        reason: seen.reason,
    }
}
