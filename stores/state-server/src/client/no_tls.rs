//! In place of `tls` in a build without it.

use std::io;

use tokio::net::TcpStream;

/// Does not exist.
#[derive(Clone, Debug)]
pub(super) enum Connector {}

impl Connector {
    pub(super) async fn connect(&self, _host: &str, _stream: TcpStream) -> io::Result<TcpStream> {
        match *self {}
    }
}

/// No error is one of TLS.
pub(super) fn advice(_error: &io::Error) -> Option<&'static str> {
    None
}
