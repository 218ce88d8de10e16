//! What no process may write.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Every form in which a secret might be printed.
pub(crate) fn forms(secret: &[u8]) -> Vec<String> {
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let list = format!("{secret:?}");
    vec![
        hex.to_uppercase(),
        hex,
        list.trim_matches(['[', ']']).to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        String::from_utf8_lossy(secret).into_owned(),
    ]
}

/// The secrets of a ring file.
pub(crate) fn forms_of_ring(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for secret in text.split('"').filter(|part| part.starts_with("sk1_")) {
        let encoded = &secret[4..47];
        found.push(encoded.to_owned());
        found.extend(forms(&URL_SAFE_NO_PAD.decode(encoded).unwrap()));
    }
    assert!(!found.is_empty(), "no secret in the ring");
    found
}

/// Fails if a log in `directory` has a secret of the ring, or a token that was signed with it:
/// tokens are known by how they begin, with the version and the key's id.
pub(super) fn assert_unwritten(directory: &Path, ring: &Path) {
    let Ok(ring) = fs::read_to_string(ring) else {
        return;
    };
    if !ring.contains("sk1_") {
        return;
    }
    let mut secrets = forms_of_ring(&ring);
    secrets.extend(ring.lines().filter_map(beginning_of_tokens));
    let files = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path());
    for log in files.filter(|path| path.extension().is_some_and(|ending| ending == "log")) {
        let written = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        for secret in &secrets {
            assert!(
                !written.contains(secret),
                "{secret} is in {}",
                log.display()
            );
        }
    }
}

/// The first twelve characters of every token that the key of this line signs.
fn beginning_of_tokens(line: &str) -> Option<String> {
    let kid = line.strip_prefix("kid = \"")?.strip_suffix('"')?;
    let mut bytes = vec![1];
    for index in (0..kid.len()).step_by(2) {
        bytes.push(u8::from_str_radix(kid.get(index..index + 2)?, 16).ok()?);
    }
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
