//! Large files.

use std::time::Instant;

use crate::client::{create, key, load};
use crate::daemon::Place;

const SESSIONS: u64 = 200_000;
const BATCH: u64 = 500;

#[test]
fn a_large_file_is_read_back() {
    let place = Place::new();
    let daemon = place.start(&["--durability", "async"]);
    let mut client = daemon.client();
    for from in (0..SESSIONS).step_by(BATCH as usize) {
        let some = from..from + BATCH;
        let requests: String = some.map(|number| create(&key(1, number), "a")).collect();
        client.send(requests).unwrap();
        client.expect_done(BATCH as usize).unwrap();
    }
    drop(client);
    let ended = daemon.stop();
    assert!(ended.is_success, "{}", ended.log);

    let began = Instant::now();
    let daemon = place.start(&[]);
    let took = began.elapsed();
    assert!(took.as_secs() < 20, "{took:?}");
    for line in [
        "100000 sessions so far",
        "200000 sessions so far",
        "200000 sessions read",
    ] {
        assert!(
            daemon.log().contains(line),
            "{line} is missing: {}",
            daemon.log()
        );
    }
    assert_eq!(daemon.metric("items"), SESSIONS);
    let mut client = daemon.client();
    for number in (0..SESSIONS).step_by(9_973) {
        client.ask(&load(&key(1, number))).unwrap().expect(200);
    }
    daemon.kill();

    let ended = place.start_in_vain(&["--max-memory", "16MiB"]);
    assert!(!ended.is_success);
    for word in ["sessions.db", "--max-memory"] {
        assert!(ended.log.contains(word), "{}", ended.log);
    }
}
