//! Two requests on one session, interleaved by hand.

use session_core::{Key, OnConflict, SessionErrorKind};

use crate::support::{Browser, HOUR, MINUTE, Visit, World, kind};

/// Two requests of one visitor, both after their load.
async fn two(world: &World, browser: &Browser) -> (Visit, Visit) {
    (world.visit(browser).await, world.visit(browser).await)
}

async fn commits(visit: &Visit) {
    let headers = visit.finish().await.unwrap();
    assert_eq!(headers.set_cookie, None);
}

async fn conflicts(visit: &Visit) {
    let error = visit.finish().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Conflict, "{error}");
    assert_eq!(error.status(), 409);
}

#[tokio::test]
async fn n01_writes_of_different_keys_are_both_kept() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("a", &1).unwrap();
    b.insert("b", &2).unwrap();
    commits(&a).await;
    commits(&b).await;
    assert_eq!(world.number(&browser, "a").await, Some(1));
    assert_eq!(world.number(&browser, "b").await, Some(2));
}

#[tokio::test]
async fn n02_updates_of_one_key_are_both_counted() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    assert_eq!(a.increment("n", 1).unwrap(), 1);
    assert_eq!(b.update("n", |n: i64| n + 10).unwrap(), 10, "provisional");
    commits(&a).await;
    commits(&b).await;
    assert_eq!(world.number(&browser, "n").await, Some(11));
}

#[tokio::test]
async fn n02_a_commit_makes_what_an_update_returned_final() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.increment("n", 1).unwrap();
    a.commit().await.unwrap();
    b.increment("n", 1).unwrap();
    b.commit().await.unwrap();
    assert_eq!(b.get::<i64>("n").unwrap(), Some(2));
    commits(&a).await;
    commits(&b).await;
    assert_eq!(world.number(&browser, "n").await, Some(2));
}

#[tokio::test]
async fn n03_a_reader_does_not_clobber_a_writer() {
    let world = World::default();
    let browser = world.visitor().await;
    world.clock.advance(5 * MINUTE);
    let (reader, writer) = two(&world, &browser).await;
    writer.insert("n", &1).unwrap();
    commits(&writer).await;
    commits(&reader).await;
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn of_two_plain_inserts_the_last_wins() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("n", &1).unwrap();
    b.insert("n", &2).unwrap();
    commits(&b).await;
    commits(&a).await;
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn a_key_that_rejects_conflicts_refuses_the_second_insert() {
    const N: Key<i64> = Key::new("n").on_conflict(OnConflict::Reject);
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert(N, &1).unwrap();
    b.insert(N, &2).unwrap();
    b.insert("other", &2).unwrap();
    commits(&a).await;
    conflicts(&b).await;
    assert_eq!(world.number(&browser, "n").await, Some(1));
    assert_eq!(world.number(&browser, "other").await, None, "nothing of it");
}

#[tokio::test]
async fn a_guarded_value_that_changed_refuses_the_commit() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("n", &1).unwrap();
    assert_eq!(b.get_guarded::<i64>("n").unwrap(), Some(0));
    b.insert("m", &1).unwrap();
    commits(&a).await;
    conflicts(&b).await;
    assert_eq!(world.number(&browser, "m").await, None);
}

#[tokio::test]
async fn a_guarded_value_that_is_the_same_lets_the_commit_pass() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("other", &1).unwrap();
    assert_eq!(b.get_guarded::<i64>("n").unwrap(), Some(0));
    b.insert("m", &1).unwrap();
    commits(&a).await;
    commits(&b).await;
    assert_eq!(world.number(&browser, "m").await, Some(1));
}

#[tokio::test]
async fn n14_of_two_that_take_one_gets_it() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    assert_eq!(a.take::<i64>("n").unwrap(), Some(0));
    assert_eq!(b.take::<i64>("n").unwrap(), Some(0));
    commits(&a).await;
    conflicts(&b).await;
}

#[tokio::test]
async fn n14_a_value_that_changed_is_not_taken_unseen() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("n", &1).unwrap();
    assert_eq!(b.take::<i64>("n").unwrap(), Some(0));
    commits(&a).await;
    conflicts(&b).await;
    assert_eq!(
        world.number(&browser, "n").await,
        Some(1),
        "not lost either"
    );
}

#[tokio::test]
async fn an_update_that_refuses_the_newer_value_refuses_the_commit() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    let last_one = |n: i64| (n < 1).then_some(n + 1);
    assert_eq!(a.try_update("n", last_one).unwrap(), Some(1));
    assert_eq!(b.try_update("n", last_one).unwrap(), Some(1));
    commits(&a).await;
    conflicts(&b).await;
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn n07_a_write_to_a_session_that_was_renewed_is_told() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (writer, renewer) = two(&world, &browser).await;
    writer.insert("n", &1).unwrap();
    renewer.renew().unwrap();
    renewer.answer(&mut browser).await;
    conflicts(&writer).await;
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn n07_a_write_that_came_first_moves_with_the_renew() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (writer, renewer) = two(&world, &browser).await;
    writer.insert("n", &1).unwrap();
    renewer.renew().unwrap();
    commits(&writer).await;
    renewer.answer(&mut browser).await;
    assert_eq!(world.number(&browser, "n").await, Some(1));
}

