//! The farm as a visitor sees it. `html!` escapes every value that it is given.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;
use maud::{Markup, html};

use super::events::Event;
use super::farm::Farm;
use super::member::Phase;
use super::snapshot::{Row, Snapshot, Store};
use super::state_server::KEEPS_SESSIONS;
use crate::page;

/// What the page shows of the farm, and the buttons.
pub(super) fn table(farm: &Snapshot) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Process" } th { "State" } th { "Signs with key" } th { "Answers" }
                    th { span.unseen { "Buttons" } }
                }
            }
            tbody {
                @for row in &farm.instances { (instance(row)) }
                (store(&farm.store))
            }
        }
        (buttons())
        @if !farm.events.is_empty() { (events(&farm.events)) }
    }
}

fn instance(row: &Row) -> Markup {
    html! {
        tr {
            td { (page::chip(&row.name)) (process(row.process)) }
            td data-label="State" {
                span.state data-state=(row.phase.word()) { (row.phase.shown()) }
            }
            td data-label="Signs with key" { @if let Some(key) = &row.key { code { (key) } } }
            td.number data-label="Answers" { (row.answers) }
            td.actions {
                @if let (Some(number), Some(_)) = (row.number, row.process) {
                    (button("recycle", "Recycle", Some(number)))
                    (button("kill", "kill -9", Some(number)))
                }
            }
        }
        @if let Some(reason) = &row.reason {
            tr.reason { td colspan="5" { (reason) } }
        }
    }
}

fn store(store: &Store) -> Markup {
    let state = match (store.own, store.process) {
        (true, None) => Phase::Down,
        _ => Phase::Ready,
    };
    html! {
        tr {
            td {
                span.chip.store { @if store.own { "state server" } @else { (store.kind) } }
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
            td colspan="2" { span.quiet { "holds the sessions, sealed" } }
            td.actions {
                @if store.own { (button("restart-store", "Restart", None)) }
            }
        }
    }
}

fn process(id: Option<u32>) -> Markup {
    html! { @if let Some(id) = id { span.quiet.pid { "process " (id) } } }
}

/// One button, with an id so that it keeps the focus when the table is replaced.
fn button(action: &str, text: &str, instance: Option<u16>) -> Markup {
    let id = instance.map_or_else(|| action.to_owned(), |number| format!("{action}-{number}"));
    html! {
        form method="post" action={ "/farm/" (action) } {
            @if let Some(number) = instance {
                input type="hidden" name="instance" value=(number);
            }
            button.plain id=(id) { (text) }
        }
    }
}

fn buttons() -> Markup {
    html! {
        dl.buttons {
            dt { (button("stranger", "Start an instance with another key", None)) }
            dd { "It is refused, and says why: its cookies would log everybody out." }
        }
        (legend())
    }
}

fn legend() -> Markup {
    html! {
        p.quiet {
            strong { "Recycle" } " lets an instance finish what it has, then replaces it: no "
            "request fails. " strong { "kill -9" } " is a crash: what the instance had in hand "
            "fails, and the session is kept. "
            @if !KEEPS_SESSIONS {
                strong { "Restart" } " of the state server: it keeps the sessions in memory, and "
                "they end with it."
            }
        }
    }
}

fn events(events: &[Event]) -> Markup {
    html! {
        h3 { "What happened" }
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
