//! Renewing, logging in and ending.

use session_core::{Access, PrincipalKey, Session, SessionErrorKind, SessionStore};

use crate::support::{APP, Browser, HOUR, Visit, World, answer, kind};

#[tokio::test]
async fn c23_n06_a_renew_keeps_the_data_and_kills_the_old_id() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let old = browser.clone();
    let headers = world
        .change(&mut browser, |visit| {
            visit.renew().unwrap();
            visit.insert("m", &1).unwrap();
        })
        .await;
    assert!(headers.set_cookie.is_some() && headers.no_store());
    assert_ne!(old.line, browser.line);
    assert_eq!(world.number(&browser, "n").await, Some(0));
    assert_eq!(world.number(&browser, "m").await, Some(1));
    assert!(!world.knows(&old).await);
}

#[tokio::test]
async fn c24_two_renews_are_one() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world.counts.reset();
    world
        .change(&mut browser, |visit| {
            visit.renew().unwrap();
            visit.renew().unwrap();
        })
        .await;
    assert_eq!(world.counts.counts()["rename"], 1);
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn c24_renew_then_destroy_ends_the_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let old = browser.clone();
    world
        .change(&mut browser, |visit| {
            visit.renew().unwrap();
            visit.destroy().unwrap();
            visit.renew().unwrap();
        })
        .await;
    assert_eq!(browser.line, None, "the cookie is removed");
    assert!(!world.knows(&old).await);
}

#[tokio::test]
async fn c24_destroy_then_write_begins_another_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let log_in = |visit: &Visit| visit.log_in("ada").unwrap();
    world.change(&mut browser, log_in).await;
    let old = browser.clone();
    world
        .change(&mut browser, |visit| {
            visit.destroy().unwrap();
            assert_eq!(visit.get::<i64>("n").unwrap(), None);
            visit.insert("farewell", &1).unwrap();
        })
        .await;
    assert!(browser.line.is_some() && browser.line != old.line);
    let visit = world.visit(&browser).await;
    assert_eq!(visit.keys().unwrap(), ["farewell"]);
    assert_eq!(visit.principal(), None);
    assert!(!world.knows(&old).await);
}

#[tokio::test]
async fn a_timeout_after_a_destroy_begins_no_session() {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| {
            visit.destroy().unwrap();
            visit.set_idle_timeout(HOUR).unwrap();
        })
        .await;
    assert_eq!(browser.line, None);
}

#[tokio::test]
async fn a_log_in_is_remembered_under_a_new_id() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let planted = browser.clone();
    world
        .change(&mut browser, |visit| visit.log_in("ada").unwrap())
        .await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.principal().as_deref(), Some("ada"));
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0), "the cart stays");
    assert!(
        !world.knows(&planted).await,
        "c25: the planted id is useless"
    );
    let page = world
        .counts
        .clone()
        .list(PrincipalKey::derive(APP, "ada"), None);
    assert_eq!(page.await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn a_log_in_of_an_anonymous_visitor_makes_the_session() {
    let world = World::default();
    let mut browser = Browser::default();
    world
        .change(&mut browser, |visit| visit.log_in("ada").unwrap())
        .await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.principal().as_deref(), Some("ada"));
}

#[tokio::test]
async fn after_a_logout_one_can_log_in_with_the_dead_cookie() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let dead = browser.clone();
    world
        .change(&mut browser, |visit| visit.destroy().unwrap())
        .await;
    let mut browser = dead;
    let headers = world
        .change(&mut browser, |visit| visit.log_in("ada").unwrap())
        .await;
    assert!(headers.set_cookie.is_some());
    assert!(world.knows(&browser).await);
}

#[tokio::test]
async fn s08_a_failed_commit_of_a_renew_leaves_the_old_id_alive() {
    use session_core::testing::{Fault, Operation};
    let world = World::default();
    let browser = world.visitor().await;
    let unavailable = Fault::error(session_core::StoreErrorKind::Unavailable);
    world
        .faults
        .inject(unavailable.on(Operation::Rename).times(1));
    let visit = world.visit(&browser).await;
    visit.renew().unwrap();
    assert_eq!(kind(visit.finish().await), SessionErrorKind::Unavailable);
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn n05_a_read_of_an_ended_session_is_anonymous_and_says_nothing() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let mut old = browser.clone();
    world
        .change(&mut browser, |visit| visit.destroy().unwrap())
        .await;
    let headers = world.read(&mut old).await;
    assert_eq!(headers.set_cookie, None);
    assert!(old.line.is_some(), "nobody touches the cookie");
}

#[tokio::test]
async fn nothing_is_stored_or_sent_for_who_only_reads() {
    let world = World::default();
    let exchange = world.engine.exchange();
    assert_eq!(answer(&exchange).await.unwrap().vary, None, "c01");
    let headers = world.read(&mut Browser::default()).await;
    assert_eq!(headers.vary.as_deref(), Some("Cookie"), "c02");
    assert_eq!(headers.set_cookie, None);
    assert_eq!(world.counts.total(), 0);
}

#[tokio::test]
async fn a_request_can_be_opened_several_times_and_not_after_its_end() {
    let world = World::default();
    let browser = world.visitor().await;
    world.counts.reset();
    let exchange = world.engine.exchange();
    for access in [Access::ReadOnly, Access::ReadWrite, Access::ReadOnly] {
        exchange.open(&browser, access).await.unwrap();
    }
    assert_eq!(world.counts.total(), 1);
    Session::new(exchange.clone()).insert("n", &1).unwrap();
    answer(&exchange).await.unwrap();
    let again = exchange.open(&browser, Access::ReadOnly).await;
    assert_eq!(kind(again), SessionErrorKind::TooLate);
}
