//! The URL of `[store]`.

use session_core::{ConfigError, StoreConfig};

use crate::address::Address;
use crate::options::{bad_escape, unescape};
use crate::secret::Secret;
use crate::settings::{Deployment, Login};

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

const EXAMPLES: &str = "write for example redis://host:6379/0, rediss://user:password@host, \
                        redis-cluster://host1,host2 or redis-sentinel://host1,host2/mymaster";

/// What the URL says without its query.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) deployment: Deployment,
    pub(crate) tls: bool,
    pub(crate) servers: Vec<Address>,
    pub(crate) login: Login,
    pub(crate) service: String,
}

impl Location {
    pub(crate) fn read(config: &StoreConfig, place: &str) -> Result<Self, ConfigError> {
        let wrong = |wrong: &str| config.error("url", wrong, EXAMPLES);
        let (scheme, rest) = place.split_once("://").ok_or_else(|| wrong("not a URL"))?;
        let (deployment, tls) =
            kind(scheme).ok_or_else(|| wrong("not the URL of a Redis or Valkey server"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (user, hosts),
            None => ("", authority),
        };
        let port = match deployment {
            Deployment::Sentinel => SENTINEL_PORT,
            Deployment::Single | Deployment::Cluster => PORT,
        };
        let servers: Result<Vec<_>, _> = hosts
            .split(',')
            .map(|host| Address::parse(host.trim(), port))
            .collect();
        let servers = servers.map_err(wrong)?;
        if deployment == Deployment::Single && servers.len() > 1 {
            return Err(wrong(
                "several servers that are no cluster and have no sentinels",
            ));
        }
        let (service, database) = path_parts(deployment, path).map_err(wrong)?;
        Ok(Self {
            deployment,
            tls,
            servers,
            login: login(config, user, database)?,
            service: service.to_owned(),
        })
    }
}

fn kind(scheme: &str) -> Option<(Deployment, bool)> {
    let (brand, deployment) = match scheme.split_once('-') {
        None => (scheme, Deployment::Single),
        Some((brand, "cluster")) => (brand, Deployment::Cluster),
        Some((brand, "sentinel")) => (brand, Deployment::Sentinel),
        Some(_) => return None,
    };
    match brand {
        "redis" | "valkey" => Some((deployment, false)),
        "rediss" | "valkeys" => Some((deployment, true)),
        _ => None,
    }
}

/// The name of the primary and the number of the database.
fn path_parts(deployment: Deployment, path: &str) -> Result<(&str, i64), &'static str> {
    let (service, database) = match deployment {
        Deployment::Sentinel => path.split_once('/').unwrap_or((path, "")),
        Deployment::Single | Deployment::Cluster => ("", path),
    };
    if deployment == Deployment::Sentinel && service.is_empty() {
        return Err("sentinels without the name of the primary that they watch");
    }
    let database = match database.trim_end_matches('/') {
        "" => 0,
        digits => match digits.parse() {
            Ok(number) if (0..=65_535).contains(&number) => number,
            _ => return Err("a database that is not a number"),
        },
    };
    if deployment == Deployment::Cluster && database != 0 {
        return Err("a database number, of which a cluster has only 0");
    }
    Ok((service, database))
}

/// What stands before the `@`: nothing, `user:password`, or `:password`.
fn login(config: &StoreConfig, text: &str, database: i64) -> Result<Login, ConfigError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let clear = |part: &str| {
        let clear = unescape(part).ok_or_else(|| bad_escape(config, "user or password"))?;
        Ok(Some(clear).filter(|text| !text.is_empty()))
    };
    Ok(Login {
        user: clear(user)?,
        password: clear(password)?.map(Secret::new),
        database,
    })
}
