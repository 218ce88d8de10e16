//! What a session layer asks of its store, put to our server and to Redis; and the least that a
//! round trip can be.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use session_core::{
    Create, LeaseUse, Lifetime, Load, Record, Revision, Save, SessionStore, StoreKey, Timestamp,
};
use session_store_state_server::StateServerStore;

use super::echo::Echo;
use crate::instance::Failure;

const LIFETIME: Lifetime = Lifetime {
    idle: Duration::from_secs(1_200),
    absolute: Duration::from_secs(86_400),
};

/// How long an answer may take: a busy machine is no reason to give up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Saves if the revision, which stands in front of the value, is the expected one. The key, the
/// revision, revision and value together, milliseconds.
const SAVE: &str = "\
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

/// Both are cheap to copy and share their connections.
#[derive(Clone)]
pub enum Client {
    Ours(Arc<StateServerStore>),
    Redis(Redis),
    Echo(Echo),
}

#[derive(Clone)]
pub struct Redis {
    connection: MultiplexedConnection,
    /// The name under which the server knows [`SAVE`].
    save: Arc<str>,
}

impl Client {
    /// With the settings that it has by itself, but for its patience.
    pub fn ours(url: String) -> Result<Self, Failure> {
        let builder = StateServerStore::builder(&url)?;
        let store = builder.operation_timeout(PATIENCE).build();
        Ok(Self::Ours(Arc::new(store)))
    }

    pub async fn redis(url: String) -> Result<Self, Failure> {
        let client = redis::Client::open(url)?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connection.await?;
        let mut load = redis::cmd("SCRIPT");
        let save: String = load
            .arg("LOAD")
            .arg(SAVE)
            .query_async(&mut connection)
            .await?;
        Ok(Self::Redis(Redis {
            connection,
            save: save.into(),
        }))
    }

    /// Adds a session at its first revision.
    pub async fn create(&self, key: StoreKey, payload: &Bytes) -> Result<(), Failure> {
        match self {
            Self::Ours(store) => {
                let created = Arc::clone(store).create(key, record(payload), LIFETIME);
                match created.await? {
                    Create::Created(_) => Ok(()),
                    Create::AlreadyExists => Err("a key is taken".into()),
                }
            }
            Self::Redis(redis) => redis.create(key, payload).await,
            Self::Echo(_) => Ok(()),
        }
    }

    /// Reads a session, whose payload has `length` bytes.
    pub async fn read(&self, key: StoreKey, length: usize) -> Result<(), Failure> {
        let found = match self {
            Self::Ours(store) => match Arc::clone(store).load(key).await? {
                Load::Found(found) => found.record.payload.len(),
                other => return Err(format!("{other:?}").into()),
            },
            Self::Redis(redis) => redis.read(key).await?,
            Self::Echo(echo) => return echo.ask().await,
        };
        match found == length {
            true => Ok(()),
            false => Err(format!("{found} bytes instead of {length}").into()),
        }
    }

    /// Saves a session that is at `revision`, which then is the next.
    pub async fn write(
        &self,
        key: StoreKey,
        revision: Revision,
        payload: &Bytes,
    ) -> Result<(), Failure> {
        match self {
            Self::Ours(store) => {
                let store = Arc::clone(store);
                let saved = store.save(key, revision, record(payload), LIFETIME, LeaseUse::None);
                match saved.await? {
                    Save::Saved(_) => Ok(()),
                    other => Err(format!("{other:?}").into()),
                }
            }
            Self::Redis(redis) => redis.write(key, revision, payload).await,
            Self::Echo(echo) => echo.ask().await,
        }
    }
}

impl Redis {
    async fn create(&self, key: StoreKey, payload: &Bytes) -> Result<(), Failure> {
        let mut set = redis::cmd("SET");
        set.arg(key.as_bytes())
            .arg(value(Revision::FIRST, payload))
            .arg("NX")
            .arg("PX")
            .arg(millis());
        Ok(set.query_async(&mut self.connection.clone()).await?)
    }

    async fn read(&self, key: StoreKey) -> Result<usize, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(key.as_bytes());
        let value: Vec<u8> = get.query_async(&mut self.connection.clone()).await?;
        Ok(value.len().saturating_sub(8))
    }

    async fn write(
        &self,
        key: StoreKey,
        revision: Revision,
        payload: &Bytes,
    ) -> Result<(), Failure> {
        let mut save = redis::cmd("EVALSHA");
        save.arg(&*self.save)
            .arg(1)
            .arg(key.as_bytes())
            .arg(&revision.get().to_be_bytes())
            .arg(value(revision.next(), payload))
            .arg(millis());
        let saved: u8 = save.query_async(&mut self.connection.clone()).await?;
        match saved {
            1 => Ok(()),
            _ => Err("a write was stale".into()),
        }
    }
}

fn record(payload: &Bytes) -> Record {
    Record {
        payload: payload.clone(),
        labels: Bytes::new(),
        principal: None,
        created: Timestamp::from_millis(1_700_000_000_000),
        deadline: Timestamp::from_millis(1_700_086_400_000),
    }
}

fn value(revision: Revision, payload: &[u8]) -> Vec<u8> {
    [&revision.get().to_be_bytes(), payload].concat()
}

fn millis() -> u64 {
    LIFETIME.idle.as_secs() * 1_000
}
