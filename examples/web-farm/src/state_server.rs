//! The state server: the one of the library, as a process of its own. The daemon
//! `session-state-server` has more to set.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use session_store_state_server::server::{
    Durability, Limits, Listening, Persistence, Server, Tokens,
};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::process;

/// How long what is under way may take.
const DRAIN: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct StateServerOptions {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where the sessions are kept
    #[arg(long)]
    data_dir: PathBuf,
}

pub(crate) async fn run(options: StateServerOptions) -> Result<(), Box<dyn Error>> {
    process::end_with_parent();
    let stop = process::asked_to_stop()?;
    let persistence = Persistence {
        folder: options.data_dir,
        // A session that was acknowledged survives even kill -9.
        durability: Durability::Sync,
    };
    let open = move || Server::open(Limits::default(), Tokens::default(), &persistence);
    let server = spawn_blocking(open).await??;
    let listener = TcpListener::bind(options.listen).await;
    let listener =
        listener.map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    process::announce(listener.local_addr()?)?;
    let serving = tokio::spawn(server.clone().serve(Listening::Tcp(listener)));
    tokio::select! {
        () = server.tidy() => {}
        () = stop => {}
    }
    server.drain();
    // At once: it will be back in a moment, and clients wait for that.
    server.close_idle();
    let _ = tokio::time::timeout(DRAIN, serving).await;
    Ok(spawn_blocking(move || server.finish()).await??)
}
