//! Every method of the handle.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_core::{Key, SessionErrorKind};

use crate::support::{Browser, HOUR, MINUTE, SECOND, Visit, World, kind};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

const CART: Key<Cart> = Key::new("cart");
const COUNT: Key<i64> = Key::new("count");

fn a_cart() -> Cart {
    Cart {
        items: vec!["tea".to_owned(), "cup".to_owned()],
    }
}

#[tokio::test]
async fn what_was_inserted_is_there_in_the_next_request() {
    let world = World::default();
    let mut browser = Browser::default();
    world
        .change(&mut browser, |visit| {
            visit.insert(CART, &a_cart()).unwrap();
            visit.insert("name", "Ada").unwrap();
            assert_eq!(visit.get(CART).unwrap(), Some(a_cart()), "in the same one");
        })
        .await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.get(CART).unwrap(), Some(a_cart()));
    assert_eq!(visit.get_guarded(CART).unwrap(), Some(a_cart()));
    assert_eq!(visit.get::<String>("name").unwrap().unwrap(), "Ada");
    assert_eq!(visit.get::<String>("none").unwrap(), None);
}

#[tokio::test]
async fn contains_and_keys_show_what_there_is() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.insert("a", &1).unwrap();
            visit.log_in("ada").unwrap();
        })
        .await;
    let visit = world.visit(&browser).await;
    visit.insert("b", &2).unwrap();
    assert!(visit.remove("n").unwrap());
    let mut keys = visit.keys().unwrap();
    keys.sort();
    assert_eq!(keys, ["a", "b"], "reserved names are not shown");
    assert!(visit.contains("a").unwrap() && visit.contains("b").unwrap());
    assert!(!visit.contains("n").unwrap());
}

#[tokio::test]
async fn remove_says_whether_there_was_something() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            assert!(visit.remove("n").unwrap());
            assert!(!visit.remove("n").unwrap());
        })
        .await;
    assert_eq!(world.number(&browser, "n").await, None);
}

#[tokio::test]
async fn c27_take_gives_a_value_once() {
    let world = World::default();
    let mut browser = Browser::default();
    let flash = |visit: &Visit| visit.insert("flash", "saved").unwrap();
    world.change(&mut browser, flash).await;
    world
        .change(&mut browser, |visit| {
            let taken = visit.take::<String>("flash").unwrap();
            assert_eq!(taken.as_deref(), Some("saved"));
            assert_eq!(visit.take::<String>("flash").unwrap(), None);
        })
        .await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.take::<String>("flash").unwrap(), None);
}

#[tokio::test]
async fn updates_compute_from_what_was_there() {
    let world = World::default();
    let mut browser = Browser::default();
    for round in 1..=2 {
        world
            .change(&mut browser, |visit| {
                assert_eq!(visit.update("u", |n: i64| n + 1).unwrap(), round);
                let or = visit.update_or("or", 10, |n: i64| n * 2).unwrap();
                assert_eq!(or, 10 << round);
                assert_eq!(visit.increment(COUNT, 5).unwrap(), 5 * round);
                let tried = visit.try_update("t", |n: i64| (n < 1).then_some(n + 1));
                assert_eq!(tried.unwrap(), (round == 1).then_some(1));
            })
            .await;
    }
    assert_eq!(world.number(&browser, "t").await, Some(1));
    assert_eq!(world.number(&browser, "count").await, Some(10));
}

#[tokio::test]
async fn increments_stop_at_the_ends() {
    let world = World::default();
    let visit = world.visit(&Browser::default()).await;
    assert_eq!(visit.increment("n", i64::MAX).unwrap(), i64::MAX);
    assert_eq!(visit.increment("n", 1).unwrap(), i64::MAX);
}

#[tokio::test]
async fn clear_keeps_the_session_its_principal_and_labels() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.log_in("ada").unwrap();
            visit.set_label("device", "phone").unwrap();
        })
        .await;
    world
        .change(&mut browser, |visit| visit.clear().unwrap())
        .await;
    let visit = world.visit(&browser).await;
    assert!(!visit.is_new() && visit.keys().unwrap().is_empty());
    assert_eq!(visit.principal().as_deref(), Some("ada"));
    assert_eq!(visit.label("device").unwrap().as_deref(), Some("phone"));
}

