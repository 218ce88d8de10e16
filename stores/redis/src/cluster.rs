//! [`Cluster`]: which primary keeps which slot.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use redis::Value;
use session_core::StoreErrorKind;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::address::Address;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::moment::Moment;
use crate::server::{Lost, Place, Server};
use crate::settings::Settings;
use crate::slots::SLOTS;

/// The shortest time between two looks at the map of slots.
const REST: Duration = Duration::from_millis(50);

/// The servers of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    seeds: Vec<Address>,
    settings: Arc<Settings>,
    runtime: Handle,
    map: RwLock<Map>,
    /// How often somebody had reason to doubt the map.
    doubts: AtomicU64,
    /// One looks for all.
    looking: Mutex<Looked>,
}

/// The last look at the map.
#[derive(Debug, Default)]
struct Looked {
    when: Option<Moment>,
    /// The doubts that it settled.
    doubts: u64,
}

#[derive(Default)]
struct Map {
    /// The number of each slot's server.
    owners: Vec<Option<u16>>,
    /// Every server that was met, by its number. Numbers stay as they are: circuit breakers go
    /// by them.
    servers: Vec<(Address, Arc<Server>)>,
    numbers: HashMap<Address, u16>,
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let servers = self.servers.iter().map(|(address, _)| address.to_string());
        f.debug_list().entries(servers).finish()
    }
}

/// Slots and the server that keeps them.
type Ranges = Vec<(u16, u16, Address)>;

impl Cluster {
    pub(crate) fn new(seeds: &[Address], settings: &Arc<Settings>, runtime: &Handle) -> Self {
        Self {
            seeds: seeds.to_vec(),
            settings: Arc::clone(settings),
            runtime: runtime.clone(),
            map: RwLock::default(),
            doubts: AtomicU64::new(1),
            looking: Mutex::default(),
        }
    }

    /// Says that the map may be wrong.
    pub(crate) fn suspect(&self) {
        self.doubts.fetch_add(1, Ordering::AcqRel);
    }

    /// The server that keeps a slot. Only a call `in_trouble` looks at the map first if there is
    /// doubt: the others go on with the servers that they know.
    pub(crate) async fn server(&self, slot: u16, in_trouble: bool) -> Result<Arc<Server>, Fault> {
        let known = self.map.read().owner(slot);
        if let Some((_, server)) = known
            && !in_trouble
        {
            return Ok(server);
        }
        let looked = self.look().await;
        match self.map.read().owner(slot) {
            Some((_, server)) => Ok(server),
            None => Err(looked.err().unwrap_or_else(|| {
                let message = "no server of the cluster keeps this slot; look at CLUSTER INFO";
                Fault::passing(StoreErrorKind::Unavailable, message)
            })),
        }
    }

    pub(crate) fn number(&self, slot: u16) -> u16 {
        self.map.read().owner(slot).map_or(0, |(number, _)| number)
    }

    /// One slot of each server.
    pub(crate) async fn every_slot(&self) -> Result<Vec<u16>, Fault> {
        self.server(0, true).await?;
        let map = self.map.read();
        let mut seen = vec![false; map.servers.len()];
        let firsts = (0..SLOTS).filter(|slot| {
            let number = map.owner(*slot).map(|(number, _)| usize::from(number));
            let seen = number.and_then(|number| seen.get_mut(number));
            seen.is_some_and(|seen| !std::mem::replace(seen, true))
        });
        Ok(firsts.collect())
    }

    /// A server answered that a slot has moved; the others that moved with it are looked for.
    pub(crate) fn moved(&self, slot: u16, place: &str, from: &Address) {
        if let Some(address) = Address::announced(place, &from.host) {
            let mut map = self.map.write();
            let number = self.number_of(&mut map, &address);
            map.assign(slot, slot, number);
        }
        self.suspect();
    }

    /// The server that an answer named.
    pub(crate) fn named(&self, place: &str, from: &Address) -> Option<Arc<Server>> {
        let address = Address::announced(place, &from.host)?;
        let mut map = self.map.write();
        let number = self.number_of(&mut map, &address);
        map.servers
            .get(usize::from(number))
            .map(|(_, server)| Arc::clone(server))
    }

    fn number_of(&self, map: &mut Map, address: &Address) -> u16 {
        if let Some(number) = map.numbers.get(address) {
            return *number;
        }
        let number = u16::try_from(map.servers.len()).unwrap_or(u16::MAX);
        let place = Place::Known(address.clone());
        let server = Server::new(place, Arc::clone(&self.settings), self.runtime.clone());
        map.servers.push((address.clone(), server));
        map.numbers.insert(address.clone(), number);
        number
    }

