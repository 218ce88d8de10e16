//! The state server: the one of the library, as a process of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use session_store_state_server::server::{Limits, Listening, Server, Tokens};
use tokio::net::TcpListener;

use crate::process;

/// How long connections may take to end.
const DRAIN: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct StateServerOptions {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub(crate) async fn run(options: StateServerOptions) -> Result<(), Box<dyn Error>> {
    process::end_with_parent();
    let stop = process::asked_to_stop()?;
    let listener = TcpListener::bind(options.listen).await;
    let listener =
        listener.map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    process::announce(listener.local_addr()?)?;
    let server = Server::new(Limits::default(), Tokens::default());
    let serving = tokio::spawn(server.clone().serve(Listening::Tcp(listener)));
    tokio::select! {
        () = server.tidy() => {}
        () = stop => {}
    }
    server.drain();
    let _ = tokio::time::timeout(DRAIN, serving).await;
    Ok(())
}
