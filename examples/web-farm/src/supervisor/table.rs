//! The farm as a visitor sees it. `html!` escapes every value that it is given.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;
use maud::{Markup, html};

use super::events::Event;
use super::farm::Farm;
use super::member::Phase;
use super::snapshot::{Row, Snapshot, Store};
use crate::page;

/// What the page shows of the farm, and the buttons.
pub(super) fn table(farm: &Snapshot) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Process" } th { "State" } th { "Answers" } th { "Signs with key" }
                    th { span.unseen { "Buttons" } }
                }
            }
            tbody {
                @for row in &farm.instances { (instance(row)) }
                (store(&farm.store))
            }
        }
        div.below {
            div { h3 { "What to try" } (to_try(&farm.store)) }
            div { h3 { "What happened" } (events(&farm.events)) }
        }
    }
}

fn instance(row: &Row) -> Markup {
    html! {
        tr {
            td { (page::chip(&row.name)) (process(row.process)) }
            td data-label="State" {
                span.state data-state=(row.phase.word()) { (row.phase.shown()) }
            }
            td.number data-label="Answers" { @if row.process.is_some() { (row.answers) } }
            td.key data-label="Signs with key" { @if let Some(key) = &row.key { (self::key(key)) } }
            td.actions { div {
                @if let (Some(number), Some(_)) = (row.number, row.process) {
                    (button("recycle", "Recycle", Some(number)))
                    (dangerous("kill", "kill -9", Some(number)))
                }
            } }
        }
        @if let Some(reason) = &row.reason {
            tr.reason { td colspan="5" { (reason) } }
        }
    }
}

/// The id of a key, with a patch of colour: a change is seen before it is read.
fn key(id: &str) -> Markup {
    let hue = id
        .get(..4)
        .and_then(|start| u32::from_str_radix(start, 16).ok());
    let style = format!("--hue: {}", hue.unwrap_or_default() % 360);
    html! { code { span.patch style=(style) {} (id) } }
}

fn store(store: &Store) -> Markup {
    let state = match (store.own, store.process) {
        (true, None) => Phase::Down,
        _ => Phase::Ready,
    };
    html! {
        tr {
            td {
                span.chip.plain-chip { @if store.own { "state server" } @else { (store.kind) } }
                (process(store.process))
            }
            td data-label="State" {
                span.state data-state=(state.word()) {
                    @match (store.own, state) {
                        (false, _) => "not ours",
                        (true, Phase::Down) => "restarting",
                        (true, _) => "running",
                    }
                }
            }
            td.wide colspan="2" { span.quiet { "holds the sessions, sealed" } }
            td.actions { div {
                @if store.own && store.process.is_some() {
                    (button("restart-store", "Restart", None))
                    (dangerous("kill-store", "kill -9", None))
                }
            } }
        }
    }
}

fn process(id: Option<u32>) -> Markup {
    html! { @if let Some(id) = id { span.quiet.pid { "process " (id) } } }
}

fn button(action: &str, text: &str, instance: Option<u16>) -> Markup {
    form("plain", action, text, instance)
}

/// A button that hurts.
fn dangerous(action: &str, text: &str, instance: Option<u16>) -> Markup {
    form("danger", action, text, instance)
}

/// One button, with an id so that it keeps the focus when the table is replaced.
fn form(class: &str, action: &str, text: &str, instance: Option<u16>) -> Markup {
    let id = instance.map_or_else(|| action.to_owned(), |number| format!("{action}-{number}"));
    html! {
        form method="post" action={ "/farm/" (action) } {
            @if let Some(number) = instance {
                input type="hidden" name="instance" value=(number);
            }
            button class=(class) id=(id) { (text) }
        }
    }
}

/// What there is to try, and what comes of it.
fn to_try(store: &Store) -> Markup {
    html! {
        dl.try {
            dt { (button("rotate", "Rotate the machine key", None)) }
            dd { "A new key signs from now on. The old one still opens what it signed, so nobody \
                  is logged out." }
            dt { (button("stranger", "Start an instance with a different machine key", None)) }
            dd { "With a key of its own it would log everybody out. It is refused, and says why." }
            dt { "Recycle" }
            dd { "The instance gets no new requests, answers those that it has, and is replaced. \
                  Nothing fails." }
            dt { "kill -9" }
            dd { "The process crashes. What it had in hand fails; every session is kept." }
            @if store.own {
                dt { "Restart" }
                dd { "The state server stops and starts again. Requests wait for it, and every \
                      session is on its disk." }
            }
        }
    }
}

fn events(events: &[Event]) -> Markup {
    html! {
        ol.events {
            @for event in events {
                li {
                    span.quiet { (format!("{}:{:02}", event.seconds / 60, event.seconds % 60)) }
                    " " (event.text)
                }
            }
        }
    }
}

impl Phase {
    /// For style sheets and programs.
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::NotReady => "not-ready",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Refused => "refused",
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::Draining => "finishing its requests",
            Self::Down => "down",
            Self::Refused => "refused",
        }
    }
}

/// The answer when there is no instance to give one.
pub(super) fn nobody_there(farm: &Farm) -> Response {
    let markup = page::document(&html! {
        header { h1 { "Web farm" } }
        p.notice.bad role="alert" {
            "No instance is running. This page looks again every second."
        }
        section.farm { h2 { "The farm" } div id="farm" { (table(&Snapshot::of(farm))) } }
    });
    let mut response = page::response(StatusCode::SERVICE_UNAVAILABLE, markup);
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    // The same for a browser, which ignores the other one.
    headers.insert("refresh", HeaderValue::from_static("1"));
    response
}
