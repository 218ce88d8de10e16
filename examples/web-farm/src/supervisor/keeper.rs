//! Keeping an instance alive: one task for each.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};

use super::farm::Farm;
use super::member::{Member, Name, Order, Phase};
use crate::instance::Health;
use crate::process::{End, Process, Signal};
use crate::upstream;

const PROBE_EVERY: Duration = Duration::from_millis(200);
const PROBE: Duration = Duration::from_secs(3);
/// How long requests may take when an instance is to end, and how long its end may take then.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const LAST_COMMITS: Duration = Duration::from_secs(8);
/// Before a process that failed is started again; long enough to be seen on the page.
const PAUSE: Duration = Duration::from_secs(2);

/// What comes after a process.
enum Next {
    Again,
    /// Another one, but not at once: this one failed.
    AgainLater(String),
    Nothing,
}

pub(super) async fn keep(farm: Farm, member: Arc<Member>, mut orders: UnboundedReceiver<Order>) {
    loop {
        match live(&farm, &member, &mut orders).await {
            Next::Again => {}
            Next::AgainLater(reason) => {
                farm.note(format!("{} {reason}", member.name()));
                member.ended(Phase::Down, Some(reason));
                if stopped_within(PAUSE, &mut orders).await {
                    return;
                }
            }
            Next::Nothing => return,
        }
    }
}

/// From the start of a process to its end.
async fn live(farm: &Farm, member: &Arc<Member>, orders: &mut UnboundedReceiver<Order>) -> Next {
    let arguments = farm.setup().instance_arguments(member.name());
    let mut process = match Process::start(member.name().to_string(), arguments) {
        Ok(process) => process,
        Err(error) => return Next::AgainLater(format!("cannot be started: {error}")),
    };
    member.starts(process.id());
    let Some(address) = process.address().await else {
        return not_started(farm, member, &process.ended().await);
    };
    member.listens(address);
    loop {
        let order = tokio::select! {
            end = process.ended() => return Next::AgainLater(end.reason()),
            order = orders.recv() => order.unwrap_or(Order::Stop),
            never = watch(farm, member, address) => match never {},
        };
        match order {
            Order::ReadRing => process.signal(Signal::HUP),
            last => return obey(last, farm, member, &mut process).await,
        }
    }
}

fn not_started(farm: &Farm, member: &Member, end: &End) -> Next {
    if member.name() != Name::Stranger {
        return Next::AgainLater(end.reason());
    }
    farm.note(format!("{} was refused", member.name()));
    member.ended(Phase::Refused, Some(end.reason()));
    Next::Nothing
}

async fn obey(order: Order, farm: &Farm, member: &Member, process: &mut Process) -> Next {
    if order == Order::Kill {
        process.signal(Signal::KILL);
        return Next::AgainLater(process.ended().await.reason());
    }
    // Out of the rotation first; then what it has is answered; then it is asked to end.
    member.drains();
    member.quiet(LAST_ANSWERS).await;
    process.signal(Signal::TERM);
    let end = timeout(LAST_COMMITS, process.ended()).await;
    let reason = match end {
        Ok(end) if end.in_order() => None,
        Ok(end) => Some(end.reason()),
        Err(_) => {
            process.signal(Signal::KILL);
            Some("did not end in time".to_owned())
        }
    };
    match (order, reason) {
        (Order::Stop, reason) => {
            member.ended(Phase::Down, reason);
            Next::Nothing
        }
        (_, Some(reason)) => Next::AgainLater(reason),
        (_, None) => {
            farm.note(format!(
                "{} has answered everything and ended",
                member.name()
            ));
            Next::Again
        }
    }
}

/// Asks the instance again and again whether it is ready.
async fn watch(farm: &Farm, member: &Member, address: SocketAddr) -> Infallible {
    loop {
        if member.probed(probe(address).await) {
            farm.note(format!("{} is ready", member.name()));
        }
        sleep(PROBE_EVERY).await;
    }
}

async fn probe(address: SocketAddr) -> Health {
    let unknown = |why: String| Health {
        reason: Some(why),
        ..Health::default()
    };
    match upstream::get(address, "/readyz", PROBE).await {
        Ok((_, body)) => serde_json::from_slice(&body)
            .unwrap_or_else(|error| unknown(format!("its answer is not understood: {error}"))),
        Err(error) => unknown(format!("does not answer: {error}")),
    }
}

/// Whether the order to stop came; others mean a process that is not there.
async fn stopped_within(time: Duration, orders: &mut UnboundedReceiver<Order>) -> bool {
    let stop = async { while !matches!(orders.recv().await, None | Some(Order::Stop)) {} };
    timeout(time, stop).await.is_ok()
}
