//! Placing a record at a revision above the first.
//!
//! A payload is sealed with its revision, so a session that moves has to keep it, and a server
//! counts from 1. The count therefore climbs under a key that nobody knows, and the last step is
//! the rename to the right one: whoever looks there finds either nothing or the whole record.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use session_core::{LeaseUse, Lifetime, Record, Revision, StoreError, StoreKey};

use super::farm::lane;
use super::outcome::Answer;
use super::request;
use super::server::{Server, Verb};

/// How many steps are on their way at a time.
const STRIDE: u64 = 256;

/// Adds the record at `revision`, which is not the first. `false` if the key is taken.
pub(super) async fn place(
    server: &Server,
    key: &StoreKey,
    revision: Revision,
    record: &Record,
    lifetime: Lifetime,
) -> Result<bool, StoreError> {
    let aside = aside(key);
    let mut reached = 0;
    while reached < revision.get() - 1 {
        let end = (reached + STRIDE).min(revision.get() - 1);
        climb(server, &aside, reached, end).await?;
        reached = end;
    }
    let base = Revision::new(reached).unwrap_or(Revision::FIRST);
    let rename = |out: &mut Vec<u8>| {
        request::rename(out, &aside, key, base, record, lifetime, LeaseUse::None);
    };
    let answer = server.ask(lane(key), Verb::Write, rename).await?;
    match answer.reply.status {
        200 => Ok(true),
        409 => Ok(false),
        _ => Err(answer.unexpected("MOVE of a session that moves")),
    }
}

/// Another key of the same route, which nobody else comes to.
fn aside(key: &StoreKey) -> StoreKey {
    let mut bytes = *key.as_bytes();
    for chunk in bytes[2..].chunks_mut(8) {
        chunk.copy_from_slice(&super::jitter().to_le_bytes()[..chunk.len()]);
    }
    StoreKey::from_bytes(bytes)
}

/// Takes the item from one revision to another.
async fn climb(server: &Server, key: &StoreKey, from: u64, to: u64) -> Result<(), StoreError> {
    let step = |base| {
        let base = Revision::new(base);
        let write = move |out: &mut Vec<u8>| request::climb(out, key, base);
        Box::pin(server.ask(lane(key), Verb::Write, write)) as Step<'_>
    };
    for answer in all((from..to).map(step).collect()).await {
        let answer = answer?;
        if answer.reply.status != 200 {
            return Err(answer.unexpected("PUT beside a session that moves"));
        }
    }
    Ok(())
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<Answer<'a>, StoreError>> + Send + 'a>>;

/// Carries all steps out. They begin in order, and requests of one lane stay in order.
async fn all<'a>(steps: Vec<Step<'a>>) -> Vec<Result<Answer<'a>, StoreError>> {
    let mut steps: Vec<_> = steps.into_iter().map(|step| (step, None)).collect();
    poll_fn(|context| {
        for (step, answer) in &mut steps {
            if answer.is_none()
                && let Poll::Ready(ready) = step.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        match steps.iter().all(|(_, answer)| answer.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    steps.into_iter().filter_map(|(_, answer)| answer).collect()
}
