//! Everybody who is compared, behind one form: an application with the same five routes.
//!
//! Each layer is wrapped around the router. `Router::layer` boxes and clones once more; what that
//! costs, one peer that is there in both forms shows.

mod axum_session;
mod bare;
mod floor;
mod ours;
mod ruts;
mod tower_sessions;

pub use self::{bare::app as bare, ours::app_over as ours};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::StatusCode;
use tokio::runtime::Runtime;

use crate::instance::{App, Failure};

pub struct Contestant {
    pub name: &'static str,
    /// Starts the application with an empty store of its own.
    pub app: fn(&Runtime) -> Result<Box<dyn App>, Failure>,
}

/// What every figure is compared with.
pub const BARE: &str = "bare axum";
pub const TOWER_SESSIONS: &str = "tower-sessions";
pub const TOWER_SESSIONS_IN_ROUTER: &str = "tower-sessions by Router::layer";
pub const OURS: &str = "ours";

/// The bare framework stands first: the others' overhead is taken against it.
pub const ALL: &[Contestant] = &[
    Contestant {
        name: BARE,
        app: bare::app,
    },
    Contestant {
        name: "floor",
        app: floor::app,
    },
    Contestant {
        name: OURS,
        app: ours::app,
    },
    Contestant {
        name: TOWER_SESSIONS,
        app: tower_sessions::app,
    },
    Contestant {
        name: TOWER_SESSIONS_IN_ROUTER,
        app: tower_sessions::app_in_router,
    },
    Contestant {
        name: "ruts (moka)",
        app: ruts::app,
    },
    Contestant {
        name: "axum_session",
        app: axum_session::app,
    },
];

pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|contestant| contestant.name)
}

pub fn named(name: &str) -> Option<&'static Contestant> {
    ALL.iter().find(|contestant| contestant.name == name)
}

/// The key that the small cases read and write.
const COUNTER: &str = "n";

/// What `/fill` puts into a session: 200 bytes of keys and values.
const PROFILE: [(&str, &str); 5] = [
    ("name", "Augusta Ada King, Countess of Lovelace"),
    ("email", "ada.lovelace@analytical-engine.example"),
    ("token", "4f1d9c3a7be80256d1a94be37c60f5828a3d17e9"),
    ("locale", "en-GB"),
    ("cart", "7011:1,52290:3,9481:2,120037:1,66254:1,31507:12,88"),
];

/// The routes that every contestant has. Every handler answers with a number.
fn router(
    read: MethodRouter,
    update: MethodRouter,
    create: MethodRouter,
    fill: MethodRouter,
) -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", read)
        .route("/update", update)
        .route("/new", create)
        .route("/fill", fill)
}

async fn untouched() -> String {
    0_u64.to_string()
}

/// Any failure of a session, so that a handler may use `?` whoever's session it is.
struct Rejected(Failure);

impl<E: Into<Failure>> From<E> for Rejected {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::PROFILE;

    #[test]
    fn profile_is_about_two_hundred_bytes() {
        let bytes: usize = PROFILE
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        assert!((190..=210).contains(&bytes), "{bytes} bytes");
    }
}
