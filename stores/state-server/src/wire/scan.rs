//! Finding the end of a line, eight bytes at a time.

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Where the first control character from `start` on is, tabs passed over. In a well-formed
/// head that is the CR at the end of the line.
pub(crate) fn line_end(buffer: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at = control_character(buffer, at)?;
        if buffer[at] != b'\t' {
            return Some(at);
        }
        at += 1;
    }
}

fn control_character(buffer: &[u8], start: usize) -> Option<usize> {
    let rest = buffer.get(start..)?;
    let mut chunks = rest.chunks_exact(8);
    let mut at = start;
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        // The high bit of each byte that is less than 32; what lies above the first of them may
        // be wrong, what lies below it is not.
        let below = word.wrapping_sub(ONES * 32) & !word & HIGH;
        if below != 0 {
            return Some(at + (below.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let tail = chunks.remainder();
    let found = tail.iter().position(|byte| *byte < 32);
    found.map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_plain_search_finds() {
        let text = b"a\tlong\x7fer line \xff\xe9 with \ttabs and high bytes\r\n";
        for start in 0..text.len() {
            for end in start..=text.len() {
                let expected = text[start..end]
                    .iter()
                    .position(|byte| *byte < 32 && *byte != b'\t');
                let found = line_end(&text[..end], start);
                assert_eq!(found, expected.map(|at| at + start), "{start}..{end}");
            }
        }
    }
}
