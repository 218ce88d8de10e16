//! Reads the profile that callgrind writes: what every function spent itself.
//!
//! The format is described at <https://valgrind.org/docs/manual/cl-format.html>.

use std::collections::HashMap;

use crate::instance::Failure;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub total: u64,
    /// Spent in functions of the crypto library, without what they call outside it.
    pub crypto: u64,
}

pub fn cost(profile: &str) -> Result<Cost, Failure> {
    let mut reader = Reader::default();
    for line in profile.lines() {
        reader.line(line)?;
    }
    Ok(reader.cost)
}

/// Names are written out once, as `(7) name`, and given by their number, `(7)`, from then on.
#[derive(Default)]
struct Names<'p>(HashMap<&'p str, &'p str>);

impl<'p> Names<'p> {
    fn resolve(&mut self, reference: &'p str) -> &'p str {
        match reference.split_once(' ') {
            Some((number, name)) => {
                self.0.insert(number, name);
                name
            }
            None => self.0.get(reference).copied().unwrap_or(reference),
        }
    }
}

#[derive(Default)]
struct Reader<'p> {
    functions: Names<'p>,
    files: Names<'p>,
    in_crypto_file: bool,
    in_crypto: bool,
    /// The next line of costs is a call's, with all that it called: not this function's own.
    after_call: bool,
    cost: Cost,
}

impl<'p> Reader<'p> {
    fn line(&mut self, line: &'p str) -> Result<(), Failure> {
        if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return self.own_cost(line);
        }
        match line.split_once('=') {
            Some(("fl", file)) => self.in_crypto_file = is_crypto_file(self.files.resolve(file)),
            // Of an inlined function or a callee: only the name is of interest.
            Some(("fi" | "fe" | "cfi" | "cfl", file)) => drop(self.files.resolve(file)),
            Some(("fn", function)) => {
                let function = self.functions.resolve(function);
                self.in_crypto = self.in_crypto_file || is_crypto_function(function);
            }
            Some(("cfn", function)) => drop(self.functions.resolve(function)),
            Some(("calls", _)) => self.after_call = true,
            _ => {}
        }
        Ok(())
    }

    /// A line number, then instructions.
    fn own_cost(&mut self, line: &str) -> Result<(), Failure> {
        if std::mem::take(&mut self.after_call) {
            return Ok(());
        }
        let instructions = line.split_ascii_whitespace().nth(1);
        let instructions: u64 = instructions.ok_or("a line without costs")?.parse()?;
        self.cost.total += instructions;
        if self.in_crypto {
            self.cost.crypto += instructions;
        }
        Ok(())
    }
}

/// The C library prefixes its symbols with its version, `aws_lc_0_42_0_`; the crate around it is
/// the module `aws_lc_rs`.
fn is_crypto_function(name: &str) -> bool {
    name.trim_start_matches('<').starts_with("aws_lc_")
}

/// Static functions of the C library have no prefix.
fn is_crypto_file(path: &str) -> bool {
    path.contains("/aws-lc-")
}

#[cfg(test)]
mod tests {
    use super::{Cost, cost};

    const PROFILE: &str = "\
events: Ir
fl=(1) /src/engine.rs
fn=(1) session_core::engine::load
12 100
cfi=(2) /registry/aws-lc-sys-0.42.0/aws-lc/crypto/hmac.c
cfn=(2) aws_lc_0_42_0_HMAC
calls=3 40
+2 7000
fi=(3) /rust/core/ptr.rs
* 5

fl=(2)
fn=(2)
40 6000
cfn=(4) memcpy
calls=3 1
+1 900
fn=(5) hmac_init
50 100

fl=(6) ???
fn=(4)
0 900
fn=(7) <aws_lc_rs::hmac::Key as Clone>::clone
0 30

totals: 7135
";

    #[test]
    fn a_call_counts_where_it_is_spent() {
        let expected = Cost {
            total: 7135,
            crypto: 6130,
        };
        assert_eq!(cost(PROFILE).ok(), Some(expected));
    }
}
