//! The log beside the file, before SQLite works it in.
//!
//! SQLite reads its log up to the first frame that is not sound and passes over the rest, because
//! that is how a commit looks that a crash has cut off. So a damaged byte would silently undo
//! every commit after it. But each of our commits is on the disk before the next one begins: if
//! more than one stands behind the damage, no crash has done that.
//!
//! The format is described in section 4 of <https://www.sqlite.org/fileformat2.html>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// With this magic number sums are made of little-endian words; with the next one of big-endian.
const MAGIC: u32 = 0x377f_0682;
const PAGES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// Whether SQLite would pass over commits that were acknowledged.
pub(super) fn is_damaged(path: &Path) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? {
        return Ok(false);
    }
    let Some((mut sum, page)) = begin(&header) else {
        // It is on the disk before the first frame is.
        return fill(&mut file, &mut [0]);
    };
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut is_sound, mut behind) = (true, 0);
    while fill(&mut file, &mut frame)? {
        // Frames of an earlier log, which is worked in, have other salts.
        let is_current = frame[8..16] == header[16..24];
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER..]);
        is_sound &= is_current && sum.is(&frame[16..FRAME_HEADER]);
        let is_commit = frame[4..8] != [0; 4];
        behind += usize::from(!is_sound && is_current && is_commit);
    }
    Ok(behind > 1)
}

/// The sum of a sound header, with which those of the frames go on, and the size of a page.
fn begin(header: &[u8; HEADER]) -> Option<(Sum, usize)> {
    let [magic, page] = [0, 8].map(|at| word(&header[at..at + 4], true));
    let mut sum = Sum {
        first: 0,
        second: 0,
        is_big_endian: magic == MAGIC + 1,
    };
    sum.add(&header[..24]);
    let is_sound = matches!(magic.wrapping_sub(MAGIC), 0 | 1) && sum.is(&header[24..]);
    (is_sound && PAGES.contains(&page)).then_some((sum, page as usize))
}

/// The sum of everything before.
struct Sum {
    first: u32,
    second: u32,
    is_big_endian: bool,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let (left, right) = pair.split_at(4);
            let left = word(left, self.is_big_endian);
            let right = word(right, self.is_big_endian);
            self.first = self.first.wrapping_add(left).wrapping_add(self.second);
            self.second = self.second.wrapping_add(right).wrapping_add(self.first);
        }
    }

    fn is(&self, stored: &[u8]) -> bool {
        let (first, second) = stored.split_at(4);
        self.first == word(first, true) && self.second == word(second, true)
    }
}

fn word(bytes: &[u8], is_big_endian: bool) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(bytes);
    match is_big_endian {
        true => u32::from_be_bytes(word),
        false => u32::from_le_bytes(word),
    }
}

/// Fills the buffer; whether there was enough.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
