//! The shop's page. `html!` escapes every value that it is given.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use maud::{Markup, PreEscaped, html};

use super::values::Values;
use crate::page::{self, chip};
use crate::upstream;

/// How long the page waits for its picture of the farm.
const PATIENCE: Duration = Duration::from_millis(500);

/// The supervisor's table of the farm.
pub(super) async fn farm(supervisor: SocketAddr) -> Markup {
    match upstream::get(supervisor, "/farm/table", PATIENCE).await {
        Ok((StatusCode::OK, body)) => PreEscaped(String::from_utf8_lossy(&body).into_owned()),
        _ => html! { p { "The supervisor does not answer." } },
    }
}

pub(super) fn home(instance: &str, values: &Values, farm: &Markup) -> Markup {
    page::document(&html! {
        (head(instance))
        p.lead {
            "Several processes of one small shop, behind a proxy that asks them in turn. Reload: "
            "another one answers, and your session is the same."
        }
        main {
            section { h2 { "Your session" } (session(values)) }
            section { h2 { "Who answered" } (trail(&values.trail)) (load()) }
            (farm_section(farm))
        }
    })
}

pub(super) fn store_away(instance: &str, farm: &Markup) -> Markup {
    page::document(&html! {
        (head(instance))
        p.notice.bad role="alert" {
            "The session store does not answer. Your session and your cookie were not touched: "
            "reload, and they are there again."
        }
        main { (farm_section(farm)) }
    })
}

fn head(instance: &str) -> Markup {
    html! {
        header {
            h1 { "Web farm" }
            p.answered { "This page comes from " (chip(instance)) }
            a.button href="/" { "Ask again" }
        }
    }
}

fn farm_section(farm: &Markup) -> Markup {
    html! { section.farm { h2 { "The farm" } div id="farm" { (farm) } } }
}

fn session(values: &Values) -> Markup {
    html! {
        dl.values {
            dt { "Visits" } dd id="value-visits" { (values.visits) }
            dt { "Tea in your cart" } dd { (values.teas) }
            dt { "Your name" }
            dd {
                @match values.name.as_deref() {
                    Some(name) if !name.is_empty() => (name),
                    _ => span.quiet { "not told" },
                }
            }
        }
        div.row {
            form method="post" action="/tea" { button { "Add a tea" } }
            form method="post" action="/forget" { button.plain { "Forget me" } }
        }
        form.inline method="post" action="/name" {
            input name="name" maxlength="40" placeholder="Your name" aria-label="Your name"
                autocomplete="off";
            button.plain { "Save" }
        }
    }
}

fn trail(trail: &[String]) -> Markup {
    html! {
        p { "Your last requests, oldest first:" }
        p.trail id="trail" { @for name in trail { (chip(name)) } }
    }
}

/// For the script; without it nothing is shown.
fn load() -> Markup {
    html! {
        div id="load" hidden {
            button.plain id="load-toggle" type="button" { "Keep asking" }
            p id="load-counts" role="status" {
                "Sends ten requests a second. Break something meanwhile, and count what fails."
            }
        }
    }
}
