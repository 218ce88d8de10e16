//! [`ResponseFuture`]: the handler, and then the commit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;
use session_core::{Commit, Exchange, Finish, ResponseHeaders};

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
        committing: Option<(Commit, Exchange, Response<B>)>,
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
            let response = ready!(this.inner.poll(context))?;
            let Some(exchange) = this.exchange.take() else {
                return Poll::Ready(Ok(response));
            };
            match exchange.0.finish() {
                Finish::Done(headers) => return Poll::Ready(Ok(applied(headers, response))),
                Finish::Commit(commit) => {
                    *this.committing = Some((commit, exchange.0.clone(), response));
                }
            }
        }
        poll_commit(this.committing, context).map(Ok)
    }
}

fn poll_commit<B: Default>(
    committing: &mut Option<(Commit, Exchange, Response<B>)>,
    context: &mut Context<'_>,
) -> Poll<Response<B>> {
    let Some((commit, ..)) = committing else {
        return Poll::Pending;
    };
    let committed = ready!(Pin::new(commit).poll(context));
    let Some((_, exchange, response)) = committing.take() else {
        return Poll::Pending;
    };
    Poll::Ready(match committed {
        Ok(headers) => applied(headers, response),
        Err(error) => {
            let response = Error::from(error).response();
            match exchange.finish() {
                Finish::Done(headers) => applied(headers, response),
                Finish::Commit(_) => response,
            }
        }
    })
}

fn applied<B>(headers: ResponseHeaders, mut response: Response<B>) -> Response<B> {
    apply(headers, response.headers_mut());
    response
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("committing", &self.committing.is_some())
            .finish_non_exhaustive()
    }
}
