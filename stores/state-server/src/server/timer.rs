//! The time that a frame may take.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use session_core::Clock;

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs from the first time that a frame has to be waited for until it is complete.
#[derive(Default)]
pub(crate) struct Timer(Option<Sleep>);

/// The time was over.
#[derive(Debug)]
pub(crate) struct Elapsed;

impl Timer {
    /// Begins anew with the next wait.
    pub(crate) fn reset(&mut self) {
        self.0 = None;
    }

    pub(crate) fn poll(
        &mut self,
        clock: &dyn Clock,
        limit: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Elapsed> {
        let sleep = self.0.get_or_insert_with(|| clock.sleep(limit));
        sleep.as_mut().poll(context).map(|()| Elapsed)
    }

    /// What `future` comes to, if it does so in time.
    pub(crate) async fn within<T>(
        &mut self,
        clock: &dyn Clock,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let mut future = pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll(clock, limit, context).map(Err),
        })
        .await
    }
}
