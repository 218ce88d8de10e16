//! Random bytes, drawn from the crypto library a block at a time.

use std::cell::RefCell;
use std::fmt;

use zeroize::Zeroize;

use super::system_random;

/// Bytes drawn at once; one call of the library's source costs as much as fifty salts.
const BLOCK: usize = 1024;

type Source = fn(&mut [u8]) -> Result<(), RandomError>;

/// The operating system's random source failed.
///
/// Nothing is ever made from bytes that were not drawn: an id, a key or a seal that needs them
/// fails with this error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the random source of the operating system failed")
    }
}

impl std::error::Error for RandomError {}

thread_local! {
    static BUFFER: RefCell<RandomBuffer> = const { RefCell::new(RandomBuffer::new(system_random)) };
}

/// Fills `out` with random bytes.
pub(crate) fn fill_random(out: &mut [u8]) -> Result<(), RandomError> {
    // The buffer is gone while a thread ends.
    let buffered = BUFFER.try_with(|buffer| buffer.borrow_mut().fill(out, std::process::id()));
    buffered.unwrap_or_else(|_| system_random(out))
}

/// Runs `body` with this thread's random bytes coming from `source`.
#[cfg(test)]
pub(crate) fn with_source<T>(source: Source, body: impl FnOnce() -> T) -> T {
    let original = BUFFER.replace(RandomBuffer::new(source));
    let result = body();
    BUFFER.set(original);
    result
}

/// Random bytes in store. Bytes are wiped as they are handed out, and those of a parent process
/// are never used: after a fork both sides would draw the same salts.
struct RandomBuffer {
    source: Source,
    bytes: [u8; BLOCK],
    used: usize,
    process: u32,
}

impl RandomBuffer {
    const fn new(source: Source) -> Self {
        Self {
            source,
            bytes: [0; BLOCK],
            used: BLOCK,
            process: 0,
        }
    }

    fn fill(&mut self, out: &mut [u8], process: u32) -> Result<(), RandomError> {
        if out.len() > BLOCK {
            return (self.source)(out);
        }
        if self.process != process || BLOCK - self.used < out.len() {
            self.refill(process)?;
        }
        let taken = &mut self.bytes[self.used..self.used + out.len()];
        out.copy_from_slice(taken);
        taken.zeroize();
        self.used += out.len();
        Ok(())
    }

    fn refill(&mut self, process: u32) -> Result<(), RandomError> {
        self.used = BLOCK;
        (self.source)(&mut self.bytes)?;
        self.used = 0;
        self.process = process;
        Ok(())
    }
}

impl Drop for RandomBuffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{BLOCK, RandomBuffer, RandomError, fill_random, with_source};

    thread_local! {
        static NEXT: Cell<u8> = const { Cell::new(0) };
    }

    /// Every block is filled with the number of the draw.
    fn numbered(out: &mut [u8]) -> Result<(), RandomError> {
        NEXT.set(NEXT.get() + 1);
        out.fill(NEXT.get());
        Ok(())
    }

    fn failing(_: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }

    /// Fails after having written half of what was asked for.
    fn half_failing(out: &mut [u8]) -> Result<(), RandomError> {
        let half = out.len() / 2;
        out[..half].fill(7);
        Err(RandomError)
    }

    #[test]
    fn bytes_are_wiped_as_they_are_handed_out() {
        let mut buffer = RandomBuffer::new(numbered);
        let mut out = [0; 32];
        buffer.fill(&mut out, 1).unwrap();
        assert_eq!(buffer.bytes[..32], [0; 32]);
        assert_ne!(buffer.bytes[32], 0);
    }

    #[test]
    fn a_forked_child_draws_its_own_bytes() {
        let mut buffer = RandomBuffer::new(numbered);
        let (mut parent, mut child) = ([0; 4], [0; 4]);
        buffer.fill(&mut parent, 1).unwrap();
        buffer.fill(&mut child, 2).unwrap();
        assert_ne!(parent, child);
    }

    #[test]
    fn a_request_never_spans_two_blocks() {
        let mut buffer = RandomBuffer::new(numbered);
        let (mut first, mut second) = ([0; BLOCK - 8], [0; 32]);
        buffer.fill(&mut first, 1).unwrap();
        buffer.fill(&mut second, 1).unwrap();
        assert_eq!(second, [first[0] + 1; 32]);
    }

    #[test]
    fn more_than_a_block_is_drawn_directly() {
        let mut out = [0; BLOCK + 1];
        fill_random(&mut out).unwrap();
        assert_ne!(out[..32], [0; 32]);
        assert_ne!(out[..32], out[32..64]);
    }

    #[test]
    fn s32_a_failing_source_is_an_error_and_stays_one() {
        for source in [failing, half_failing] {
            let mut buffer = RandomBuffer::new(source);
            let mut out = [0; 16];
            assert_eq!(buffer.fill(&mut out, 1), Err(RandomError));
            assert_eq!(buffer.fill(&mut out, 1), Err(RandomError));
            assert_eq!(out, [0; 16], "nothing was handed out");
        }
    }

    #[test]
    fn s32_a_failure_of_a_later_draw_hands_out_nothing_old() {
        let mut buffer = RandomBuffer::new(numbered);
        let mut out = [0; 16];
        buffer.fill(&mut out, 1).unwrap();
        buffer.source = failing;
        assert_eq!(buffer.fill(&mut out, 2), Err(RandomError));
        assert_eq!(buffer.fill(&mut out, 2), Err(RandomError));
        assert_eq!(buffer.fill(&mut out, 1), Err(RandomError));
    }

    #[test]
    fn s32_the_seam_injects_a_failure() {
        let mut out = [0; 16];
        assert_eq!(
            with_source(failing, || fill_random(&mut out)),
            Err(RandomError)
        );
        fill_random(&mut out).unwrap();
        assert_ne!(out, [0; 16]);
    }
}