#[tokio::test]
async fn labels_are_kept_through_a_renew_and_removed_on_demand() {
    for shared in [false, true] {
        let builder = World::builder();
        let builder = if shared { builder.shared() } else { builder };
        let world = builder.build();
        let mut browser = world.visitor().await;
        world
            .change(&mut browser, |visit| {
                visit.set_label("device", "phone").unwrap()
            })
            .await;
        world
            .change(&mut browser, |visit| visit.renew().unwrap())
            .await;
        let visit = world.visit(&browser).await;
        assert_eq!(visit.label("device").unwrap().as_deref(), Some("phone"));
        assert!(visit.remove_label("device").unwrap());
        assert!(!visit.remove_label("device").unwrap());
        visit.answer(&mut browser).await;
        assert_eq!(world.visit(&browser).await.label("device").unwrap(), None);
    }
}

#[tokio::test]
async fn commit_saves_midway_and_the_rest_at_the_end() {
    let world = World::default();
    let mut browser = Browser::default();
    let visit = world.visit(&browser).await;
    visit.insert("a", &1).unwrap();
    visit.commit().await.unwrap();
    assert!(!visit.is_new());
    visit.insert("b", &2).unwrap();
    assert_eq!(visit.update("a", |n: i64| n + 1).unwrap(), 2);
    let headers = visit.answer(&mut browser).await;
    assert!(
        headers.set_cookie.is_some(),
        "the token of the first commit"
    );
    assert_eq!(world.number(&browser, "a").await, Some(2));
    assert_eq!(world.number(&browser, "b").await, Some(2));
}

#[tokio::test]
async fn what_was_committed_midway_survives_a_request_without_a_response() {
    let world = World::default();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    visit.commit().await.unwrap();
    visit.insert("n", &2).unwrap();
    visit.exchange.abandon();
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn a_commit_of_an_ended_session_is_an_error() {
    let world = World::default();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    world
        .change(&mut browser.clone(), |visit| visit.destroy().unwrap())
        .await;
    assert_eq!(kind(visit.commit().await), SessionErrorKind::Ended);
}

#[tokio::test]
async fn values_of_another_type_are_an_error_of_that_get_alone() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    assert_eq!(kind(visit.get::<String>("n")), SessionErrorKind::Decode);
    assert_eq!(
        kind(visit.get_guarded::<Cart>("n")),
        SessionErrorKind::Decode
    );
    assert_eq!(kind(visit.take::<String>("n")), SessionErrorKind::Decode);
    let update = visit.update("n", |name: String| name + "!");
    assert_eq!(kind(update), SessionErrorKind::Decode);
    assert_eq!(
        visit.get::<i64>("n").unwrap(),
        Some(0),
        "the session is fine"
    );
    visit.insert("m", &1).unwrap();
    visit.answer(&mut browser).await;
    assert_eq!(world.number(&browser, "n").await, Some(0));
    assert_eq!(world.number(&browser, "m").await, Some(1));
}

#[tokio::test]
async fn names_that_are_not_keys_are_refused_everywhere() {
    let world = World::default();
    let visit = world.visit(&Browser::default()).await;
    let long = "k".repeat(256);
    for name in ["", "$principal", "$max_age", "$", long.as_str()] {
        let kinds = [
            kind(visit.get::<String>(name)),
            kind(visit.get_guarded::<String>(name)),
            kind(visit.contains(name)),
            kind(visit.insert(name, &1)),
            kind(visit.remove(name)),
            kind(visit.take::<i64>(name)),
            kind(visit.increment(name, 1)),
            kind(visit.set_label(name, "x")),
            kind(visit.remove_label(name)),
        ];
        assert_eq!(kinds, [SessionErrorKind::InvalidArgument; 9], "{name:?}");
    }
    visit.insert(&"k".repeat(255), &1).unwrap();
}

