//! The shop's one page. `html!` escapes every value that it is given.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::cart::{Cart, TEAS};
use crate::routes::PASSWORD;

const STYLE: &str = include_str!("style.css");

/// What the page shows.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) visits: u64,
    pub(crate) notice: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) cart: Cart,
}

pub(crate) fn home(page: &Home) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { "Tea shop" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Tea shop" }
                    p { (visits(page.visits)) }
                }
                @if let Some(notice) = &page.notice {
                    p.notice role="status" { (notice) }
                }
                main {
                    section { h2 { "Teas" } (teas()) }
                    section { h2 { "Your cart" } (cart(&page.cart)) }
                    section { h2 { "Your account" } (account(page.user.as_deref())) }
                }
            }
        }
    }
}

fn visits(visits: u64) -> String {
    match visits {
        1 => "This is your first visit.".to_owned(),
        _ => format!("This is your visit number {visits}."),
    }
}

fn teas() -> Markup {
    html! {
        ul {
            @for tea in &TEAS {
                li {
                    span { (tea.name) }
                    span.price { (euros(tea.cents)) }
                    form method="post" action="/cart/add" {
                        button name="tea" value=(tea.id) { "Add" }
                    }
                }
            }
        }
    }
}

fn cart(cart: &Cart) -> Markup {
    if cart.cents() == 0 {
        return html! { p.quiet { "Nothing in it yet." } };
    }
    html! {
        ul {
            @for (tea, packets) in cart.items() {
                li {
                    span { (packets) " × " (tea.name) }
                    span.price { (euros(tea.cents * packets)) }
                }
            }
            li.total {
                span { "Total" }
                span.price { (euros(cart.cents())) }
            }
        }
        form method="post" action="/cart/empty" { button.plain { "Empty the cart" } }
    }
}

fn account(user: Option<&str>) -> Markup {
    match user {
        Some(user) => html! {
            p { "You are logged in as " strong { (user) } "." }
            form method="post" action="/logout" { button.plain { "Log out" } }
        },
        None => html! {
            form.login method="post" action="/login" {
                label { "Name" input name="name" required maxlength="40" autocomplete="username"; }
                label { "Password" input type="password" name="password" required; }
                button { "Log in" }
            }
            p.quiet { "Any name will do. The password is " code { (PASSWORD) } "." }
        },
    }
}

fn euros(cents: u32) -> String {
    format!("€ {}.{:02}", cents / 100, cents % 100)
}
