//! Numbers as text.

/// The number that `text` is; `None` if it is empty, has other characters than digits, or does
/// not fit.
#[must_use]
pub fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Appends a number.
pub fn push_decimal(to: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
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
        for number in [0, 1, 9, 10, 1_234_567_890, u64::MAX] {
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
