//! [`Server`]: everything that belongs to one server of the farm.

use std::sync::Arc;
use std::time::Duration;

use session_core::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;

use super::address::Address;
use super::dial::Dialer;
use super::outcome::Answer;
use super::pipe::Pipe;
use super::request;
use super::roster::{ROW, Roster, Verdict};
use super::settings::Settings;
use super::waiting::WaitingRoom;

/// Whether a request may be repeated if its connection breaks after it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Repeatable.
    Get,
    /// Repeatable, and its answer has no body.
    Head,
    /// Repeated only if the server has not seen it.
    Write,
}

/// One server: a few connections that everybody shares, and some to wait on.
#[derive(Debug)]
pub(super) struct Server {
    address: Address,
    pipes: Vec<Pipe>,
    waiting: WaitingRoom,
    roster: Arc<Roster>,
}

impl Server {
    pub(super) fn new(
        address: Address,
        settings: &Arc<Settings>,
        roster: &Arc<Roster>,
        runtime: &Handle,
    ) -> Self {
        let dialer = Dialer::new(address.clone(), Arc::clone(settings), Arc::clone(roster));
        let pipes = (0..settings.connections).map(|_| Pipe::new(dialer.clone(), runtime));
        Self {
            address,
            pipes: pipes.collect(),
            waiting: WaitingRoom::new(dialer, runtime),
            roster: Arc::clone(roster),
        }
    }

    /// Asks on the connection of `lane`. What has the same lane stays in order.
    pub(super) async fn ask(
        &self,
        lane: u16,
        verb: Verb,
        write: impl Fn(&mut Vec<u8>),
    ) -> Result<Answer<'_>, StoreError> {
        let pipe = &self.pipes[usize::from(lane) % self.pipes.len()];
        let asked_head = verb == Verb::Head;
        let mut reply = pipe.ask(asked_head, &write).await;
        if let Err(lost) = &reply
            && lost.may_repeat(verb != Verb::Write)
        {
            reply = pipe.ask(asked_head, &write).await;
        }
        Ok(Answer {
            server: &self.address,
            reply: reply?,
        })
    }

    /// Compares the lists of servers, as every new connection does.
    pub(super) async fn agree(&self) -> Result<(), StoreError> {
        let read = |out: &mut Vec<u8>| request::meta_get(out, ROW);
        let mut answer = self.ask(0, Verb::Get, read).await?;
        let mut is_write = false;
        loop {
            match self.roster.judge(&answer.reply, is_write) {
                Verdict::Agreed => return Ok(()),
                Verdict::Write(version, row) => {
                    let write = |out: &mut Vec<u8>| {
                        request::meta_set(out, ROW, version, row.as_bytes());
                    };
                    answer = self.ask(0, Verb::Write, write).await?;
                    is_write = true;
                }
                Verdict::Differs(problem) => {
                    return Err(answer.error(StoreErrorKind::Refused, &problem));
                }
                Verdict::Odd => return Err(answer.unexpected("GET of the server list")),
            }
        }
    }

    /// Asks on a connection of its own, where the server may take up to `wait` to answer. None if
    /// there was no such connection for so long.
    pub(super) async fn ask_and_wait(
        &self,
        wait: Duration,
        write: impl Fn(&mut Vec<u8>, Duration) + Send + Sync + 'static,
    ) -> Result<Option<Answer<'_>>, StoreError> {
        let reply = self.waiting.ask(wait, write).await?;
        Ok(reply.map(|reply| Answer {
            server: &self.address,
            reply,
        }))
    }
}
