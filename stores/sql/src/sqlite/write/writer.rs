//! The thread that writes: what has come while a transaction was committed goes into the next
//! one together.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::queue::{Job, Phase, Queue};
use crate::sqlite::fault::Fault;
use crate::sqlite::identity::Identity;
use crate::sqlite::open::Opener;
use crate::sqlite::settings::Synchronous;
use crate::sqlite::turn::Turnstile;

/// The most writes of one transaction.
const MOST_WRITES: usize = 512;

/// The most bytes of one transaction, but for a single larger write.
const MOST_BYTES: usize = 4 << 20;

/// How long a transaction takes on more writes. Other processes wait meanwhile.
const LONGEST: Duration = Duration::from_millis(3);

/// How long what is answered may stay unflushed if not every transaction is flushed, and how old
/// the time in the file may get while there are writes.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause before the file is tried again where SQLite itself did not wait.
const PAUSE: Duration = Duration::from_millis(5);

/// Starts the thread. It ends when the queue is closed and empty.
pub(in crate::sqlite) fn start(opener: Arc<Opener>, queue: Arc<Queue>) -> std::io::Result<()> {
    let writer = Writer {
        ending: Ending(queue),
        opener,
        opened: None,
        unflushed: None,
    };
    let thread = thread::Builder::new().name("session-sqlite".into());
    thread.spawn(move || writer.run())?;
    Ok(())
}

/// Whatever happens to the thread, nobody waits for it after that.
struct Ending(Arc<Queue>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.close();
        // Answers nobody, which closes the channels.
        while self.0.next(true).is_some() {}
    }
}

struct Writer {
    ending: Ending,
    opener: Arc<Opener>,
    opened: Option<Opened>,
    /// Since when there has been something to flush.
    unflushed: Option<Duration>,
}

/// The file, as long as nothing is wrong with it.
struct Opened {
    disk: Disk,
    turnstile: Turnstile,
    file: Option<Identity>,
}

struct Disk {
    connection: Connection,
    /// Whether commits are flushed; at first nobody knows.
    flushes: Option<bool>,
}

/// The writes of a transaction, each with how it ended.
type Written = Vec<(Job, Result<(), Fault>)>;

impl Opened {
    fn of(opener: &Opener) -> Result<Self, Fault> {
        // First, so that it is never newer than the connection.
        let file = Identity::of(&opener.settings.file);
        let disk = Disk {
            connection: opener.writer()?,
            flushes: None,
        };
        Ok(Self {
            disk,
            turnstile: opener.turnstile()?,
            file: file.or_else(|| Identity::of(&opener.settings.file)),
        })
    }
}

impl Disk {
    /// From the next transaction on commits are flushed, or not.
    fn set_flushes(&mut self, flushes: bool) -> rusqlite::Result<()> {
        if self.flushes != Some(flushes) {
            let level = if flushes { "full" } else { "normal" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.flushes = Some(flushes);
        }
        Ok(())
    }

    fn execute(&self, text: &str) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(text)?;
        statement.execute([]).map(|_| ())
    }

    /// Commits what went well and undoes what did not.
    fn finish(&self, done: Result<(), Fault>, opener: &Opener) -> Result<(), Fault> {
        let committed = || {
            let committed = self.execute("COMMIT");
            committed.map_err(|error| opener.target.failed(&error))
        };
        let finished = done.and_then(|()| committed());
        if finished.is_err() && !self.connection.is_autocommit() {
            // The error that led here says more.
            let _ = self.execute("ROLLBACK");
        }
        finished
    }
}

impl Writer {
    fn run(mut self) {
        while self
            .queue()
            .wait(self.unflushed.map(|since| since + INTERVAL))
        {
            match self.turn() {
                Ok(()) => {}
                Err(fault) if fault.is_passing() => {
                    self.queue().give_up_late(&fault);
                    thread::sleep(PAUSE);
                }
                Err(fault) => {
                    self.opened = None;
                    self.unflushed = None;
                    self.queue().give_up(&fault);
                }
            }
        }
    }

    fn queue(&self) -> &Queue {
        &self.ending.0
    }

