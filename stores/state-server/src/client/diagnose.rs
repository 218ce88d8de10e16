//! Why nobody answers at an address of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};

/// Whether `refused` is an address of this machine, other than loopback, and somebody listens
/// on loopback at the same port.
pub(super) async fn answers_on_loopback_only(refused: SocketAddr) -> bool {
    if refused.ip().is_loopback() || !is_ours(refused.ip()).await {
        return false;
    }
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for address in loopback {
        if TcpStream::connect((address, refused.port())).await.is_ok() {
            return true;
        }
    }
    false
}

/// Whether this machine has the address: only then a socket can be bound to it.
async fn is_ours(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).await.is_ok()
}
