//! Which keys are too weak to be used.

use std::fmt;

use super::samples;

/// The least length of a key, in bytes.
pub(super) const LEAST_LENGTH: usize = 32;

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// Published in an article, a manual or a repository, ours included.
    Published,
    /// Fewer bytes than needed.
    Short { length: usize, least: usize },
    /// The same few bytes over and over.
    Repetitive,
    /// Every byte a fixed step after the one before.
    Counting,
    /// Characters that a person typed, not random bytes.
    Text,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => f.write_str(
                "is a published sample (from an article, a manual or a repository), so everybody has it",
            ),
            Self::Short { length, least } => {
                write!(f, "holds {length} bytes, and at least {least} are needed")
            }
            Self::Repetitive => f.write_str("repeats the same bytes, so it can be guessed"),
            Self::Counting => f.write_str("counts, so it can be guessed"),
            Self::Text => f.write_str("is typed text and not random bytes, so it can be guessed"),
        }
    }
}

/// Judges the bytes of a key.
pub(super) fn judge(bytes: &[u8], least: usize) -> Result<(), Weakness> {
    let length = bytes.len();
    if length < least {
        return Err(Weakness::Short { length, least });
    }
    if has_period(bytes) || distinct(bytes) * 3 < length {
        return Err(Weakness::Repetitive);
    }
    if commonest_step(bytes) * 2 >= length {
        return Err(Weakness::Counting);
    }
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Weakness::Text);
    }
    Ok(())
}

/// Judges a key by the hexadecimal digits that it was given as. `bytes` are the decoded digits.
pub(super) fn judge_hex(digits: &str, bytes: &[u8], least: usize) -> Result<(), Weakness> {
    if samples::is_published_hex(digits) {
        return Err(Weakness::Published);
    }
    judge(bytes, least)?;
    // Somebody typed along the top row: a key of random bytes has letters among its digits.
    if digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Weakness::Text);
    }
    Ok(())
}

/// Whether the bytes are a shorter run, repeated.
fn has_period(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes[period..] == bytes[..bytes.len() - period])
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes
        .iter()
        .for_each(|byte| seen[usize::from(*byte)] = true);
    seen.into_iter().filter(|seen| *seen).count()
}

/// How often the commonest difference between neighbours occurs.
fn commonest_step(bytes: &[u8]) -> usize {
    let mut steps = [0; 256];
    for pair in bytes.windows(2) {
        steps[usize::from(pair[1].wrapping_sub(pair[0]))] += 1;
    }
    steps.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::{Weakness, judge, judge_hex};

    fn judge_digits(digits: &str) -> Result<(), Weakness> {
        judge_hex(digits, &hex::decode(digits).unwrap(), 32)
    }

    #[test]
    fn random_bytes_are_strong() {
        for _ in 0..10_000 {
            let mut bytes = [0; 32];
            crate::crypto::fill_random(&mut bytes).unwrap();
            judge(&bytes, 32).unwrap();
        }
    }

    #[test]
    fn few_bytes_are_weak() {
        let short = Weakness::Short {
            length: 31,
            least: 32,
        };
        assert_eq!(judge(&[9; 31], 32), Err(short));
    }

    #[test]
    fn repeated_bytes_are_weak() {
        assert_eq!(judge(&[0; 32], 32), Err(Weakness::Repetitive));
        assert_eq!(
            judge(&b"\x01\xfe\x7a\x33".repeat(8), 32),
            Err(Weakness::Repetitive)
        );
        let mut nearly = [0xaa; 32];
        nearly[31] = 1;
        assert_eq!(judge(&nearly, 32), Err(Weakness::Repetitive));
    }

    #[test]
    fn counting_bytes_are_weak() {
        let up: Vec<u8> = (200_u8..=255).chain(0..10).collect();
        let down: Vec<u8> = (0..64).rev().collect();
        for bytes in [up, down, (0..96).step_by(3).collect()] {
            assert_eq!(judge(&bytes, 32), Err(Weakness::Counting));
        }
    }

    #[test]
    fn typed_text_is_weak() {
        let phrase = b"correct horse battery staple, and so on";
        assert_eq!(judge(phrase, 32), Err(Weakness::Text));
        let digits = "31415926535897932384626433832795028841971693993751058209749445923078";
        assert_eq!(judge_digits(digits), Err(Weakness::Text));
    }

    #[test]
    fn published_keys_are_weak_in_any_case_and_truncated() {
        let sample = "21f090935f6e49c2c797f69bbaad8402ABD2EE0B667A8B44EA7DD4374267A75D";
        assert_eq!(judge_digits(sample), Err(Weakness::Published));
        assert_eq!(judge_digits(&sample[..32]), Err(Weakness::Published));
        assert_eq!(judge_digits(&sample[8..40]), Err(Weakness::Published));
        let article = "1234567890123456789012345678901234567890AAAAAAAAAA";
        assert_eq!(judge_digits(article), Err(Weakness::Published));
        assert_eq!(judge_digits(&article[..40]), Err(Weakness::Published));
        assert_eq!(
            judge_digits(&format!("{article}0f1e2d")),
            Err(Weakness::Published)
        );
    }
}
