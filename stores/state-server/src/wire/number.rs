//! Numbers as text.

/// The digits of the largest number.
const MAX_DIGITS: usize = 20;

/// The number that `text` is; `None` if it is empty, has other characters than digits, or does
/// not fit.
#[must_use]
pub fn parse_decimal(text: &[u8]) -> Option<u64> {
    let (last, before) = text.split_last()?;
    if text.len() > MAX_DIGITS {
        return None;
    }
    // One digit less than the most always fits.
    let number = before
        .iter()
        .try_fold(0_u64, |number, byte| Some(number * 10 + digit_of(*byte)?))?;
    number.checked_mul(10)?.checked_add(digit_of(*last)?)
}

fn digit_of(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

/// The digits of the numbers below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Appends a number.
pub fn push_decimal(to: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; MAX_DIGITS];
    let mut start = digits.len();
    while number >= 100 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    let [tens, ones] = PAIRS[number as usize];
    start -= 1;
    digits[start] = ones;
    if number >= 10 {
        start -= 1;
        digits[start] = tens;
    }
    to.extend_from_slice(&digits[start..]);
}

/// The revision in an entity tag of ours: a quoted number from 1 up, without leading zeros.
#[must_use]
pub fn parse_etag(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    parse_decimal(digits).filter(|_| digits[0] != b'0')
}

/// Appends a revision as an entity tag.
pub fn push_etag(to: &mut Vec<u8>, revision: u64) {
    to.push(b'"');
    push_decimal(to, revision);
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 9, 10, 99, 100, 101, 1_234_567_890, u64::MAX] {
            let mut text = Vec::new();
            push_decimal(&mut text, number);
            assert_eq!(text, number.to_string().as_bytes());
            assert_eq!(parse_decimal(&text), Some(number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "-1",
            "+1",
            "0x1",
            "18446744073709551616",
            "１",
        ] {
            assert_eq!(parse_decimal(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn etags_come_back() {
        let mut text = Vec::new();
        push_etag(&mut text, 12);
        assert_eq!(text, b"\"12\"");
        assert_eq!(parse_etag(&text), Some(12));
        for text in [
            "12",
            "\"12",
            "\"",
            "\"\"",
            "W/\"12\"",
            "*",
            "\"0\"",
            "\"1\", \"2\"",
        ] {
            assert_eq!(parse_etag(text.as_bytes()), None, "{text:?}");
        }
    }
}
