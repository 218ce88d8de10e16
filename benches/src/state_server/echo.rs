//! What the loopback allows: a round trip between two processes that do nothing with it.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Mutex,
};

use super::process::{Process, again};
use crate::instance::Failure;

/// First argument of a run as the server.
pub const SERVER: &str = "echo-server";

/// About as much as a read of 200 bytes takes on the wire.
const QUESTION: [u8; 128] = [b'?'; 128];
const ANSWER: [u8; 384] = [b'!'; 384];

/// Answers whatever it reads, on as many threads as the state server has.
pub fn server() -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut question = QUESTION;
                while stream.read_exact(&mut question).await.is_ok() {
                    if stream.write_all(&ANSWER).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}

pub struct EchoServer {
    process: Process,
    at: SocketAddr,
}

impl EchoServer {
    pub fn start() -> Result<Self, Failure> {
        let (process, told) = again(SERVER, [""; 0])?;
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line)?;
        let at = line.trim().parse()?;
        Ok(Self { process, at })
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub async fn client(&self) -> Result<Echo, Failure> {
        let stream = TcpStream::connect(self.at).await?;
        stream.set_nodelay(true)?;
        Ok(Echo(Arc::new(Mutex::new(stream))))
    }
}

/// One connection, for one at a time.
#[derive(Clone)]
pub struct Echo(Arc<Mutex<TcpStream>>);

impl Echo {
    pub async fn ask(&self) -> Result<(), Failure> {
        let mut stream = self.0.lock().await;
        stream.write_all(&QUESTION).await?;
        let mut answer = ANSWER;
        stream.read_exact(&mut answer).await?;
        Ok(())
    }
}
