//! The least that a session layer can do: a plain 128-bit id in the cookie and a typed value in a
//! map of 64 shards. No signature, no serialisation, no sweep; the yardstick, not a library.

use std::{
    array,
    collections::HashMap,
    convert::Infallible,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, Request},
    response::Response,
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{COOKIE, SET_COOKIE},
    request::Parts,
};
use tokio::runtime::Runtime;
use tower_service::Service;

use super::{PROFILE, router};
use crate::instance::{App, Failure, Pending};

const COOKIE_NAME: &str = "id";
const IDLE_TIMEOUT: Duration = Duration::from_secs(20 * 60);

pub fn app(_: &Runtime) -> Result<Box<dyn App>, Failure> {
    let inner = router(get(read), get(update), get(create), get(fill));
    let store = Arc::new(Store::default());
    Ok(Box::new(SessionService { inner, store }))
}

async fn read(session: Session) -> String {
    let n = session.read(|values| values.n).unwrap_or(0);
    n.to_string()
}

async fn update(session: Session) -> String {
    let n = session.write(|values| {
        values.n += 1;
        values.n
    });
    n.to_string()
}

async fn create(session: Session) -> String {
    session.write(|values| values.n = 1);
    1_u64.to_string()
}

async fn fill(session: Session) -> String {
    session.write(|values| {
        values.n = 1;
        values.profile = PROFILE.map(|(_, value)| value.to_owned());
    });
    1_u64.to_string()
}

/// What a session of this application holds.
#[derive(Default)]
struct Values {
    n: u64,
    profile: [String; PROFILE.len()],
}

struct Record {
    deadline: Instant,
    values: Values,
}

type Shard = HashMap<u128, Record, BuildHasherDefault<IdHasher>>;

struct Store([Mutex<Shard>; 64]);

impl Default for Store {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::default()))
    }
}

impl Store {
    fn shard(&self, id: u128) -> MutexGuard<'_, Shard> {
        let shard = &self.0[(id >> 122) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids are random already.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What the handler touches.
#[derive(Clone)]
struct Session(Arc<Handle>);

struct Handle {
    store: Arc<Store>,
    sent: Option<u128>,
    created: OnceLock<u128>,
}

impl Session {
    fn read<T>(&self, read: impl FnOnce(&Values) -> T) -> Option<T> {
        let id = self.0.sent?;
        let shard = self.0.store.shard(id);
        let record = shard.get(&id)?;
        (record.deadline > Instant::now()).then(|| read(&record.values))
    }

    fn write<T>(&self, write: impl FnOnce(&mut Values) -> T) -> T {
        let now = Instant::now();
        if let Some(id) = self.0.sent
            && let Some(record) = self.0.store.shard(id).get_mut(&id)
            && record.deadline > now
        {
            record.deadline = now + IDLE_TIMEOUT;
            return write(&mut record.values);
        }
        let id = *self.0.created.get_or_init(rand::random);
        let mut shard = self.0.store.shard(id);
        let record = shard.entry(id).or_insert_with(|| Record {
            deadline: now + IDLE_TIMEOUT,
            values: Values::default(),
        });
        write(&mut record.values)
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let session = parts.extensions.get::<Self>();
        session.cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[derive(Clone)]
struct SessionService<S> {
    inner: S,
    store: Arc<Store>,
}

impl<S> Service<Request> for SessionService<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pending<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let session = Session(Arc::new(Handle {
            store: self.store.clone(),
            sent: sent_id(request.headers()),
            created: OnceLock::new(),
        }));
        request.extensions_mut().insert(session.clone());
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            if let Some(id) = session.0.created.get() {
                response.headers_mut().append(SET_COOKIE, set_cookie(*id));
            }
            Ok(response)
        })
    }
}

fn sent_id(headers: &HeaderMap) -> Option<u128> {
    let pairs = headers.get(COOKIE)?.to_str().ok()?;
    let value = pairs.split(';').find_map(|pair| {
        let pair = pair.trim_start();
        pair.strip_prefix(COOKIE_NAME)?.strip_prefix('=')
    })?;
    u128::from_str_radix(value, 16).ok()
}

fn set_cookie(id: u128) -> HeaderValue {
    let cookie = format!("{COOKIE_NAME}={id:032x}; HttpOnly; SameSite=Lax; Secure; Path=/");
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}
