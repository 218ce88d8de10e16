//! [`ResponseFuture`]: the handler, and then the commit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use session_core::{Commit, Exchange, Finish};

use crate::error::Error;
use crate::headers::apply;

pin_project! {
    /// Answers when the inner service has answered and the session is committed.
    ///
    /// Dropping it before the inner service has answered commits nothing and frees the lease; a
    /// commit that has begun runs to its end.
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: F,
        exchange: Option<Guard>,
        committing: Option<(Commit, Response<B>)>,
    }
}

/// Gives up what a request holds if it goes away without a response.
struct Guard(Exchange);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<F, B> ResponseFuture<F, B> {
    /// Without an exchange the response passes through.
    pub(crate) fn new(inner: F, exchange: Option<Exchange>) -> Self {
        Self {
            inner,
            exchange: exchange.map(Guard),
            committing: None,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.committing.is_none() {
            let mut response = ready!(this.inner.poll(context))?;
            let Some(exchange) = this.exchange.take() else {
                return Poll::Ready(Ok(response));
            };
            match exchange.0.finish() {
                Finish::Done(headers) => {
                    apply(headers, response.headers_mut());
                    return Poll::Ready(Ok(response));
                }
                Finish::Commit(commit) => *this.committing = Some((commit, response)),
            }
        }
        poll_commit(this.committing, context).map(Ok)
    }
}

fn poll_commit<B: Default>(
    committing: &mut Option<(Commit, Response<B>)>,
    context: &mut Context<'_>,
) -> Poll<Response<B>> {
    let Some((commit, _)) = committing else {
        return Poll::Pending;
    };
    let committed = ready!(Pin::new(commit).poll(context));
    let response = committing.take().map(|(_, response)| response);
    Poll::Ready(match (committed, response) {
        (Ok(headers), Some(mut response)) => {
            apply(headers, response.headers_mut());
            response
        }
        (Err(error), _) => Error::from(error).response(),
        (Ok(_), None) => Response::new(B::default()),
    })
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("committing", &self.committing.is_some())
            .finish_non_exhaustive()
    }
}
