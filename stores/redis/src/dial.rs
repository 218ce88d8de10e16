//! Opening connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisConnectionInfo,
};

use crate::address::Address;
use crate::checks;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::settings::{Login, Settings};
use crate::stats::count;

/// How many calls may queue up before a connection; more wait in front of the queue.
const QUEUE: usize = 1_024;

/// A connection that many calls share.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) multiplexed: MultiplexedConnection,
    pub(crate) address: Address,
    closed: Arc<AtomicBool>,
}

impl Connection {
    /// Whether it is known to be of no use any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Gives it up: the next call takes another.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Connects to a primary and makes sure that sessions are safe there.
pub(crate) async fn primary(
    settings: &Settings,
    address: &Address,
    deadline: Moment,
) -> Result<Connection, Fault> {
    let mut connection = open(settings, address, &settings.login, deadline).await?;
    let checked = checks::check(settings, address, &mut connection.multiplexed);
    deadline
        .bound(checked)
        .await
        .map_err(|_| Fault::timed_out(address))??;
    count(&settings.counters.connections_opened);
    Ok(connection)
}

/// Connects to whatever answers there.
pub(crate) async fn open(
    settings: &Settings,
    address: &Address,
    login: &Login,
    deadline: Moment,
) -> Result<Connection, Fault> {
    let client =
        client(settings, address, login).map_err(|error| Fault::connecting(address, &error))?;
    let closed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&closed);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline.left()))
        // Every call has the deadline of its operation, which is one timer less than both.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE)
        .set_push_sender(move |push: PushInfo| -> Result<(), ()> {
            if push.kind == PushKind::Disconnection {
                flag.store(true, Ordering::Release);
            }
            Ok(())
        });
    let opening = client.get_multiplexed_async_connection_with_config(&config);
    let multiplexed = deadline
        .bound(opening)
        .await
        .map_err(|_| Fault::timed_out_connecting(address))?
        .map_err(|error| Fault::connecting(address, &error))?;
    Ok(Connection {
        multiplexed,
        address: address.clone(),
        closed,
    })
}

fn client(settings: &Settings, address: &Address, login: &Login) -> redis::RedisResult<Client> {
    let mut info = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_skip_set_lib_name()
        .set_db(login.database);
    if let Some(user) = &login.user {
        info = info.set_username(user);
    }
    if let Some(password) = &login.password {
        info = info.set_password(password.as_str());
    }
    let (host, port) = (address.host.clone(), address.port);
    let Some(tls) = &settings.tls else {
        let place = ConnectionAddr::Tcp(host, port).into_connection_info()?;
        return Client::open(place.set_redis_settings(info));
    };
    let place = ConnectionAddr::TcpTls {
        host,
        port,
        insecure: false,
        tls_params: None,
    };
    tls.client(place.into_connection_info()?.set_redis_settings(info))
}