#[tokio::test]
async fn n07_of_two_renews_the_second_is_refused() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.renew().unwrap();
    b.log_in("ada").unwrap();
    a.answer(&mut browser).await;
    conflicts(&b).await;
    assert_eq!(world.number(&browser, "n").await, Some(0));
}

#[tokio::test]
async fn c34_a_late_write_with_the_old_cookie_after_a_renew_is_refused() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let old = browser.clone();
    world
        .change(&mut browser, |visit| visit.renew().unwrap())
        .await;
    let late = world.visit(&old).await;
    assert!(late.is_new(), "anonymous");
    late.insert("n", &1).unwrap();
    conflicts(&late).await;
}

#[tokio::test]
async fn n04_c32_a_write_to_a_session_that_was_ended_is_dropped() {
    let world = World::default();
    let browser = world.visitor().await;
    let (writer, leaver) = two(&world, &browser).await;
    writer.insert("n", &1).unwrap();
    leaver.destroy().unwrap();
    leaver.answer(&mut browser.clone()).await;
    commits(&writer).await;
    assert!(!world.knows(&browser).await);
    let late = world.visit(&browser).await;
    late.insert("n", &2).unwrap();
    commits(&late).await;
    assert!(!world.knows(&browser).await, "no second session either");
}

#[tokio::test]
async fn n04_a_renew_of_a_session_that_was_ended_does_not_revive_it() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (renewer, leaver) = two(&world, &browser).await;
    renewer.renew().unwrap();
    leaver.destroy().unwrap();
    leaver.answer(&mut browser.clone()).await;
    let headers = renewer.answer(&mut browser).await;
    assert_eq!(headers.set_cookie, None);
    assert!(!world.knows(&browser).await);
}

#[tokio::test]
async fn a_logout_of_an_id_that_was_renewed_meanwhile_is_told() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (leaver, renewer) = two(&world, &browser).await;
    leaver.destroy().unwrap();
    renewer.renew().unwrap();
    renewer.answer(&mut browser).await;
    conflicts(&leaver).await;
    assert!(world.knows(&browser).await, "the user must log out again");
}

#[tokio::test]
async fn a_logout_and_a_farewell_of_an_id_that_was_renewed_are_told() {
    let world = World::default();
    let mut browser = world.visitor().await;
    let (leaver, renewer) = two(&world, &browser).await;
    leaver.destroy().unwrap();
    leaver.insert("farewell", &1).unwrap();
    renewer.renew().unwrap();
    renewer.answer(&mut browser).await;
    conflicts(&leaver).await;
}

#[tokio::test]
async fn of_two_logouts_both_succeed() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.destroy().unwrap();
    b.destroy().unwrap();
    a.finish().await.unwrap();
    commits(&b).await;
}

/// Whether a request that only read a session, long enough ago that it extends it, answers with
/// a cookie after `meanwhile`.
async fn reader_answers_with_a_cookie(meanwhile: impl FnOnce(&Visit)) -> bool {
    let world = World::default();
    let mut browser = world.visitor().await;
    world
        .change(&mut browser, |visit| visit.set_persistent(HOUR).unwrap())
        .await;
    world.clock.advance(5 * MINUTE);
    let (reader, other) = two(&world, &browser).await;
    meanwhile(&other);
    other.finish().await.unwrap();
    reader.finish().await.unwrap().set_cookie.is_some()
}

#[tokio::test]
async fn c33_n20_a_slow_reader_brings_no_cookie_back_after_a_logout_or_renew() {
    assert!(reader_answers_with_a_cookie(|_| {}).await);
    let logout = reader_answers_with_a_cookie(|other| other.destroy().unwrap());
    assert!(!logout.await, "after a logout");
    let renew = reader_answers_with_a_cookie(|other| other.renew().unwrap());
    assert!(!renew.await, "after a renew");
}

#[tokio::test]
async fn labels_merge_like_values() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.set_label("device", "phone").unwrap();
    b.set_label("place", "home").unwrap();
    commits(&a).await;
    commits(&b).await;
    let visit = world.visit(&browser).await;
    assert_eq!(visit.label("device").unwrap().as_deref(), Some("phone"));
    assert_eq!(visit.label("place").unwrap().as_deref(), Some("home"));
}

#[tokio::test]
async fn n19_two_first_requests_make_two_sessions() {
    let world = World::default();
    let (mut one, mut two) = (Browser::default(), Browser::default());
    let a = world.visit(&one).await;
    let b = world.visit(&two).await;
    a.insert("n", &1).unwrap();
    b.insert("n", &2).unwrap();
    a.answer(&mut one).await;
    b.answer(&mut two).await;
    assert_ne!(one.line, two.line);
    assert_eq!(world.number(&one, "n").await, Some(1));
    assert_eq!(world.number(&two, "n").await, Some(2));
}

#[tokio::test]
async fn a_commit_without_changes_conflicts_with_nothing() {
    let world = World::default();
    let browser = world.visitor().await;
    let (a, b) = two(&world, &browser).await;
    a.insert("n", &1).unwrap();
    commits(&a).await;
    assert_eq!(b.get_guarded::<i64>("n").unwrap(), Some(0));
    commits(&b).await;
    assert_eq!(kind(b.insert("n", &2)), SessionErrorKind::TooLate);
}
