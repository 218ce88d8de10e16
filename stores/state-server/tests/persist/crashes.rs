//! With `sync`, what was acknowledged survives any crash, and what was ended stays ended.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Client, create, delete, key, load, rename, save};
use crate::daemon::{Daemon, Place};

const CRASHES: u64 = 120;
const COUNTERS: u64 = 4;
const COUNTING: usize = 4;
const CHAINS: u16 = 3;

/// What is known of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was acknowledged to be there.
    Live,
    /// It was acknowledged to have ended so, then.
    Ended(&'static str, Instant),
    /// The last request for it was not answered.
    Unknown,
}

/// The highest value of each counter that anybody was told of.
#[derive(Default)]
struct Counters([AtomicU64; COUNTERS as usize]);

/// A client that creates sessions, renames and ends them.
struct Chain {
    group: u16,
    next: u64,
    fates: HashMap<u64, Fate>,
    /// The rename that was not answered: exactly one of the two must be there.
    open_rename: Option<(u64, u64)>,
}

#[test]
fn nothing_acknowledged_is_lost() {
    let place = Place::new();
    let counters = Counters::default();
    let mut chains: Vec<Chain> = (0..CHAINS).map(Chain::new).collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for crash in 0..CRASHES {
        let daemon = place.start(&["--durability", "sync"]);
        counters.check(&daemon, crash == 0);
        for chain in &mut chains {
            chain.check(&daemon);
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = Duration::from_micros(1_000 + random % 60_000);
        crash_under_load(daemon, life, &counters, &mut chains);
    }
    let total: u64 = counters
        .0
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .sum();
    let ended = chains.iter().map(Chain::ended).sum::<usize>();
    assert!(total > 2 * CRASHES, "too little was done: {total}");
    assert!(ended > CRASHES as usize, "too little was ended: {ended}");
}

fn crash_under_load(daemon: Daemon, life: Duration, counters: &Counters, chains: &mut [Chain]) {
    let address = daemon.address;
    std::thread::scope(|scope| {
        for number in 0..COUNTING {
            scope.spawn(move || counters.count(address, number as u64));
        }
        scope.spawn(move || counters.watch(address));
        for chain in chains {
            scope.spawn(move || chain.go_on(address));
        }
        let began = Instant::now();
        while began.elapsed() < life {
            std::thread::sleep(Duration::from_micros(200));
        }
        daemon.kill();
    });
}

impl Counters {
    fn target(number: u64) -> String {
        key(0xffff, number)
    }

    /// Counts up, each time based on what is there, until the server is gone.
    fn count(&self, address: SocketAddr, start: u64) {
        let _: io::Result<()> = (|| {
            let mut client = Client::new(address)?;
            for number in start.. {
                let number = number % COUNTERS;
                let target = Self::target(number);
                let found = client.ask(&load(&target))?.expect(200);
                let value: u64 = found.text().parse().unwrap();
                // What a reader was shown is there for good, too.
                let told = &self.0[number as usize];
                told.fetch_max(value, Ordering::Relaxed);
                let value = value + 1;
                let saved = client.ask(&save(&target, found.number("ETag"), &value.to_string()))?;
                match saved.status {
                    200 => told.fetch_max(value, Ordering::Relaxed),
                    // Another client was faster.
                    412 => continue,
                    _ => panic!("{saved:?}"),
                };
            }
            Ok(())
        })();
    }

    /// Only reads, until the server is gone.
    fn watch(&self, address: SocketAddr) {
        let _: io::Result<()> = (|| {
            let mut client = Client::new(address)?;
            loop {
                for (number, told) in self.0.iter().enumerate() {
                    let found = client.ask(&load(&Self::target(number as u64)))?.expect(200);
                    told.fetch_max(found.text().parse().unwrap(), Ordering::Relaxed);
                }
            }
        })();
    }

    /// Nothing acknowledged is missing, nothing is there that nobody wrote, and each step has
    /// its revision.
    fn check(&self, daemon: &Daemon, is_first: bool) {
        let mut client = daemon.client();
        for (number, acknowledged) in self.0.iter().enumerate() {
            let target = Self::target(number as u64);
            if is_first {
                client.ask(&create(&target, "0")).unwrap().expect(200);
            }
            let found = client.ask(&load(&target)).unwrap().expect(200);
            let value: u64 = found.text().parse().unwrap();
            let acknowledged = acknowledged.load(Ordering::Relaxed);
            let most = acknowledged + COUNTING as u64;
            assert!(
                (acknowledged..=most).contains(&value),
                "{value} after {acknowledged}"
            );
            assert_eq!(found.number("ETag"), value + 1);
            self.0[number].store(value, Ordering::Relaxed);
        }
    }
}

impl Chain {
    fn new(group: u16) -> Self {
        Self {
            group,
            next: 0,
            fates: HashMap::new(),
            open_rename: None,
        }
    }

    fn target(&self, number: u64) -> String {
        key(self.group, number)
    }

    /// Creates, renames and deletes until the server is gone.
    fn go_on(&mut self, address: SocketAddr) {
        let _: io::Result<()> = (|| {
            let mut client = Client::new(address)?;
            loop {
                self.one_life(&mut client)?;
            }
        })();
    }

    fn one_life(&mut self, client: &mut Client) -> io::Result<()> {
        let (first, second) = (self.next, self.next + 1);
        self.next += 2;
        let (from, to) = (self.target(first), self.target(second));
        self.fates.insert(first, Fate::Unknown);
        client.ask(&create(&from, "a"))?.expect(200);
        self.fates.insert(first, Fate::Live);
        // Some stay.
        if first % 6 == 0 {
            return Ok(());
        }
        self.open_rename = Some((first, second));
        client.ask(&rename(&from, &to, 1, "b"))?.expect(200);
        self.open_rename = None;
        self.fates
            .insert(first, Fate::Ended("renewed", Instant::now()));
        self.fates.insert(second, Fate::Unknown);
        client.ask(&delete(&to))?.expect(200);
        self.fates
            .insert(second, Fate::Ended("destroyed", Instant::now()));
        Ok(())
    }

    fn check(&mut self, daemon: &Daemon) {
        let mut client = daemon.client();
        if let Some((from, to)) = self.open_rename.take() {
            let statuses = [from, to].map(|number| {
                let answer = client.ask(&load(&self.target(number))).unwrap();
                answer.status
            });
            assert!(matches!(statuses, [200, 404] | [410, 200]), "{statuses:?}");
            self.fates.insert(from, Fate::Unknown);
            self.fates.insert(to, Fate::Unknown);
        }
        let numbers: Vec<u64> = self.fates.keys().copied().collect();
        let ask: String = numbers
            .iter()
            .map(|number| load(&self.target(*number)))
            .collect();
        client.send(ask).unwrap();
        for number in numbers {
            let answer = client.answer().unwrap();
            match self.fates[&number] {
                Fate::Live => assert_eq!(answer.expect(200).text(), "a"),
                // Its tombstone may be gone.
                Fate::Ended(_, at) if at.elapsed() > Duration::from_secs(50) => {
                    assert!(matches!(answer.status, 404 | 410), "{answer:?}");
                }
                Fate::Ended(reason, _) => {
                    assert_eq!(answer.expect(410).header("Session-Ended"), Some(reason));
                }
                Fate::Unknown => {
                    self.fates.remove(&number);
                }
            }
        }
    }

    fn ended(&self) -> usize {
        let is_ended = |fate: &&Fate| matches!(fate, Fate::Ended(..));
        self.fates.values().filter(is_ended).count()
    }
}
