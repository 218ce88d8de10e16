//! A response that tries to write when its head has been sent.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use session_core::{Session, SessionError, SessionErrorKind};

use crate::actions::Delay;

/// The chunks of a body: one at once, and after `delay` one that tells what became of each
/// attempt to change the session.
pub(crate) fn chunks(
    session: Session,
    delay: Delay,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
    stream::unfold(Step::First(session), move |step| async move {
        match step {
            Step::First(session) => Some((Ok(Bytes::from("head\n")), Step::Late(session))),
            Step::Late(session) => {
                delay.pass().await;
                Some((Ok(attempts(&session).into()), Step::End))
            }
            Step::End => None,
        }
    })
}

enum Step {
    First(Session),
    Late(Session),
    End,
}

fn attempts(session: &Session) -> String {
    let insert = outcome(session.insert("late", "1"));
    let renew = outcome(session.renew());
    let destroy = outcome(session.destroy());
    format!("insert {insert}\nrenew {renew}\ndestroy {destroy}\n")
}

fn outcome(result: Result<(), SessionError>) -> &'static str {
    match result.map_err(|error| error.kind()) {
        Ok(()) => "accepted",
        Err(SessionErrorKind::TooLate) => "refused",
        Err(_) => "failed",
    }
}
