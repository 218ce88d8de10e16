//! Requests to the other processes of the farm, each on a connection of its own.
//!
//! On one machine a connection costs next to nothing, and an idle one that the other side is
//! about to close could swallow a request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was sent, so the request can go elsewhere.
    NotSent(Box<Request>),
    /// Something may have been sent, and there will be no answer to it.
    Broken,
}

/// Sends a request and gives the answer as soon as its head is there.
pub(crate) async fn send(
    address: SocketAddr,
    request: Request,
) -> Result<Response<Incoming>, Failed> {
    let Ok(mut sender) = connect(address).await else {
        return Err(Failed::NotSent(Box::new(request)));
    };
    let answer = sender.try_send_request(request).await;
    answer.map_err(|mut error| match error.take_message() {
        Some(request) => Failed::NotSent(Box::new(request)),
        None => Failed::Broken,
    })
}

async fn connect(address: SocketAddr) -> io::Result<SendRequest<Body>> {
    let stream = timeout(CONNECT, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    let shaken = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(io::Error::other)?;
    // Carries the body of the answer, and ends with it.
    tokio::spawn(connection);
    Ok(sender)
}

/// Asks for a small document.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    patience: Duration,
) -> io::Result<(StatusCode, Bytes)> {
    timeout(patience, fetch(address, path)).await?
}

async fn fetch(address: SocketAddr, path: &str) -> io::Result<(StatusCode, Bytes)> {
    let request = Request::get(path).header(header::HOST, address.to_string());
    let request = request.body(Body::empty()).map_err(io::Error::other)?;
    let broken = |_| io::Error::from(io::ErrorKind::ConnectionReset);
    let answer = send(address, request).await.map_err(broken)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
    Ok((status, body.map_err(io::Error::other)?.to_bytes()))
}
