//! Several processes on one file. They are this test program, told by a variable what to do.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_core::{Create, EndReason, LeaseUse, Load, Revision, Save, SessionStore};
use session_store_sql::SqliteStore;

use crate::file::{File, store};
use crate::sessions::{create, found, increment, key, long, record, rounds};

/// What a process is to do, and with which store.
const ROLE: &str = "SESSION_STORE_SQLITE_ROLE";
const URL: &str = "SESSION_STORE_SQLITE_URL";

/// Not a test: what the other processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let store = store(&std::env::var(URL).unwrap());
    let (role, number) = role.split_once(' ').unwrap_or((&role, "0"));
    let number: u32 = number.parse().unwrap();
    match role {
        "share" => write_for_a_second(&store, number).await,
        "increment" => increments(&store, number).await,
        "until-killed" => until_killed(&store, number).await,
        "logouts" => logouts(&store).await,
        "touch" => {
            let touched = store.touch(key(1)).await;
            println!("touched: {touched:?}");
        }
        other => panic!("{other}"),
    }
}

fn command(role: &str, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "processes::another_process"])
        .env(ROLE, role)
        .env(URL, url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// A process that is killed at the end, whatever happens.
struct Process(Child);

impl Process {
    fn start(role: &str, url: &str) -> Self {
        Self(command(role, url).spawn().unwrap())
    }

    /// Waits until it has said so, and lets it go on.
    fn go(&mut self) {
        let mut input = self.0.stdin.take().unwrap();
        input.write_all(b"go\n").unwrap();
    }

    /// All that it says from now on.
    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let output = BufReader::new(self.0.stdout.take().unwrap());
        let lines = output.lines().map(Result::unwrap);
        lines.filter_map(|line| line.strip_prefix("says ").map(str::to_owned))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn say(what: impl std::fmt::Display) {
    // One write, so that a kill does not cut a line in two.
    let line = format!("says {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Waits for the others.
fn wait_for_go() {
    say("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// What a process without rights says that runs a role; none if that cannot be tried.
pub(crate) fn as_nobody(role: &str, file: &File) -> Option<String> {
    let program = file.folder().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command
        .args(["--exact", "--nocapture", "processes::another_process"])
        .env(ROLE, role)
        .env(URL, file.url(""))
        .uid(65_534)
        .gid(65_534);
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.contains("touched:").then_some(text)
}

/// Writes from eight tasks for a second, with nothing in between, and says how often.
async fn write_for_a_second(store: &Arc<SqliteStore>, number: u32) {
    create(store, number * 8, "x").await;
    for task in 1..8 {
        create(store, number * 8 + task, "x").await;
    }
    wait_for_go();
    let end = Instant::now() + Duration::from_millis(u64::from(rounds(1_500, 10_000)));
    let written = Arc::new(AtomicU64::new(0));
    let slowest = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (store, written) = (Arc::clone(store), Arc::clone(&written));
            let slowest = Arc::clone(&slowest);
            tokio::spawn(async move {
                let mut revision = Revision::FIRST;
                while Instant::now() < end {
                    let began = Instant::now();
                    let key = key(number * 8 + task);
                    let store = Arc::clone(&store);
                    let saved = store.save(key, revision, record("y"), long(), LeaseUse::None);
                    assert!(matches!(saved.await.unwrap(), Save::Saved(_)));
                    revision = revision.next();
                    written.fetch_add(1, Ordering::Relaxed);
                    let micros = u64::try_from(began.elapsed().as_micros()).unwrap();
                    slowest.fetch_max(micros, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    say(written.load(Ordering::Relaxed));
    say(slowest.load(Ordering::Relaxed));
}

/// c60: four processes write back to back, and each gets its share.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c60_four_processes_share_a_file_fairly() {
    for synchronous in ["full", "normal"] {
        let file = File::fresh();
        create(&file.store(), 1_000, "x").await;
        let url = file.url(&format!("synchronous={synchronous}&operation-timeout=10s"));
        let mut processes: Vec<_> = (0..4)
            .map(|number| Process::start(&format!("share {number}"), &url))
            .collect();
        let mut lines: Vec<_> = processes.iter_mut().map(Process::lines).collect();
        for lines in &mut lines {
            assert_eq!(lines.next().unwrap(), "ready");
        }
        processes.iter_mut().for_each(Process::go);
        let mut number = |lines: &mut _| -> u64 {
            Iterator::next(lines)
                .map(|line: String| line.parse().unwrap())
                .unwrap()
        };
        let counts: Vec<u64> = lines.iter_mut().map(&mut number).collect();
        let slowest: Vec<u64> = lines.iter_mut().map(&mut number).collect();
        let rest = |lines: &mut _| Iterator::count(lines);
        lines
            .iter_mut()
            .for_each(|lines| assert_eq!(rest(lines), 0));
        println!("{synchronous}: {counts:?} writes, the slowest in {slowest:?} us");
        let mean = counts.iter().sum::<u64>() / 4;
        let least = *counts.iter().min().unwrap();
        assert!(least * 8 >= mean, "{counts:?}");
    }
}

/// Sixteen clients add to eight sessions.
async fn increments(store: &Arc<SqliteStore>, each: u32) {
    wait_for_go();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for _ in 0..each {
                    increment(&store, task % 8).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    say("done");
}

/// c30: increments from 32 clients over two processes are all kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c30_increments_over_two_processes_are_all_kept() {
    let each = rounds(60, 3_125);
    let file = File::fresh();
    let first = file.store();
    for number in 0..8 {
        create(&first, number, "0").await;
    }
    let url = file.url("synchronous=normal&operation-timeout=10s");
    let role = format!("increment {each}");
    let mut processes = [Process::start(&role, &url), Process::start(&role, &url)];
    let mut lines = processes.each_mut().map(Process::lines);
    for lines in &mut lines {
        assert_eq!(lines.next().unwrap(), "ready");
    }
    processes.iter_mut().for_each(Process::go);
    for lines in &mut lines {
        assert_eq!(lines.next().unwrap(), "done");
        assert_eq!(lines.count(), 0);
    }
    for number in 0..8 {
        let loaded = found(&first, number).await;
        let expected = u64::from(4 * each);
        assert_eq!(loaded.record, record(&expected.to_string()));
        assert_eq!(loaded.revision.get(), expected + 1);
    }
}

/// Says each save of eight sessions once it is answered.
async fn until_killed(store: &Arc<SqliteStore>, number: u32) {
    wait_for_go();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let number = number * 8 + task;
                let mut revision = found(&store, number).await.revision;
                while revision.get() < u64::MAX {
                    let text = revision.next().to_string();
                    let store = Arc::clone(&store);
                    let saved =
                        store.save(key(number), revision, record(&text), long(), LeaseUse::None);
                    assert!(matches!(saved.await.unwrap(), Save::Saved(_)));
                    revision = revision.next();
                    say(format!("{number} {revision}"));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// c61: a process that is killed in the middle of its saves loses nothing that it was answered,
/// and holds nobody up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c61_what_was_answered_survives_a_kill() {
    let file = File::fresh();
    let survivor = file.store();
    for number in 0..16 {
        create(&survivor, number, "1").await;
    }
    let url = file.url("operation-timeout=10s");
    for round in 0..rounds(4, 40) {
        let mut processes =
            [0, 1].map(|number| Process::start(&format!("until-killed {number}"), &url));
        let lines = processes.each_mut().map(Process::lines);
        processes.iter_mut().for_each(Process::go);
        let readers = lines.map(|lines| std::thread::spawn(|| lines.skip(1).collect::<Vec<_>>()));
        tokio::time::sleep(Duration::from_millis(u64::from(300 + round * 37 % 100))).await;
        drop(processes);
        let began = Instant::now();
        let mut acknowledged = [0; 16];
        for line in readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap())
        {
            let (number, revision) = line.split_once(' ').unwrap();
            let number: usize = number.parse().unwrap();
            acknowledged[number] = revision.parse::<u64>().unwrap();
        }
        assert!(acknowledged.iter().any(|revision| *revision > 0));
        let reopened = file.store();
        for (number, acknowledged) in (0..).zip(acknowledged) {
            let loaded = found(&reopened, number).await;
            let revision = loaded.revision.get();
            assert!(
                revision >= acknowledged,
                "{number}: {revision} < {acknowledged}"
            );
            assert_eq!(loaded.record, record(&revision.to_string()));
        }
        increment(&survivor, 0).await;
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

/// Ends sessions and says each once it is answered.
async fn logouts(store: &Arc<SqliteStore>) {
    wait_for_go();
    for number in 0.. {
        let created = Arc::clone(store).create(key(number), record("x"), long());
        assert!(matches!(created.await.unwrap(), Create::Created(_)));
        let deleted = Arc::clone(store).delete(key(number), EndReason::Destroyed);
        assert!(deleted.await.unwrap());
        say(number);
    }
}

/// A kill brings no logout back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_brings_no_logout_back() {
    let file = File::fresh();
    file.store().ping().await.unwrap();
    let mut process = Process::start("logouts", &file.url("synchronous=normal"));
    let lines = process.lines();
    process.go();
    let reader = std::thread::spawn(|| lines.skip(1).count());
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(process);
    let ended = u32::try_from(reader.join().unwrap()).unwrap();
    assert!(ended > 0);
    let store = file.store();
    for number in 0..ended {
        let load = Arc::clone(&store).load(key(number)).await.unwrap();
        assert_eq!(load, Load::Ended(EndReason::Destroyed));
    }
}
