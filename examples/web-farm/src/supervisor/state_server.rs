//! The farm's own state server, and its restart.

use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::farm::Farm;
use super::member::Order;
use crate::process::{Process, Signal};

/// How long the server may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before a server that failed is started again.
const PAUSE: Duration = Duration::from_millis(500);

/// The farm's own state server.
#[derive(Debug)]
pub(super) struct StateServer {
    folder: PathBuf,
    address: SocketAddr,
    seen: Mutex<Option<u32>>,
    orders: UnboundedSender<Order>,
    first: Mutex<Option<(Process, UnboundedReceiver<Order>)>>,
}

impl StateServer {
    /// Starts it on a free port, which it keeps from then on.
    pub(super) async fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (process, address) = start(folder, any).await?;
        let (orders, received) = unbounded_channel();
        Ok(Self {
            folder: folder.to_owned(),
            address,
            seen: Mutex::new(Some(process.id())),
            orders,
            first: Mutex::new(Some((process, received))),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("state-server://{}", self.address)
    }

    /// The id of the process, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        *self.seen.lock()
    }

    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Keeps it alive until it is told to stop.
    pub(super) async fn keep(&self, farm: &Farm) {
        let Some((mut process, mut orders)) = self.first.lock().take() else {
            return;
        };
        loop {
            let order = tokio::select! {
                end = process.ended() => {
                    farm.note(format!("the state server {}", end.reason()));
                    None
                }
                order = orders.recv() => Some(order.unwrap_or(Order::Stop)),
            };
            if let Some(order) = order {
                end(&mut process, order).await;
            }
            *self.seen.lock() = None;
            if order == Some(Order::Stop) {
                return;
            }
            process = self.start_again().await;
            *self.seen.lock() = Some(process.id());
            farm.note("the state server is back, with every session");
        }
    }

    async fn start_again(&self) -> Process {
        loop {
            match start(&self.folder, self.address).await {
                Ok((process, _)) => return process,
                Err(error) => tracing::error!(%error, "the state server does not start"),
            }
            sleep(PAUSE).await;
        }
    }
}

async fn start(folder: &Path, listen: SocketAddr) -> Result<(Process, SocketAddr), Box<dyn Error>> {
    let mut process = Process::start("state server".to_owned(), arguments(folder, listen))?;
    match process.address().await {
        Some(address) => Ok((process, address)),
        None => Err(process.ended().await.reason().into()),
    }
}

fn arguments(folder: &Path, listen: SocketAddr) -> [OsString; 5] {
    let data = folder.join("state-server");
    let listen = listen.to_string();
    let words = ["state-server", "--listen", &listen, "--data-dir"].map(OsString::from);
    let [role, flag, address, data_dir] = words;
    [role, flag, address, data_dir, data.into()]
}

async fn end(process: &mut Process, order: Order) {
    process.signal(match order {
        Order::Kill => Signal::KILL,
        _ => Signal::TERM,
    });
    if timeout(PATIENCE, process.ended()).await.is_err() {
        process.signal(Signal::KILL);
        let _ = process.ended().await;
    }
}
