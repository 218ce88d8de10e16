//! The key ring changes while sessions live.

use std::fs;

use session_core::{Access, Engine, Session, SessionErrorKind};

use crate::support::{
    Browser, FIRST, MINUTE, RingFile, SECOND, SECOND_KEY, Visit, World, answer, kind, live,
    revoked, rotated, two_keys,
};

/// A world over a ring file, whose records others can see.
fn world(file: &RingFile) -> World {
    World::builder().shared().ring(file.open()).build()
}

#[tokio::test]
async fn c42_a_cookie_of_a_retired_key_is_signed_again_at_the_next_write() {
    let (old, new) = two_keys();
    let file = RingFile::new(&[live(&old, FIRST, None)]);
    let world = world(&file);
    let mut browser = world.visitor().await;
    file.write(2, &rotated(&old, &new));
    assert!(world.engine.key_ring().refresh().unwrap());
    assert_eq!(
        world.read(&mut browser).await.set_cookie,
        None,
        "not by a read"
    );
    let before = browser.clone();
    let write = |visit: &Visit| visit.insert("n", &1).unwrap();
    let headers = world.change(&mut browser, write).await;
    assert!(headers.set_cookie.is_some() && browser.line != before.line);
    assert_eq!(
        world.number(&before, "n").await,
        Some(1),
        "the same session"
    );
    let again = world.change(&mut browser, write).await;
    assert_eq!(again.set_cookie, None, "once");
    file.write(3, &[revoked(&old), live(&new, SECOND_KEY, None)]);
    assert!(world.engine.key_ring().refresh().unwrap());
    assert_eq!(
        world.number(&browser, "n").await,
        Some(1),
        "the record is sealed anew"
    );
    assert!(!world.knows(&before).await, "and the old cookie is dead");
}

#[tokio::test]
async fn c42_the_ring_is_read_again_every_minute() {
    let (old, new) = two_keys();
    let file = RingFile::new(&[live(&old, FIRST, None)]);
    let world = world(&file);
    let mut browser = world.visitor().await;
    file.write(2, &[revoked(&old), live(&new, SECOND_KEY, None)]);
    world.clock.advance(MINUTE - SECOND);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert!(world.knows(&browser).await, "not yet");
    world.clock.advance(SECOND);
    world.read(&mut browser).await;
    assert!(world.engine.drain(MINUTE).await);
    assert!(!world.knows(&browser).await, "revoked");
}

/// Two nodes on one ring file, of which the second has not seen its newer key yet, and a browser
/// with a cookie of that key.
async fn behind() -> (RingFile, World, Engine, Browser) {
    let (old, new) = two_keys();
    let file = RingFile::new(&[live(&old, FIRST, None)]);
    let world = world(&file);
    let node = world.node(file.open());
    node.ready().await.unwrap();
    file.write(2, &rotated(&old, &new));
    assert!(world.engine.key_ring().refresh().unwrap());
    let browser = world.visitor().await;
    (file, world, node, browser)
}

#[tokio::test]
async fn c41_a_cookie_of_a_key_that_is_new_to_this_node_is_understood_at_once() {
    let (_file, _world, node, browser) = behind().await;
    let visit = browser.open(&node, Access::ReadWrite).await.unwrap();
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0));
    assert_eq!(node.key_ring().generation(), 1);
}

/// A request with this cookie on a node that cannot judge its key: reads are anonymous, writes
/// are refused, and the cookie stays what it is.
async fn undecided(node: &Engine, browser: &Browser) {
    let exchange = node.exchange();
    exchange.open(browser, Access::ReadOnly).await.unwrap();
    assert_eq!(answer(&exchange).await.unwrap().set_cookie, None);
    let exchange = node.exchange();
    exchange.open(browser, Access::ReadWrite).await.unwrap();
    let session = Session::new(exchange.clone());
    assert!(session.is_new());
    session.insert("n", &1).unwrap();
    let error = answer(&exchange).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::UnknownKey);
    assert_eq!((error.status(), error.retry_after()), (503, Some(SECOND)));
}

#[tokio::test]
async fn a_cookie_of_a_key_that_cannot_be_judged_is_neither_used_nor_replaced() {
    let (file, world, node, browser) = behind().await;
    let elsewhere = file.path.with_extension("away");
    fs::rename(&file.path, &elsewhere).unwrap();
    undecided(&node, &browser).await;
    fs::rename(&elsewhere, &file.path).unwrap();
    undecided(&node, &browser).await;
    world.clock.advance(5 * SECOND);
    let visit = browser.open(&node, Access::ReadWrite).await.unwrap();
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(0), "the ring is back");
}

#[tokio::test]
async fn a_cookie_of_a_key_that_nobody_has_is_dead() {
    let (ours, theirs) = two_keys();
    let file = RingFile::new(&[live(&ours, FIRST, None)]);
    let world = world(&file);
    let other_farm = RingFile::new(&[live(&theirs, FIRST, None)]);
    let elsewhere = self::world(&other_farm);
    let mut browser = elsewhere.visitor().await;
    let visit = world.visit(&browser).await;
    assert!(visit.is_new());
    visit.insert("n", &2).unwrap();
    assert!(visit.answer(&mut browser).await.set_cookie.is_some());
    assert_eq!(world.number(&browser, "n").await, Some(2));
}

#[tokio::test]
async fn known_cookies_are_used_whatever_else_is_in_the_header() {
    let (file, world, node, newer) = behind().await;
    let mut browser = Browser::default();
    let visit = browser.open(&node, Access::ReadWrite).await.unwrap();
    visit.insert("n", &7).unwrap();
    visit.answer(&mut browser).await;
    fs::remove_file(&file.path).unwrap();
    drop(world);
    let lines = [newer.line.unwrap(), browser.line.unwrap()];
    let both = Browser {
        line: Some(lines.join("; ")),
    };
    let visit = both.open(&node, Access::ReadWrite).await.unwrap();
    assert_eq!(visit.get::<i64>("n").unwrap(), Some(7));
    assert_eq!(kind(visit.get::<String>("n")), SessionErrorKind::Decode);
}
