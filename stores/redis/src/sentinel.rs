//! Asking sentinels who the primary is.

use redis::Value;
use session_core::StoreErrorKind;

use crate::address::Address;
use crate::call::Call;
use crate::checks::ask;
use crate::dial;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::settings::Settings;

/// The primary, as the first sentinel says that answers and knows one. Those that are away share
/// the time that is left, so that one of them cannot use it up.
pub(crate) async fn primary(
    settings: &Settings,
    sentinels: &[Address],
    deadline: Moment,
) -> Result<Address, Fault> {
    let mut last = None;
    for (done, sentinel) in sentinels.iter().enumerate() {
        let left = deadline.left();
        let share = u32::try_from(sentinels.len() - done)
            .unwrap_or(1)
            .saturating_add(1);
        let until = Moment::from_now(left / share);
        match until.bound(one(settings, sentinel, until)).await {
            Ok(Ok(address)) => return Ok(address),
            Ok(Err(fault)) => last = Some(fault),
            Err(_) => last = Some(Fault::timed_out_connecting(sentinel)),
        }
    }
    Err(last
        .unwrap_or_else(|| Fault::lasting(StoreErrorKind::Refused, "store.url names no sentinel")))
}

async fn one(settings: &Settings, sentinel: &Address, until: Moment) -> Result<Address, Fault> {
    let mut connection = dial::open(settings, sentinel, &settings.sentinel_login, until).await?;
    let mut command = redis::cmd("SENTINEL");
    command
        .arg("GET-MASTER-ADDR-BY-NAME")
        .arg(&settings.service);
    let answers = ask(sentinel, &mut connection.multiplexed, Call::One(command)).await;
    let answers = answers.map_err(|fault| no_sentinel(sentinel, fault))?;
    answers.first().and_then(address).ok_or_else(|| {
        let message = format!(
            "{sentinel}: the sentinel knows no primary of that name; look at the name in \
             store.url and at the sentinel's configuration"
        );
        Fault::lasting(StoreErrorKind::Refused, message)
    })
}

fn no_sentinel(sentinel: &Address, fault: Fault) -> Fault {
    if fault.is_passing() {
        return fault;
    }
    let message = format!(
        "{sentinel}: this is no sentinel, or our user may not ask it; write redis:// in store.url \
         for a server without sentinels"
    );
    Fault::lasting(StoreErrorKind::Refused, message)
}

fn address(answer: &Value) -> Option<Address> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let text = |part: &Value| match part {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    };
    let (host, port) = (text(parts.first()?)?, text(parts.get(1)?)?);
    Address::announced(&format!("{host}:{port}"), "")
}
