//! Targets: what a request is about.

/// The most bytes that the name of a control row has.
pub const MAX_CONTROL_NAME: usize = 256;

const SESSION: &[u8] = b"/s/";
const CONTROL: &[u8] = b"/.session/control/";
const PRINCIPAL: &[u8] = b"/.session/principal/";
const PING: &[u8] = b"/.session/ping";
const RESERVED: &[u8] = b"/.session/";

/// The length of a key in hex digits.
const HEX: usize = 64;

/// What a request is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A session, by its store key: `/s/` and 64 lower-case hex digits.
    Session([u8; 32]),
    /// An item of a foreign client, by its decoded target with the leading slash.
    Foreign(Box<[u8]>),
    /// A control row, by its name.
    Control(Box<[u8]>),
    /// The sessions of a principal, by its key.
    Principal([u8; 32]),
    /// The server itself.
    Ping,
}

impl Target {
    /// Reads a target as it stands in a request line. `None` if an escape is bad, or if it
    /// begins with `/.session/` and is none of the targets there.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if let Some(key) = session_key(text) {
            return Some(Self::Session(key));
        }
        let path = rooted(form_decode(text)?);
        if let Some(key) = session_key(&path) {
            return Some(Self::Session(key));
        }
        if !path.starts_with(RESERVED) {
            return Some(Self::Foreign(path.into()));
        }
        if let Some(digits) = path.strip_prefix(PRINCIPAL) {
            return parse_hex(digits).map(Self::Principal);
        }
        if let Some(name) = path.strip_prefix(CONTROL) {
            let is_name = !name.is_empty() && name.len() <= MAX_CONTROL_NAME;
            return is_name.then(|| Self::Control(name.into()));
        }
        (path == PING).then_some(Self::Ping)
    }
}

/// The target of a session.
#[must_use]
pub fn session_target(key: &[u8; 32]) -> String {
    prefixed_hex("/s/", key)
}

/// The target of a principal's sessions.
#[must_use]
pub fn principal_target(principal: &[u8; 32]) -> String {
    prefixed_hex("/.session/principal/", principal)
}

/// The target of a control row.
#[must_use]
pub fn control_target(name: &str) -> String {
    format!("/.session/control/{}", form_encode(name))
}

/// The target of a session on a foreign server, as an ASP.NET 4.5 client makes it.
/// `app_digest` is the SHA-256 of `app_id`, in base64.
#[must_use]
pub fn foreign_target(app_id: &str, app_digest: &str, session: &str) -> String {
    form_encode(&format!("{app_id}({app_digest})/{session}"))
}

/// Encodes as a form does, with lower-case digits: space is `+`, what is not a letter, a digit
/// or one of `-_.!*()` is `%xx`.
#[must_use]
pub fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => {
                encoded.push('%');
                encoded.push(char::from(digit(byte >> 4)));
                encoded.push(char::from(digit(byte & 15)));
            }
        }
    }
    encoded
}

/// A key from its 64 lower-case hex digits.
#[must_use]
pub fn parse_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; HEX] = digits.try_into().ok()?;
    let mut key = [0; 32];
    let mut bad = 0;
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (NIBBLES[pair[0] as usize], NIBBLES[pair[1] as usize]);
        bad |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (bad < 16).then_some(key)
}

/// Appends a key as 64 lower-case hex digits.
pub fn push_hex(to: &mut Vec<u8>, key: &[u8; 32]) {
    let mut digits = [0; HEX];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(key) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    to.extend_from_slice(&digits);
}

/// The value of each lower-case hex digit; 255 for every other byte.
const NIBBLES: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        table[digit(value) as usize] = value;
        value += 1;
    }
    table
};

const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

fn prefixed_hex(prefix: &str, key: &[u8; 32]) -> String {
    let mut target = String::with_capacity(prefix.len() + HEX);
    target.push_str(prefix);
    for byte in key {
        target.push(char::from(digit(byte >> 4)));
        target.push(char::from(digit(byte & 15)));
    }
    target
}

fn session_key(path: &[u8]) -> Option<[u8; 32]> {
    parse_hex(path.strip_prefix(SESSION)?)
}

/// Decodes once, as a form does.
fn form_decode(text: &[u8]) -> Option<Vec<u8>> {
    let is_escape = |at: &usize| escaped(text, *at).is_some();
    let mut escapes = (0..text.len()).filter(|at| text[*at] == b'%');
    if !escapes.all(|at| is_escape(&at)) {
        return None;
    }
    let mut decoded = Vec::with_capacity(text.len() + 1);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let (byte, length) = match byte {
            b'%' => (escaped(text, at)?, 3),
            b'+' => (b' ', 1),
            _ => (*byte, 1),
        };
        decoded.push(byte);
        at += length;
    }
    Some(decoded)
}

/// The byte that the escape at `at` stands for.
fn escaped(text: &[u8], at: usize) -> Option<u8> {
    let value = |at| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(value(at + 1)? * 16 + value(at + 2)?).ok()
}

/// The path with one leading slash where it has none or two.
fn rooted(mut path: Vec<u8>) -> Vec<u8> {
    if path.starts_with(b"//") {
        path.remove(0);
    } else if !path.starts_with(b"/") {
        path.insert(0, b'/');
    }
    path
}

#[cfg(test)]
mod tests;
