//! What cases stand on: farms, browsers, and raw connections.

mod answer;
mod backend;
mod browser;
mod farm;
mod fault_proxy;
mod instance;
pub(crate) mod secrets;
mod settings;
mod site;
pub(crate) mod wire;

pub(crate) use self::answer::Answer;
pub(crate) use self::backend::Store;
pub(crate) use self::browser::Browser;
pub(crate) use self::farm::{Combination, Farm};
pub(crate) use self::fault_proxy::{FaultProxy, Way};
pub(crate) use self::instance::{Instance, Refused};
pub(crate) use self::settings::Settings;
pub(crate) use self::site::Site;

/// The session cookie's name, unless a case configures another one.
pub(crate) const COOKIE: &str = "session";
