//! The proxy: requests go to the instances in turn. There is no stickiness, because sessions
//! need none.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{StatusCode, Version};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::control;
use super::farm::Farm;
use super::member::Admitted;
use super::table;
use crate::upstream::{self, Failed};

/// How long an instance may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(30);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What is meant for the next hop only (RFC 9110, section 7.6.1), with the older names of it.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Serves until no more requests shall be accepted and those that were are answered.
pub(super) async fn serve(listener: TcpListener, farm: Farm) {
    let app = Router::new().nest("/farm", control::routes());
    let app = match farm.setup().first_port {
        // Another one hands requests round, and this is only where its buttons are.
        Some(_) => app,
        None => app
            // For whoever hands requests round, not for visitors.
            .route("/readyz", axum::routing::any(StatusCode::NOT_FOUND))
            .fallback(forward),
    };
    let app = app
        .with_state(farm.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let stopping = async move { farm.stopping().await };
    let served = axum::serve(listener, app)
        .with_graceful_shutdown(stopping)
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the proxy has ended");
    }
}

async fn forward(
    State(farm): State<Farm>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let mut request = for_next_hop(request, peer.ip());
    for admitted in farm.admissions() {
        let answer = timeout(PATIENCE, upstream::send(admitted.address, request)).await;
        request = match answer {
            Ok(Ok(answer)) => return answered(answer, admitted),
            // Nothing was sent, so the next instance may have it, whatever it is.
            Ok(Err(Failed::NotSent(request))) => *request,
            // It may have been carried out, so nobody else may have it.
            Ok(Err(Failed::Broken)) => return failed(StatusCode::BAD_GATEWAY),
            Err(_) => return failed(StatusCode::GATEWAY_TIMEOUT),
        };
    }
    table::nobody_there(&farm)
}

fn failed(status: StatusCode) -> Response {
    let text = match status {
        StatusCode::BAD_GATEWAY => "The instance ended before it had answered.\n",
        _ => "The instance did not answer in time.\n",
    };
    (status, text).into_response()
}

/// The answer for the client. The instance has it in hand until the last byte is through.
fn answered(answer: hyper::Response<Incoming>, admitted: Admitted) -> Response {
    let (mut head, body) = answer.into_parts();
    remove_hop_by_hop(&mut head.headers);
    let body = body.map_frame(move |frame| {
        let _in_hand = &admitted;
        frame
    });
    Response::from_parts(head, Body::new(body))
}

fn for_next_hop(mut request: Request, client: IpAddr) -> Request {
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    remove_hop_by_hop(headers);
    add_forwarded_for(headers, client);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    request
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Appends the client to what other proxies have said.
fn add_forwarded_for(headers: &mut HeaderMap, client: IpAddr) {
    let said = headers.get_all(FORWARDED_FOR).into_iter();
    let said = said.filter_map(|value| value.to_str().ok());
    let mut hops: Vec<String> = said.map(str::to_owned).collect();
    hops.push(client.to_string());
    if let Ok(value) = HeaderValue::try_from(hops.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, FORWARDED_FOR, Request, for_next_hop};

    fn through(headers: &[(&str, &str)]) -> Request {
        let request = Request::get("http://farm.test/cart?tea=1");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        for_next_hop(request.body(Body::empty()).unwrap(), [127, 0, 0, 1].into())
    }

    #[test]
    fn the_next_hop_gets_path_and_query() {
        assert_eq!(through(&[]).uri(), "/cart?tea=1");
    }

    #[test]
    fn headers_for_one_hop_stay_behind() {
        let request = through(&[
            ("connection", "x-once, close"),
            ("x-once", "1"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("cookie", "web-farm=1"),
        ]);
        let left: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(left, ["cookie", "x-forwarded-for", "x-forwarded-proto"]);
    }

    #[test]
    fn the_client_is_appended_to_earlier_hops() {
        let request = through(&[("x-forwarded-for", "10.0.0.7"), ("x-forwarded-for", "::1")]);
        assert_eq!(request.headers()[FORWARDED_FOR], "10.0.0.7, ::1, 127.0.0.1");
    }
}
