//! The cap on memory: what the process really takes stays near it, and nothing is lost.

use crate::caps::{CAP, assert_resident, raise_descriptors};
use crate::client::{Client, get, put};
use crate::process::Daemon;

/// A number that looks random and is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }
}

fn target(number: u64) -> String {
    format!(
        "/s/{number:04x}{:060x}",
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

fn body(size: u64) -> String {
    "x".repeat(size as usize)
}

fn is_stored(client: &mut Client, number: u64, size: u64) -> bool {
    match client.ask(&put(&target(number), "Timeout: 60\r\n", &body(size))) {
        answer if answer.status == 507 => false,
        answer => answer.expect(200).status == 200,
    }
}

fn refused_for_memory(daemon: &Daemon) -> u64 {
    daemon.metric("refusals_total{reason=\"memory\"}")
}

/// Stores sessions of this size until one is refused; how many there are then.
fn fill(client: &mut Client, size: u64) -> u64 {
    let batch = (64_000 / (size + 100)).clamp(1, 100);
    let mut count = 0;
    loop {
        let numbers = count..count + batch;
        let puts = numbers.map(|number| put(&target(number), "Timeout: 60\r\n", &body(size)));
        client.send_if_open(&puts.collect::<String>());
        let answers: Vec<_> = (0..batch).map(|_| client.answer()).collect();
        let stored = answers
            .iter()
            .take_while(|answer| answer.status == 200)
            .count();
        count += stored as u64;
        if stored < answers.len() {
            // When it is full it stays so.
            assert!(answers[stored..].iter().all(|answer| answer.status == 507));
            return count;
        }
    }
}

fn read_all(client: &mut Client, count: u64, size: u64) {
    for number in 0..count {
        let answer = client.ask(&get(&target(number), "")).expect(200);
        assert_eq!(answer.body.len() as u64, size);
    }
}

#[test]
fn sessions_of_each_size_up_to_the_cap() {
    for size in [0, 1_000, 20_000, 40_000, 3_000_000] {
        let daemon = Daemon::start(&["--max-memory", CAP.0]);
        let mut client = daemon.client();
        let count = fill(&mut client, size);
        assert_resident(&daemon, &format!("{count} sessions of {size} bytes"));
        assert!(refused_for_memory(&daemon) > 0);
        read_all(&mut client, count.min(2_000), size);
        assert_eq!(daemon.metric("items"), count);
    }
}

/// Sessions come, change their size and go, for long, at the cap.
#[test]
fn churn_at_the_cap() {
    let daemon = Daemon::start(&["--max-memory", CAP.0]);
    let mut clients: Vec<Client> = (0..16).map(|_| daemon.client()).collect();
    let (mut dice, mut sizes) = (Dice(1), std::collections::BTreeMap::new());
    for step in 0..60_000_usize {
        let client = &mut clients[step % 16];
        let number = dice.roll(20_000);
        match dice.roll(8) {
            0 => {
                let delete = format!("DELETE {} HTTP/1.1\r\n\r\n", target(number));
                let status = client.ask(&delete).status;
                let expected = if sizes.remove(&number).is_some() {
                    200
                } else {
                    404
                };
                assert_eq!(status, expected);
            }
            1..=5 => {
                let magnitude = dice.roll(18);
                let size = dice.roll(1 << magnitude);
                if is_stored(client, number, size) {
                    sizes.insert(number, size);
                }
            }
            _ => {
                let answer = client.ask(&get(&target(number), ""));
                let found = (answer.status == 200).then_some(answer.body.len() as u64);
                assert_eq!(found, sizes.get(&number).copied());
            }
        }
        if step % 20_000 == 19_999 {
            assert_resident(&daemon, &format!("{} sessions, step {step}", sizes.len()));
        }
    }
    assert!(refused_for_memory(&daemon) > 100);
    for (number, size) in sizes {
        let answer = clients[0].ask(&get(&target(number), "")).expect(200);
        assert_eq!(answer.body.len() as u64, size);
    }
}

/// Many ask for large answers and do not take them, while the sessions are replaced.
#[test]
fn answers_that_nobody_takes() {
    raise_descriptors();
    let daemon = Daemon::start(&["--max-memory", CAP.0]);
    let mut writer = daemon.client();
    let mut lazy = Vec::new();
    for round in 0..200 {
        writer
            .ask(&put("/large", "", &body(1 << 20)))
            .expect_one_of(&[200, 507]);
        writer
            .ask(&put("/small", "", &body(20_000)))
            .expect_one_of(&[200, 507]);
        for target in ["/large", "/small"] {
            let mut client = daemon.client();
            client.send_if_open(&get(target, "").repeat(40));
            lazy.push(client);
        }
        if round % 50 == 49 {
            assert_resident(&daemon, &format!("{} lazy readers", lazy.len()));
        }
    }
    drop(lazy);
    writer.ask(&get("/small", "")).expect(200);
}

/// Slow requests come when sessions take all that they may.
#[test]
fn slow_requests_at_the_cap() {
    raise_descriptors();
    let daemon = Daemon::start(&["--max-memory", CAP.0]);
    let mut client = daemon.client();
    let count = fill(&mut client, 10_000);
    let head = format!("GET /a HTTP/1.1\r\nX: {}", "x".repeat(12_000));
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        let mut client = daemon.client();
        client.send_if_open(&head);
        slow.push(client);
    }
    assert_resident(&daemon, "1,000 slow heads at the cap");
    assert!(refused_for_memory(&daemon) > 100);
    read_all(&mut client, count, 10_000);
    // Who comes new reads as well.
    daemon.client().ask(&get(&target(0), "")).expect(200);
}
