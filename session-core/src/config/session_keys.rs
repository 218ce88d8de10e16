//! The settings of `[session]`.

use super::builder::SessionConfigBuilder as Builder;
use super::key::{Key, Set};

pub(super) const KEYS: &[Key<Builder>] = &[
    key("session.app", Set::Text(Builder::app)),
    key("session.instance", Set::Text(|b, name| b.instance(name))),
    key("session.idle_timeout", Set::Duration(Builder::idle_timeout)),
    key(
        "session.absolute_timeout",
        Set::Duration(Builder::absolute_timeout),
    ),
    key("session.transport", Set::Transport(Builder::transport)),
    key(
        "session.cookie.name",
        Set::Text(|b, name| b.cookie(|c| c.name(name))),
    ),
    key(
        "session.cookie.domain",
        Set::Text(|b, domain| b.cookie(|c| c.domain(domain))),
    ),
    key(
        "session.cookie.path",
        Set::Text(|b, path| b.cookie(|c| c.path(path))),
    ),
    key(
        "session.cookie.same_site",
        Set::SameSite(|b, site| b.cookie(|c| c.same_site(site))),
    ),
    key(
        "session.cookie.max_age",
        Set::Duration(|b, age| b.cookie(|c| c.max_age(age))),
    ),
    key(
        "session.cookie.partitioned",
        Set::Flag(|b, yes| b.cookie(|c| c.partitioned(yes))),
    ),
    key(
        "session.cookie.insecure_allow_http",
        Set::Flag(|b, yes| b.cookie(|c| c.insecure_allow_http(yes))),
    ),
    key(
        "session.header.name",
        Set::Text(|b, name| b.header(|h| h.name(name))),
    ),
    key("session.lock.lease", Set::Duration(Builder::lock_lease)),
    key("session.lock.wait", Set::Duration(Builder::lock_wait)),
    key(
        "session.timeouts.connect",
        Set::Duration(Builder::connect_timeout),
    ),
    key(
        "session.timeouts.operation",
        Set::Duration(Builder::operation_timeout),
    ),
    key(
        "session.timeouts.commit",
        Set::Duration(Builder::commit_timeout),
    ),
    key(
        "session.limits.max_payload",
        Set::Size(Builder::max_payload),
    ),
];

const fn key(name: &'static str, set: Set<Builder>) -> Key<Builder> {
    Key { name, set }
}
