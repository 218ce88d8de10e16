//! The cookie's attributes, where they protect less than they could.

use session_core::{ConfigFile, CookieConfig, SameSite};

use super::finding::Finding;

const CHECK: &str = "cookie";

/// Looks at the cookie, if there is one. What browsers would refuse does not get this far: such
/// a configuration is an error.
pub(super) fn examine(file: &ConfigFile, findings: &mut Vec<Finding>) {
    let Some(cookie) = file.session.transports().cookie() else {
        return findings.push(Finding::ok(CHECK, "none: tokens travel in a header"));
    };
    let weak = weaknesses(cookie);
    if weak.is_empty() {
        let told = format!(
            "{}: Secure, HttpOnly, SameSite={}, Path={}",
            cookie.name(),
            same_site(cookie.same_site()),
            cookie.path()
        );
        findings.push(Finding::ok(CHECK, told));
    }
    let warning = |told: String| Finding::warning(CHECK, told);
    findings.extend(weak.into_iter().map(warning));
}

fn weaknesses(cookie: &CookieConfig) -> Vec<String> {
    let mut weak = Vec::new();
    let name = cookie.name();
    if !cookie.secure() {
        weak.push(format!(
            "{name} is sent without TLS too, where everybody on the way can read it; remove \
             insecure_allow_http"
        ));
    }
    if cookie.same_site() == SameSite::None {
        weak.push(format!(
            "{name} has SameSite=None, so other sites can make requests with it; check the \
             origin of every request that changes something"
        ));
    }
    if let Some(domain) = cookie.domain() {
        weak.push(format!(
            "{name} goes to every host below {domain}; remove domain, unless all of them are \
             trusted"
        ));
    }
    if cookie.secure() && cookie.domain().is_none() && !name.starts_with("__Host-") {
        weak.push(format!(
            "{name} has no prefix, so a neighbouring host can plant one; a name that begins \
             with __Host- prevents that"
        ));
    }
    weak
}

fn same_site(same_site: SameSite) -> &'static str {
    match same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    }
}
