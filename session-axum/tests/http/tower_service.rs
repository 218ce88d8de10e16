//! A plain tower service, without axum.

use std::convert::Infallible;

use axum::http::{Request, Response, StatusCode};
use session_axum::{Error, SessionRequestExt};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::Sessions;

async fn count<B: Sync>(request: &Request<B>) -> Result<String, Error> {
    let session = request.session().await?;
    Ok(session.increment("n", 1)?.to_string())
}

async fn serve(request: Request<String>) -> Result<Response<String>, Infallible> {
    let text = match request.uri().path() {
        "/count" => count(&request).await,
        "/untouched" => Ok("hello".to_owned()),
        _ => alone(request).await,
    };
    Ok(text.map_or_else(
        |error| {
            let mut response = Response::new(format!("{:?}", error.kind()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        },
        Response::new,
    ))
}

async fn alone(request: Request<String>) -> Result<String, Error> {
    let (parts, _) = request.into_parts();
    let exclusive = parts.exclusive_session().await?;
    let live = parts.live_session().await?;
    live.increment("n", 10)?;
    let seen = parts.read_only_session().await?.get::<i64>("n")?;
    exclusive.increment("n", 100)?;
    Ok(seen.unwrap_or(-1).to_string())
}

async fn ask(sessions: &Sessions, path: &str, cookie: &str) -> Response<String> {
    let service = sessions.layer.layer(service_fn(serve));
    let request = Request::get(path).header("cookie", cookie);
    let request = request.body("a body".to_owned()).unwrap();
    service.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_tower_service_has_sessions_through_its_request() {
    let sessions = Sessions::default();
    let first = ask(&sessions, "/count", "").await;
    let cookie = first.headers().get("set-cookie").unwrap();
    assert!(cookie.is_sensitive(), "kept out of logs");
    let cookie = cookie
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(first.body(), "1");
    assert_eq!(ask(&sessions, "/count", &cookie).await.body(), "2");
    sessions.trips();
    assert_eq!(ask(&sessions, "/all", &cookie).await.body(), "12");
    assert_eq!(sessions.trips(), "acquire 1, save 1");
    assert_eq!(ask(&sessions, "/count", &cookie).await.body(), "113");
    sessions.trips();
    ask(&sessions, "/untouched", &cookie).await;
    assert_eq!(sessions.trips(), "");
}

#[tokio::test]
async fn a_service_that_fails_commits_nothing() {
    let sessions = Sessions::default();
    let first = ask(&sessions, "/count", "").await;
    let cookie = first.headers().get("set-cookie").unwrap().to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let fails = service_fn(|request: Request<String>| async move {
        count(&request).await.unwrap();
        Err::<Response<String>, _>("not a response")
    });
    let request = Request::get("/").header("cookie", &cookie);
    let request = request.body(String::new()).unwrap();
    let failed = sessions.layer.layer(fails).oneshot(request).await;
    assert_eq!(failed.unwrap_err(), "not a response");
    assert_eq!(ask(&sessions, "/count", &cookie).await.body(), "2");
}

#[tokio::test]
async fn without_a_layer_the_request_says_so() {
    let request = Request::get("/count").body(String::new()).unwrap();
    let response = serve(request).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.body(), "LayerMissing");
}
