//! What routes do with a session, the same for every framework.

use std::time::Duration;

use serde_json::Value;
use session_core::{ReadOnlySession, Session, SessionError};

use crate::answers::Interval;
use crate::monotonic;

/// The query of routes that wait between extracting the session and using it.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub(crate) struct Delay {
    #[serde(default)]
    delay_ms: u64,
}

impl Delay {
    pub(crate) async fn pass(self) {
        if self.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
        }
    }
}

/// The value under `key` as text, whatever its type.
pub(crate) fn value(session: &ReadOnlySession, key: &str) -> Result<Option<String>, SessionError> {
    let value: Option<Value> = session.get(key)?;
    Ok(value.map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

pub(crate) async fn set(
    session: &Session,
    key: &str,
    value: &str,
    delay: Delay,
) -> Result<(), SessionError> {
    delay.pass().await;
    session.insert(key, value)
}

/// The number after counting; provisional, if another request counts at the same time.
pub(crate) async fn increment(
    session: &Session,
    key: &str,
    delay: Delay,
) -> Result<String, SessionError> {
    delay.pass().await;
    let number = session.update(key, |number: u64| number + 1)?;
    Ok(number.to_string())
}

pub(crate) fn leave_flash(session: &Session, text: &str) -> Result<(), SessionError> {
    session.insert(FLASH, text)
}

pub(crate) fn take_flash(session: &Session) -> Result<Option<String>, SessionError> {
    session.take(FLASH)
}

const FLASH: &str = "flash";

pub(crate) fn set_idle_timeout(session: &Session, seconds: u64) -> Result<(), SessionError> {
    session.set_idle_timeout(Duration::from_secs(seconds))
}

/// Zero goes back to a cookie that ends with the browser.
pub(crate) fn set_persistent(session: &Session, seconds: u64) -> Result<(), SessionError> {
    let max_age = (seconds > 0).then(|| Duration::from_secs(seconds));
    session.set_persistent(max_age)
}

/// Does one thing after another: `set`, `renew`, `login` and `destroy`, joined by hyphens.
pub(crate) fn take_steps(session: &Session, steps: &str) -> Result<(), SessionError> {
    for step in steps.split('-') {
        match step {
            "set" => session.insert("step", "1")?,
            "renew" => session.renew()?,
            "login" => session.log_in("stepper")?,
            "destroy" => session.destroy()?,
            _ => {}
        }
    }
    Ok(())
}

/// Holds the session for a while and tells when that was.
pub(crate) async fn hold(delay: Delay) -> Interval {
    let enter_ms = monotonic::now_ms();
    delay.pass().await;
    Interval {
        enter_ms,
        leave_ms: monotonic::now_ms(),
        pid: std::process::id(),
    }
}
