//! Writing answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{Connection, Over, scratch};
use crate::server::items::{Full, Purpose};
use crate::server::refusal::Refusal;
use crate::server::room::Room;
use crate::server::timer::{Elapsed, Timer};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Writes what there is to write. What the client does not take at once counts against the
    /// cap on memory.
    pub(super) async fn write(&mut self) -> Result<(), Over> {
        self.state.let_go(&mut self.out).await;
        let buffer = std::mem::take(&mut self.out.buffer);
        let large = self.out.large.take();
        self.state.metrics.add_responses(self.out.take_counts());
        let stream = &mut self.stream;
        let taken =
            std::future::poll_fn(|context| Poll::Ready(write_now(stream, &buffer, context)));
        let taken = taken.await?;
        let rest = buffer[taken..].to_vec();
        scratch::return_output(buffer);
        let _room = self.room_to_wait(rest.len())?;
        let write = async {
            self.stream.write_all(&rest).await?;
            if let Some(large) = large {
                self.stream.write_all(&large).await?;
            }
            // TLS keeps some back.
            self.stream.flush().await
        };
        let limit = self.state.limits.frame_timeout;
        let mut timer = Timer::default();
        let written = timer.within(&*self.state.clock, limit, write).await;
        Ok(written.map_err(|Elapsed| Over)??)
    }

    /// Room for what the client did not take at once, which is most often nothing.
    fn room_to_wait(&self, length: usize) -> Result<Option<Room>, Over> {
        if length == 0 {
            return Ok(None);
        }
        let room = Room::take(&self.state, Purpose::Connections, length);
        room.map(Some).map_err(|Full| {
            self.state.metrics.refused(Refusal::Memory);
            Over
        })
    }
}

/// Writes as much as is taken without waiting; how much that was.
fn write_now(
    stream: &mut (impl AsyncWrite + Unpin),
    buffer: &[u8],
    context: &mut Context<'_>,
) -> io::Result<usize> {
    let mut taken = 0;
    while taken < buffer.len() {
        match Pin::new(&mut *stream).poll_write(context, &buffer[taken..]) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(length) => taken += length?,
            Poll::Pending => break,
        }
    }
    Ok(taken)
}
