//! Reads: in place where that is quicker than going to another thread and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use session_core::{Load, Ping, Role, StoreKey, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::fault::Fault;
use super::identity::{Identity, LastSeen};
use super::open::{Opener, Tables};

/// A read that took longer had to wait for the disk, and held up a thread of the runtime.
const SLOW: Duration = Duration::from_millis(1);

/// How many reads go aside after a slow one, before one is tried in place again.
const ASIDE: u32 = 64;

/// The pause before a read is tried again that met a lock.
const PAUSE: Duration = Duration::from_millis(2);

/// The connections that read.
#[derive(Debug)]
pub(super) struct Reads {
    readers: Arc<Readers>,
    runtime: Handle,
}

#[derive(Debug)]
struct Readers {
    opener: Arc<Opener>,
    idle: Mutex<Vec<Reader>>,
    last_seen: LastSeen,
    /// Who may wait for the disk.
    places: Arc<Semaphore>,
    /// How many reads still go aside.
    aside: AtomicU32,
}

/// A connection and the file that it is to.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    file: Option<Identity>,
}

impl Reader {
    fn open(opener: &Opener) -> Result<Self, Fault> {
        // First, so that it is never newer than the connection.
        let file = Identity::of(&opener.settings.file);
        let connection = opener.reader()?;
        Ok(Self { connection, file })
    }
}

impl Reads {
    pub(super) fn new(opener: &Arc<Opener>, runtime: &Handle) -> Self {
        let readers = Readers {
            opener: Arc::clone(opener),
            idle: Mutex::default(),
            last_seen: LastSeen::default(),
            places: Arc::new(Semaphore::new(opener.settings.readers)),
            aside: AtomicU32::new(0),
        };
        Self {
            readers: Arc::new(readers),
            runtime: runtime.clone(),
        }
    }

    /// Reads what is small.
    pub(super) async fn ask<T, R>(&self, read: R) -> Result<T, Fault>
    where
        T: Send + 'static,
        R: Fn(&Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        if self.readers.is_quick()
            && let Some(answer) = self.readers.in_place(&read)
        {
            return answer;
        }
        self.aside(read).await
    }

    /// Reads on a thread that may wait.
    pub(super) async fn aside<T, R>(&self, read: R) -> Result<T, Fault>
    where
        T: Send + 'static,
        R: Fn(&Tables<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let opener = &self.readers.opener;
        let readers = Arc::clone(&self.readers);
        let places = Arc::clone(&readers.places);
        let runtime = self.runtime.clone();
        let deadline = opener.deadline();
        let asked = async move {
            let place = places.acquire_owned().await;
            let reading = runtime.spawn_blocking(move || {
                let _place = place;
                readers.insist(&read, deadline)
            });
            reading.await
        };
        match tokio::time::timeout(opener.settings.operation_timeout, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(opener.target.stopped()),
            Err(_) => Err(opener
                .target
                .timed_out("the disk is slow; look at its load")),
        }
    }

    pub(super) async fn load(&self, key: StoreKey) -> Result<Load, Fault> {
        self.ask(move |tables: &Tables<'_>| load(&key, tables))
            .await
    }

    pub(super) async fn ping(&self) -> Result<Ping, Fault> {
        let began = self.readers.opener.tick();
        let (role, store_time) = self.ask(ping).await?;
        Ok(Ping {
            latency: self.readers.opener.tick().saturating_sub(began),
            role,
            store_time,
        })
    }
}

impl Readers {
    /// Whether the next read is tried in place.
    fn is_quick(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.aside.fetch_update(order, order, less).is_err()
    }

    /// Reads on a connection that is open; nothing if there is none, or if there is a lock.
    fn in_place<T>(
        &self,
        read: &impl Fn(&Tables<'_>) -> Result<T, Fault>,
    ) -> Option<Result<T, Fault>> {
        let reader = self.pop()?;
        let began = self.opener.tick();
        let answer = self.read(reader, read);
        if self.opener.tick().saturating_sub(began) > SLOW {
            self.aside.store(ASIDE, Ordering::Relaxed);
        }
        let is_passing = answer.as_ref().is_err_and(Fault::is_passing);
        (!is_passing).then_some(answer)
    }

    /// Reads until no lock is in the way.
    fn insist<T>(
        &self,
        read: &impl Fn(&Tables<'_>) -> Result<T, Fault>,
        deadline: Duration,
    ) -> Result<T, Fault> {
        loop {
            let reader = self.pop();
            let reader = reader.map_or_else(|| Reader::open(&self.opener), Ok);
            match reader.and_then(|reader| self.read(reader, read)) {
                Err(fault) if fault.is_passing() && self.opener.tick() + PAUSE < deadline => {
                    std::thread::sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// An open connection to the file that is there.
    fn pop(&self) -> Option<Reader> {
        let file = &self.opener.settings.file;
        let current = self.last_seen.of(file, self.opener.tick());
        loop {
            let reader = self.idle.lock().pop()?;
            if reader.file == current {
                return Some(reader);
            }
        }
    }

    fn read<T>(
        &self,
        reader: Reader,
        read: &impl Fn(&Tables<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let answer = read(&self.opener.tables(&reader.connection));
        if !answer.as_ref().is_err_and(Fault::is_of_the_connection) {
            let mut idle = self.idle.lock();
            if idle.len() < self.opener.settings.readers {
                idle.push(reader);
            }
        }
        answer
    }
}

fn load(key: &StoreKey, tables: &Tables<'_>) -> Result<Load, Fault> {
    let loaded = tables.row(&tables.statements.load, [key.as_bytes()], |reader| {
        if reader.time(3)? <= tables.now {
            return Ok(Load::Absent);
        }
        match reader.ended(0)? {
            Some(reason) => Ok(Load::Ended(reason)),
            None => Ok(Load::Found(reader.loaded(1, tables.now)?)),
        }
    })?;
    Ok(loaded.unwrap_or(Load::Absent))
}

fn ping(tables: &Tables<'_>) -> Result<(Role, Timestamp), Fault> {
    let there = tables.row(&tables.statements.ping, [], |_| Ok(()))?;
    there.ok_or_else(|| tables.target.missing_tables())?;
    let role = match tables.is_read_only()? {
        true => Role::ReadOnly,
        false => Role::Primary,
    };
    Ok((role, tables.now))
}

#[cfg(test)]
mod tests {
    use crate::SqliteStore;

    use super::*;

    /// After a slow read some go aside, then one is tried in place again.
    #[tokio::test]
    async fn reads_come_back_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/x.db?create=true", folder.path().display());
        let store = SqliteStore::builder(&url).unwrap().build();
        let readers = &store.reads.readers;
        let nothing = |_: &Tables<'_>| Ok(std::thread::current().id());
        let here = std::thread::current().id();
        readers.aside.store(2, Ordering::Relaxed);
        for _ in 0..2 {
            assert_ne!(store.reads.ask(nothing).await.unwrap(), here);
        }
        assert_eq!(store.reads.ask(nothing).await.unwrap(), here);
        let slow = |_: &Tables<'_>| {
            std::thread::sleep(SLOW * 2);
            Ok(())
        };
        store.reads.ask(slow).await.unwrap();
        assert_eq!(readers.aside.load(Ordering::Relaxed), ASIDE);
    }
}
