//! The supervisor: starts the farm's processes, holds the proxy and the buttons, and stops
//! everything.

mod control;
mod events;
mod farm;
mod keeper;
mod member;
mod proxy;
mod snapshot;
mod state_server;
mod table;

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use session_core::KeyRing;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::farm::{Farm, Setup};
use self::state_server::StateServer;
use crate::{process, store};

/// Where ring and data are if sessions outlive the farm; in the working directory.
const LASTING_FOLDER: &str = "web-farm-data";

/// How long the first page waits for the instances.
const START: Duration = Duration::from_secs(10);
/// How long requests may go on when the farm is stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// How long processes may take to stop.
const STOP: Duration = Duration::from_secs(8);

#[derive(Debug, clap::Args)]
pub(crate) struct FarmOptions {
    /// How many instances of the shop to start
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    instances: u16,

    /// Where the sessions are, such as state-server://127.0.0.1:42424; without this flag the farm
    /// has a state server of its own
    #[arg(long, value_name = "URL")]
    store: Option<String>,

    /// The port on this machine; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Leave the proxy out, for a load balancer of your own: instances listen from this port on
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_500))]
    first_port: Option<u16>,

    /// The folder of the key ring and of the state server's data. Default: a new one that is
    /// removed at the end; with --store ./web-farm-data
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
}

pub(crate) async fn run(options: FarmOptions) -> Result<(), Box<dyn Error>> {
    let stop = process::asked_to_stop()?;
    let listener = listen(options.port).await?;
    let folder = Folder::of(&options)?;
    let farm = prepare(&options, &folder, listener.local_addr()?).await?;
    farm.start(options.instances);
    let serving = tokio::spawn(proxy::serve(listener, farm.clone()));
    tokio::pin!(stop);
    tokio::select! {
        () = farm.wait_until_ready(START) => {
            explain(&farm, &folder);
            stop.await;
        }
        () = &mut stop => {}
    }
    // Who stops twice is in a hurry; the other processes end with this one.
    let hurry = process::asked_to_stop()?;
    tokio::select! {
        () = end(farm, serving) => {}
        () = hurry => {}
    }
    Ok(())
}

/// Others on the network must not find buttons that kill processes, so this is always loopback.
async fn listen(port: u16) -> Result<TcpListener, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; choose another port with --port")
    })
}

async fn prepare(
    options: &FarmOptions,
    folder: &Folder,
    address: SocketAddr,
) -> Result<Farm, Box<dyn Error>> {
    let ring = folder.path().join("machine-key.toml");
    let keys = KeyRing::open_or_create(&ring)?;
    let (store, state_server) = match &options.store {
        Some(url) => (url.clone(), None),
        None => {
            let server = StateServer::start(folder.path()).await?;
            (server.url(), Some(server))
        }
    };
    // A wrong URL is told here, once, and not by every instance.
    let _store = store::open(&store)?;
    let setup = Setup {
        address,
        store,
        ring,
        stranger_ring: folder.path().join("another-machine-key.toml"),
        first_port: options.first_port,
    };
    Ok(Farm::new(setup, keys, state_server))
}

async fn end(farm: Farm, serving: tokio::task::JoinHandle<()>) {
    farm.stop_accepting();
    let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
    let _ = tokio::time::timeout(STOP, farm.stop()).await;
}

fn explain(farm: &Farm, folder: &Folder) {
    let setup = farm.setup();
    let what = match setup.first_port {
        None => format!("The web farm is running: http://{}/", setup.address),
        Some(port) => format!("The instances are running, on ports from {port} on"),
    };
    let stays = match folder {
        Folder::Lasting(_) => "stay",
        Folder::Temporary(_) => "are removed at the end",
    };
    let folder = folder.path().display();
    let text = format!(
        "{what}  (Ctrl+C stops all of it)\n  - Ring and data are in {folder}, and {stays}.\n"
    );
    // The farm runs even where nobody reads this.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// Where the ring and the state server's data are.
#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    Lasting(PathBuf),
}

impl Folder {
    /// Sessions in somebody else's store outlive the farm, and so must the key that opens them.
    fn of(options: &FarmOptions) -> io::Result<Self> {
        let path = match (&options.folder, &options.store) {
            (Some(path), _) => path.clone(),
            (None, Some(_)) => PathBuf::from(LASTING_FOLDER),
            (None, None) => return TempDir::with_prefix("web-farm-").map(Self::Temporary),
        };
        std::fs::create_dir_all(&path)?;
        // Instances run in the same directory, but a path that says where it is reads better.
        std::path::absolute(path).map(Self::Lasting)
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Lasting(path) => path,
        }
    }
}
