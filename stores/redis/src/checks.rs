//! What has to hold before a server may keep sessions.

use redis::Value;
use redis::aio::MultiplexedConnection;
use session_core::StoreErrorKind;

use crate::address::Address;
use crate::call::Call;
use crate::fault::Fault;
use crate::settings::{Deployment, Settings};

/// The oldest version that has what the scripts need (`SET … PXAT`).
const OLDEST: (u32, u32) = (6, 2);

/// Asks the server what it is. Refuses a replica, an old version, a deployment other than the
/// URL says, and an eviction policy that could hit sessions.
pub(crate) async fn check(
    settings: &Settings,
    address: &Address,
    connection: &mut MultiplexedConnection,
) -> Result<(), Fault> {
    let mut pipeline = redis::pipe();
    for section in ["server", "memory", "replication", "cluster"] {
        pipeline.cmd("INFO").arg(section);
    }
    pipeline.cmd("CONFIG").arg("GET").arg("maxmemory-policy");
    let answers = connection.send_packed_commands(&pipeline, 0, pipeline.len());
    let answers = answers
        .await
        .map_err(|error| Fault::connecting(address, &error))?;
    let facts = Facts::read(&answers);
    facts.judge(settings, address)
}

/// What a server says of itself; what it keeps to itself is missing.
#[derive(Debug, Default)]
struct Facts {
    version: Option<String>,
    role: Option<String>,
    is_cluster: Option<bool>,
    max_memory: Option<u64>,
    policy: Option<String>,
    is_loading: bool,
}

impl Facts {
    fn read(answers: &[Value]) -> Self {
        let info: String = answers.iter().take(4).filter_map(text).collect();
        let field = |name: &str| {
            let mut lines = info.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.trim().to_owned())
        };
        // `CONFIG` may be blocked; then `INFO` says it.
        let policy = answers.get(4).and_then(config_value);
        let is_loading = answers
            .iter()
            .any(|answer| matches!(answer, Value::ServerError(error) if error.code() == "LOADING"));
        Self {
            version: field("redis_version"),
            role: field("role"),
            is_cluster: field("cluster_enabled").map(|value| value == "1"),
            max_memory: field("maxmemory").and_then(|value| value.parse().ok()),
            policy: policy.or_else(|| field("maxmemory_policy")),
            is_loading,
        }
    }

    fn judge(&self, settings: &Settings, address: &Address) -> Result<(), Fault> {
        if self.is_loading {
            let message = format!("{address}: the server is still loading its data");
            return Err(Fault::passing(StoreErrorKind::Unavailable, message));
        }
        // A replica in a cluster sends everybody to its primary.
        let is_replica = self.role.as_deref().is_some_and(|role| role != "master");
        if is_replica && settings.deployment != Deployment::Cluster {
            let message = format!(
                "{address}: this is a replica; name the primary in store.url, or use \
                 redis-sentinel:// to follow it"
            );
            return Err(Fault::passing(StoreErrorKind::Refused, message));
        }
        let refusal = self
            .too_old()
            .or_else(|| self.other_deployment(settings.deployment))
            .or_else(|| self.evicting(settings));
        match refusal {
            Some(message) => {
                let message = format!("{address}: {message}");
                Err(Fault::lasting(StoreErrorKind::Refused, message))
            }
            None => Ok(()),
        }
    }

    fn too_old(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        let mut parts = version.split('.').map_while(|part| part.parse().ok());
        let found = (parts.next()?, parts.next()?);
        (found < OLDEST).then(|| {
            let (major, minor) = OLDEST;
            format!("the server is version {version}; upgrade it to {major}.{minor} or later")
        })
    }

    fn other_deployment(&self, expected: Deployment) -> Option<String> {
        let message = match (self.is_cluster?, expected) {
            (true, Deployment::Single | Deployment::Sentinel) => {
                "this server is part of a cluster; write redis-cluster:// in store.url"
            }
            (false, Deployment::Cluster) => {
                "this server is not part of a cluster; write redis:// in store.url"
            }
            _ => return None,
        };
        Some(message.to_owned())
    }

    /// All our keys have an end of life, so a `volatile` policy hits them as well. Without a
    /// limit on memory no policy acts.
    fn evicting(&self, settings: &Settings) -> Option<String> {
        if settings.allow_eviction || self.max_memory == Some(0) {
            return None;
        }
        match self.policy.as_deref() {
            Some("noeviction") => None,
            Some(policy) => Some(format!(
                "maxmemory-policy is {policy}, which ends sessions when memory runs short; set \
                 it to noeviction, or set store.allow_eviction to accept that"
            )),
            None => Some(
                "the server does not tell its maxmemory-policy; let our user call INFO or CONFIG \
                 GET, or set store.allow_eviction if you know that it evicts nothing"
                    .to_owned(),
            ),
        }
    }
}

fn text(answer: &Value) -> Option<String> {
    match answer {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        _ => None,
    }
}

fn config_value(answer: &Value) -> Option<String> {
    match answer {
        Value::Map(pairs) => pairs.first().and_then(|(_, value)| text(value)),
        Value::Array(items) => items.get(1).and_then(text),
        _ => None,
    }
}

/// Sends a call that administrators make, outside of the operations on sessions.
pub(crate) async fn ask(
    address: &Address,
    connection: &mut MultiplexedConnection,
    call: Call,
) -> Result<Vec<Value>, Fault> {
    use crate::fault::{Broken, Refusal};

    call.send(connection).await.map_err(|broken| match broken {
        Broken::Cut(text) => Fault::cut(address, &text),
        Broken::Refused(Refusal::Never(kind, text)) => {
            Fault::lasting(kind, format!("{address}: {text}"))
        }
        Broken::Refused(_) => {
            let message = format!("{address}: the server cannot answer now");
            Fault::passing(StoreErrorKind::Unavailable, message)
        }
    })
}
