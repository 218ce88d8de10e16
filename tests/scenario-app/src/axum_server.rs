//! The routes over axum.

mod debug;
mod life;
mod locks;
mod probes;
mod responses;
mod values;

use std::io;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::serve::ListenerExt as _;
use session_axum::SessionLayer;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::application::Application;
use crate::shutdown;

/// Serves until the process is asked to stop and every request is answered.
pub(crate) async fn serve(listener: TcpListener, application: Application) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(application))
        .with_graceful_shutdown(shutdown::asked()?)
        .await
}

/// A panic must reach the session layer as one, so that nothing is committed: what makes a
/// response of it stands outside.
fn router(application: Application) -> Router {
    let sessions = SessionLayer::from(application.engine().clone());
    Router::new()
        .merge(values::routes())
        .merge(life::routes())
        .merge(locks::routes())
        .merge(responses::routes())
        .merge(probes::routes())
        .nest("/debug", debug::routes())
        .layer(sessions)
        .layer(CatchPanicLayer::new())
        .layer(TraceLayer::new_for_http().make_span_with(request_span))
        .with_state(application)
}

/// Values stand in the paths of this application, so the log has the route instead.
fn request_span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}
