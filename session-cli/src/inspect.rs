//! `sessionctl inspect`: when the sessions of a principal began and end.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use session_core::{Listed, PrincipalKey, Ring, SessionStore};

use crate::answer::{Answer, Failure};
use crate::dates::{date, now, span};
use crate::place::{Place, ring};
use crate::stores;

#[derive(Debug, Args)]
pub(crate) struct InspectCommand {
    #[command(flatten)]
    place: Place,
    /// Whose sessions
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// The application's name, where there is no configuration that says it
    #[arg(long, value_name = "NAME", conflicts_with = "config", requires = "url")]
    app: Option<String>,
}

/// Who asks: the application, and its ring where fingerprints can be made.
struct Asking {
    app: String,
    ring: Option<Arc<Ring>>,
}

/// Lists the sessions of a principal. Their payloads and labels are never looked at.
pub(crate) async fn run(command: &InspectCommand) -> Result<Answer, Failure> {
    let store = stores::open(&command.place.store()?)?;
    let asking = asking(command)?;
    let principal = PrincipalKey::derive(&asking.app, &command.principal);
    let sessions = all(&store, principal).await?;
    let mut text = String::new();
    for session in &sessions {
        text.push_str(&line(&asking, session));
    }
    text.push_str(&match sessions.len() {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    });
    let objects: Vec<_> = sessions
        .iter()
        .map(|session| object(&asking, session))
        .collect();
    let json = json!({ "store": store.name(), "app": asking.app, "sessions": objects });
    Ok(Answer::new(text, json))
}

fn asking(command: &InspectCommand) -> Result<Asking, Failure> {
    if let Some(file) = command.place.file()? {
        let ring = ring(&file)?.snapshot();
        return Ok(Asking {
            app: file.session.app().to_owned(),
            ring: Some(ring),
        });
    }
    let app = command.app.clone().ok_or_else(|| {
        Failure::new(
            "whose principal it is depends on the application; add --app NAME, or name its \
             configuration with --config instead of --url",
        )
    })?;
    Ok(Asking { app, ring: None })
}

async fn all(
    store: &Arc<dyn SessionStore>,
    principal: PrincipalKey,
) -> Result<Vec<Listed>, Failure> {
    let mut sessions = Vec::new();
    let mut after = None;
    loop {
        let page = Arc::clone(store).list(principal, after).await?;
        sessions.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            sessions.sort_by_key(|session| session.created);
            return Ok(sessions);
        }
    }
}

fn fingerprint(asking: &Asking, session: &Listed) -> Option<String> {
    let ring = asking.ring.as_ref()?;
    let print = ring.fingerprint(&asking.app, &session.key, now());
    Some(print.to_string())
}

fn line(asking: &Asking, session: &Listed) -> String {
    format!(
        "{}  began {}, ends {} at the latest, and in {} without a request\n",
        fingerprint(asking, session).unwrap_or_else(|| "--------".to_owned()),
        date(session.created),
        date(session.deadline),
        span(session.time_left),
    )
}

fn object(asking: &Asking, session: &Listed) -> Value {
    json!({
        "fingerprint": fingerprint(asking, session),
        "created": date(session.created),
        "deadline": date(session.deadline),
        "time_left_seconds": session.time_left.as_secs(),
        "revision": session.revision.get(),
    })
}