    /// Writes when it is this process's turn. A fault is of all who wait.
    fn turn(&mut self) -> Result<(), Fault> {
        let file = &self.opener.settings.file;
        let is_there = |opened: &Opened| opened.file == Identity::of(file);
        let mut opened = match self.opened.take().filter(is_there) {
            Some(opened) => opened,
            None => Opened::of(&self.opener)?,
        };
        self.queue().enter(Phase::Turn);
        let failed = |error| self.opener.target.io("wait for its turn", &error);
        let turn = opened.turnstile.enter().map_err(failed)?;
        let written = self.batch(&mut opened.disk);
        drop(turn);
        let written = match written {
            Err(fault) if !fault.is_passing() => return Err(fault),
            written => {
                self.opened = Some(opened);
                written?
            }
        };
        for (job, done) in written {
            if done.as_ref().is_err_and(Fault::is_of_the_connection) {
                self.opened = None;
            }
            job.answer(done);
        }
        Ok(())
    }

    /// Makes the writes that wait and those that come meanwhile in one transaction.
    fn batch(&mut self, disk: &mut Disk) -> Result<Written, Fault> {
        let queue = self.queue();
        let is_late = |since| self.opener.tick().saturating_sub(since) >= INTERVAL;
        // With nothing to write it is woken to flush.
        let flushes = self.opener.settings.synchronous == Synchronous::Full
            || queue.is_empty()
            || queue.has_end(MOST_WRITES)
            || self.unflushed.is_some_and(is_late);
        let set = disk.set_flushes(flushes);
        set.map_err(|error| self.opener.target.failed(&error))?;
        self.begin(disk)?;
        self.queue().enter(Phase::Work);
        let mut jobs = Vec::new();
        let done = self.fill(disk, flushes, &mut jobs);
        let done = disk.finish(done, &self.opener);
        self.unflushed = match (&done, flushes) {
            (Err(_), _) => self.unflushed,
            (Ok(()), true) => None,
            (Ok(()), false) => Some(self.unflushed.unwrap_or(self.opener.tick())),
        };
        match done {
            Err(fault) if jobs.is_empty() => Err(fault),
            Err(fault) if jobs.len() > 1 && fault.is_of_a_write() => Ok(self.each(disk, jobs)),
            done => Ok(jobs.into_iter().map(|job| (job, done.clone())).collect()),
        }
    }

    /// Begins a transaction. A program that does not queue up may hold the lock: then those for
    /// whom it is too late are told.
    fn begin(&self, disk: &Disk) -> Result<(), Fault> {
        loop {
            let Err(error) = disk.execute("BEGIN IMMEDIATE") else {
                return Ok(());
            };
            let fault = self.opener.target.failed(&error);
            self.queue().enter(Phase::Lock);
            self.queue().give_up_late(&fault);
            if !fault.is_passing() || self.queue().is_empty() {
                return Err(fault);
            }
        }
    }

    fn fill(&self, disk: &Disk, flushes: bool, jobs: &mut Vec<Job>) -> Result<(), Fault> {
        let began = self.opener.tick();
        self.see_time(disk, flushes && self.unflushed.is_some())?;
        let mut bytes = 0;
        while jobs.len() < MOST_WRITES && bytes < MOST_BYTES {
            if self.opener.tick().saturating_sub(began) > LONGEST && !jobs.is_empty() {
                break;
            }
            let Some(mut job) = self.queue().next(flushes) else {
                break;
            };
            bytes += job.size();
            let done = job.execute(&self.opener.tables(&disk.connection));
            jobs.push(job);
            done?;
        }
        Ok(())
    }

    /// Learns the latest time that any process has seen and, now and then, writes down ours.
    /// `must_write` makes sure that there is something to flush.
    fn see_time(&self, disk: &Disk, must_write: bool) -> Result<(), Fault> {
        let seen = self.opener.see_time(&disk.connection)?;
        self.opener.check_version(seen.version)?;
        let tables = self.opener.tables(&disk.connection);
        let now = tables.now;
        if must_write || now.since(seen.time) >= INTERVAL {
            tables.execute(&tables.statements.set_clock, [now.as_millis()])?;
        }
        Ok(())
    }

    /// Each write in a transaction of its own, since one of them does not go in.
    fn each(&self, disk: &Disk, jobs: Vec<Job>) -> Written {
        let alone = |mut job: Job| {
            let begun = self.begin(disk);
            let done = begun.and_then(|()| {
                let done = job.execute(&self.opener.tables(&disk.connection));
                disk.finish(done, &self.opener)
            });
            (job, done)
        };
        jobs.into_iter().map(alone).collect()
    }
}