#[tokio::test]
async fn timeouts_out_of_range_are_refused() {
    let world = World::default();
    let visit = world.visit(&Browser::default()).await;
    let invalid = SessionErrorKind::InvalidArgument;
    let days = |days: u32| 24 * HOUR * days;
    for timeout in [Duration::ZERO, SECOND / 2, days(401), Duration::MAX] {
        assert_eq!(kind(visit.set_idle_timeout(timeout)), invalid);
        assert_eq!(kind(visit.set_absolute_timeout(timeout)), invalid);
        assert_eq!(kind(visit.set_persistent(timeout)), invalid);
    }
    assert_eq!(kind(visit.set_absolute_timeout(13 * HOUR)), invalid);
    visit.set_absolute_timeout(12 * HOUR).unwrap();
    visit.set_idle_timeout(days(400)).unwrap();
    visit.set_persistent(days(400)).unwrap();
    visit.set_persistent(None).unwrap();
}

#[tokio::test]
async fn every_change_after_the_answer_comes_too_late() {
    let world = World::default();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.finish().await.unwrap();
    let kinds = [
        kind(visit.get_guarded::<i64>("n")),
        kind(visit.insert("n", &1)),
        kind(visit.remove("n")),
        kind(visit.take::<i64>("n")),
        kind(visit.update("n", |n: i64| n)),
        kind(visit.update_or("n", 1, |n: i64| n)),
        kind(visit.try_update("n", |n: i64| Some(n))),
        kind(visit.increment("n", 1)),
        kind(visit.clear()),
        kind(visit.renew()),
        kind(visit.log_in("ada")),
        kind(visit.destroy()),
        kind(visit.set_persistent(HOUR)),
        kind(visit.set_idle_timeout(MINUTE)),
        kind(visit.set_absolute_timeout(MINUTE)),
        kind(visit.set_label("device", "phone")),
        kind(visit.remove_label("device")),
        kind(visit.commit().await),
    ];
    assert_eq!(kinds, [SessionErrorKind::TooLate; 18]);
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0), "reading goes on");
}

#[tokio::test]
async fn c18_an_oversize_session_is_refused_and_nothing_of_it_saved() {
    let world = World::builder()
        .config(|config| config.max_payload(1024))
        .build();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.insert("n", &1).unwrap();
    visit.insert("big", &"x".repeat(1024)).unwrap();
    let error = visit.finish().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::TooLarge);
    assert!(error.to_string().contains("session.limits.max_payload"));
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn a_session_says_what_it_is() {
    let world = World::default();
    let mut browser = Browser::default();
    let visit = world.visit(&browser).await;
    assert!(visit.is_new() && visit.fingerprint().is_none());
    assert!(visit.created_at().is_none() && visit.age().is_none());
    visit.log_in("ada").unwrap();
    visit.answer(&mut browser).await;
    world.clock.advance(MINUTE / 2);
    let visit = world.visit(&browser).await;
    assert_eq!(visit.principal().as_deref(), Some("ada"));
    assert_eq!(visit.age(), Some(MINUTE / 2));
    assert_eq!(visit.idle_left(), Some(20 * MINUTE - MINUTE / 2));
    assert_eq!(visit.absolute_left(), Some(12 * HOUR - MINUTE / 2));
    assert_eq!(visit.fingerprint().unwrap().to_string().len(), 8);
}

/// Says that it has two elements, and has one.
struct Liar;

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut list = serializer.serialize_seq(Some(2))?;
        list.serialize_element(&1)?;
        list.end()
    }
}

#[tokio::test]
async fn a_value_that_encodes_wrongly_is_refused_and_spoils_nothing() {
    for world in [World::default(), World::builder().shared().build()] {
        let mut browser = world.visitor().await;
        let visit = world.visit(&browser).await;
        assert_eq!(kind(visit.insert("a", &Liar)), SessionErrorKind::Encode);
        visit.insert("b", &2).unwrap();
        visit.answer(&mut browser).await;
        assert_eq!(world.number(&browser, "b").await, Some(2));
        assert_eq!(world.number(&browser, "n").await, Some(0));
    }
}

#[tokio::test]
async fn c18_labels_count_like_values() {
    let world = World::builder()
        .config(|config| config.max_payload(1 << 10))
        .build();
    let browser = world.visitor().await;
    let visit = world.visit(&browser).await;
    visit.set_label("device", &"x".repeat(2 << 10)).unwrap();
    assert_eq!(kind(visit.finish().await), SessionErrorKind::TooLarge);
    let visit = world.visit(&browser).await;
    assert_eq!(visit.label("device").unwrap(), None);
}