    /// Asks the servers one after the other for the map of slots, unless all doubts are settled.
    async fn look(&self) -> Result<(), Fault> {
        let mut last = self.looking.lock().await;
        let doubts = self.doubts.load(Ordering::Acquire);
        if last.doubts == doubts {
            return Ok(());
        }
        if let Some(when) = last.when {
            sleep(REST.saturating_sub(when.elapsed())).await;
        }
        let outcome = self.find_map().await;
        last.when = Some(Moment::now());
        let ranges = outcome?;
        self.take(ranges);
        last.doubts = doubts;
        Ok(())
    }

    async fn find_map(&self) -> Result<Ranges, Fault> {
        let mut fault = None;
        for (address, server) in self.whom_to_ask() {
            let deadline = Moment::from_now(self.settings.connect_timeout);
            let mut command = redis::cmd("CLUSTER");
            command.arg("SLOTS");
            let answers = server.send(&Call::One(command), deadline).await;
            match answers.map(|answers| ranges(&answers, &address.host)) {
                Ok(ranges) if !ranges.is_empty() => return Ok(ranges),
                Ok(_) => {
                    let message = format!("{address}: the cluster has no slots yet");
                    fault = Some(Fault::passing(StoreErrorKind::Unavailable, message));
                }
                Err(lost) => fault = worse(fault, explain(&address, lost)),
            }
        }
        Err(fault.unwrap_or_else(|| {
            Fault::lasting(StoreErrorKind::Refused, "store.url names no server")
        }))
    }

    /// Servers that have slots, then the seeds.
    fn whom_to_ask(&self) -> Vec<(Address, Arc<Server>)> {
        let mut map = self.map.write();
        for seed in &self.seeds {
            self.number_of(&mut map, seed);
        }
        let mut is_owner = vec![false; map.servers.len()];
        for owner in map.owners.iter().flatten() {
            if let Some(is_owner) = is_owner.get_mut(usize::from(*owner)) {
                *is_owner = true;
            }
        }
        let mut servers: Vec<_> = map.servers.iter().cloned().zip(is_owner).collect();
        servers.sort_by_key(|((_, server), is_owner)| (server.is_down(), !is_owner));
        servers.into_iter().map(|(server, _)| server).collect()
    }

    fn take(&self, ranges: Ranges) {
        let mut map = self.map.write();
        map.owners = vec![None; usize::from(SLOTS)];
        for (first, last, address) in ranges {
            let number = self.number_of(&mut map, &address);
            map.assign(first, last, number);
        }
    }
}

impl Map {
    fn owner(&self, slot: u16) -> Option<(u16, Arc<Server>)> {
        let number = (*self.owners.get(usize::from(slot))?)?;
        let (_, server) = self.servers.get(usize::from(number))?;
        Some((number, Arc::clone(server)))
    }

    fn assign(&mut self, first: u16, last: u16, number: u16) {
        if let Some(owners) = self.owners.get_mut(usize::from(first)..=usize::from(last)) {
            owners.fill(Some(number));
        }
    }
}

/// What will not pass tells more than what may.
fn worse(before: Option<Fault>, now: Fault) -> Option<Fault> {
    match before {
        Some(before) if !before.is_passing() => Some(before),
        _ => Some(now),
    }
}

fn explain(address: &Address, lost: Lost) -> Fault {
    match lost {
        Lost::Unsent(fault) | Lost::Cut(fault) => fault,
        Lost::Refused(_, Refusal::Never(kind, text)) => {
            Fault::lasting(kind, format!("{address}: {text}"))
        }
        Lost::Refused(..) => {
            let message = format!("{address}: the server cannot tell the map of slots now");
            Fault::passing(StoreErrorKind::Unavailable, message)
        }
    }
}

/// Reads the answer to `CLUSTER SLOTS`; replicas are left out.
fn ranges(answers: &[Value], known: &str) -> Ranges {
    let Some(Value::Array(entries)) = answers.first() else {
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|entry| range(entry, known))
        .collect()
}

fn range(entry: &Value, known: &str) -> Option<(u16, u16, Address)> {
    let Value::Array(parts) = entry else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(primary),
        ..,
    ] = parts.as_slice()
    else {
        return None;
    };
    let host = match primary.first()? {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?,
        _ => "",
    };
    let Value::Int(port) = primary.get(1)? else {
        return None;
    };
    let host = if ["", "?"].contains(&host) {
        known
    } else {
        host
    };
    let address = Address {
        host: host.to_owned(),
        port: u16::try_from(*port).ok()?,
    };
    let within = |slot: i64| u16::try_from(slot).ok().filter(|slot| *slot < SLOTS);
    Some((within(*first)?, within(*last)?, address))
}
