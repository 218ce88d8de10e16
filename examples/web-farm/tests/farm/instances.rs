//! What visitors notice when instances are recycled, killed, refused and given new keys.

use std::time::Duration;

use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Farm, all_ready, has_ended, row, rows, until};

#[tokio::test]
async fn instances_answer_in_turn_and_the_session_is_the_same() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    let mut answered = Vec::new();
    for visit in 1..=6 {
        let told = visitor.visit().await;
        assert_eq!(told["visits"], visit);
        answered.push(told["instance"].as_str().unwrap().to_owned());
    }
    assert_eq!(answered[..3], answered[3..]);
    answered.truncate(3);
    answered.sort();
    assert_eq!(answered, ["instance 1", "instance 2", "instance 3"]);
    assert_eq!(farm.visitor().visit().await["visits"], 1);
}

#[tokio::test]
async fn the_page_needs_no_script() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.submit("/name", &[("name", "Ada <3")]).await;
    let page = visitor.submit("/tea", &[]).await;
    assert!(page.contains("This page comes from"), "{page}");
    assert!(page.contains("Ada &lt;3"), "{page}");
    for button in ["recycle", "kill", "stranger", "restart-store", "rotate"] {
        assert!(
            page.contains(&format!("action=\"/farm/{button}\"")),
            "{button}"
        );
    }
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    let page = visitor.submit("/forget", &[]).await;
    assert!(!page.contains("Ada"), "{page}");
}

#[tokio::test]
async fn the_number_of_instances_can_be_chosen() {
    let farm = Farm::start(&["--instances", "5"]).await;
    assert_eq!(rows(&farm.state().await).len(), 5);
    let visitor = farm.visitor();
    let mut answered = Vec::new();
    for _ in 0..5 {
        answered.push(visitor.visit().await["instance"].to_string());
    }
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), 5);
}

#[tokio::test]
async fn recycling_every_instance_fails_no_request() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    let before = farm.state().await;
    let going_on = [visitor.keep_visiting(), visitor.keep_visiting()];
    for number in 1..=3 {
        farm.press("recycle", Some(number)).await;
        let old = row(&before, number)["process"].clone();
        farm.until("a new process", |state| {
            let row = row(state, number);
            (row["phase"] == "ready" && row["process"] != old).then_some(())
        })
        .await;
    }
    let mut visits = 1;
    for visitor in going_on {
        let tally = visitor.stop().await;
        assert_eq!(tally.failed, Vec::<String>::new());
        visits += tally.answered;
    }
    assert_eq!(visitor.visits().await, visits);
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_its_instance_ends() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    farm.until("quiet", quiet).await;
    let slow = tokio::spawn({
        let visitor = visitor.clone();
        async move { visitor.get("/slow").await }
    });
    let number = farm.until("under way", busy).await;
    farm.press("recycle", Some(number)).await;
    let answer = slow.await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let by = answer.headers()["x-instance"].to_str().unwrap();
    assert_eq!(by, format!("instance {number}"));
    assert_eq!(visitor.visits().await, 2);
}

#[tokio::test]
async fn after_kill_9_the_session_is_there_and_only_what_was_under_way_has_failed() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    farm.until("quiet", quiet).await;
    let slow = tokio::spawn({
        let visitor = visitor.clone();
        async move { visitor.get("/slow").await.status() }
    });
    let number = farm.until("under way", busy).await;
    let going_on = visitor.keep_visiting();
    farm.press("kill", Some(number)).await;
    let down = farm.until("down", |state| {
        let row = row(state, number);
        (row["phase"] == "down").then(|| row["reason"].to_string())
    });
    assert_eq!(down.await, "\"ended by signal 9\"");
    assert_eq!(slow.await.unwrap(), StatusCode::BAD_GATEWAY);
    farm.until("back", all_ready).await;
    let tally = going_on.stop().await;
    // At most the one request that the instance had in hand.
    assert!(tally.failed.len() <= 1, "{tally:?}");
    assert!(visitor.visits().await > tally.answered);
}

fn quiet(state: &Value) -> Option<()> {
    let quiet = |row: &Value| row["under_way"] == 0;
    rows(state).iter().all(quiet).then_some(())
}

/// The number of the instance that is working on a request.
fn busy(state: &Value) -> Option<u64> {
    let busy = |row: &&Value| row["under_way"] == 1;
    rows(state).iter().find(busy)?["number"].as_u64()
}

#[tokio::test]
async fn a_stranger_is_refused_within_two_seconds_and_the_page_says_why() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    let began = Instant::now();
    farm.press("stranger", None).await;
    let reason = farm.until("refused", |state| {
        let stranger = rows(state).iter().find(|row| row["number"].is_null())?;
        let refused = stranger["phase"] == "refused";
        refused.then(|| stranger["reason"].as_str().unwrap_or_default().to_owned())
    });
    let reason = reason.await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert!(reason.contains("key ring drift"), "{reason}");
    let key = row(&farm.state().await, 1)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(reason.contains(&key), "{reason}");
    let page = visitor.page().await;
    assert!(
        page.contains("refused") && page.contains("key ring drift"),
        "{page}"
    );
    for _ in 0..6 {
        assert_ne!(visitor.visit().await["instance"], "the stranger");
    }
    assert_eq!(visitor.visits().await, 8);
}

#[tokio::test]
async fn after_a_rotation_every_instance_signs_with_the_new_key_and_nobody_is_logged_out() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    let old = row(&farm.state().await, 1)["key"].clone();
    let going_on = visitor.keep_visiting();
    farm.press("rotate", None).await;
    let keys = farm.until("new keys", |state| {
        let keys: Vec<_> = rows(state).iter().map(|row| row["key"].clone()).collect();
        keys.iter()
            .all(|key| *key != old && !key.is_null())
            .then_some(keys)
    });
    let keys = keys.await;
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let tally = going_on.stop().await;
    assert_eq!(tally.failed, Vec::<String>::new());
    assert_eq!(visitor.visits().await, tally.answered + 1);
    let newcomer = farm.visitor();
    assert_eq!(newcomer.visit().await["visits"], 1);
    assert_eq!(newcomer.visit().await["visits"], 2);
}

#[tokio::test]
async fn sessions_outlive_the_state_server_even_if_it_is_killed() {
    let farm = Farm::start(&[]).await;
    let visitor = farm.visitor();
    visitor.visit().await;
    for button in ["restart-store", "kill-store"] {
        let before = farm.state().await["store"]["process"].clone();
        farm.press(button, None).await;
        farm.until("a new process", |state| {
            let now = &state["store"]["process"];
            (!now.is_null() && *now != before).then_some(())
        })
        .await;
        farm.until("ready", all_ready).await;
    }
    assert_eq!(visitor.visits().await, 1);
    assert_eq!(visitor.visit().await["visits"], 2);
}

#[tokio::test]
async fn ctrl_c_stops_every_process() {
    let farm = Farm::start(&[]).await;
    let processes = farm.processes().await;
    assert_eq!(processes.len(), 5);
    assert!(farm.end_with(Signal::INT).await.success());
    assert!(processes.into_iter().all(has_ended));
}

#[tokio::test]
async fn no_process_outlives_a_supervisor_that_was_killed() {
    let farm = Farm::start(&[]).await;
    let processes = farm.processes().await;
    assert!(!farm.end_with(Signal::KILL).await.success());
    until("all have ended", || async {
        processes.iter().copied().all(has_ended).then_some(())
    })
    .await;
}
