//! Reads the profile that callgrind writes: what every function spent itself.
//!
//! The format is described at <https://valgrind.org/docs/manual/cl-format.html>.

use std::{collections::HashMap, mem};

use crate::instance::Failure;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub total: u64,
    /// Spent in functions of the crypto library themselves.
    pub crypto: u64,
    /// Spent in calls of the crypto library, with what it calls outside itself, such as `memcpy`.
    pub crypto_calls: u64,
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
    in_crypto: bool,
    /// In Rust code outside the crypto library. Its static C functions have no prefix and must
    /// not be taken for callers from outside.
    in_caller: bool,
    calls_crypto: bool,
    /// The next line of costs is a call's, with all that it called: not this function's own.
    after_call: bool,
    cost: Cost,
}

impl<'p> Reader<'p> {
    /// Files are passed over: callgrind puts much of a program into the files of aws-lc's
    /// assembler code.
    fn line(&mut self, line: &'p str) -> Result<(), Failure> {
        if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return self.costs(line);
        }
        match line.split_once('=') {
            Some(("fn", name)) => {
                let name = self.functions.resolve(name);
                self.in_crypto = is_crypto(name);
                self.in_caller = name.contains("::") && !self.in_crypto;
            }
            Some(("cfn", name)) => self.calls_crypto = is_crypto(self.functions.resolve(name)),
            Some(("calls", _)) => self.after_call = true,
            _ => {}
        }
        Ok(())
    }

    /// A line number, then instructions.
    fn costs(&mut self, line: &str) -> Result<(), Failure> {
        let instructions = line.split_ascii_whitespace().nth(1);
        let instructions: u64 = instructions.ok_or("a line without costs")?.parse()?;
        if mem::take(&mut self.after_call) {
            if self.calls_crypto && self.in_caller {
                self.cost.crypto_calls += instructions;
            }
            return Ok(());
        }
        self.cost.total += instructions;
        if self.in_crypto {
            self.cost.crypto += instructions;
        }
        Ok(())
    }
}

/// The C library prefixes its symbols with its version, `aws_lc_0_47_0_`, or `AWS_LC_` in a few
/// wrappers; the crate around it is the module `aws_lc_rs`.
fn is_crypto(function: &str) -> bool {
    let name = function.trim_start_matches('<');
    name.starts_with("aws_lc_") || name.starts_with("AWS_LC_")
}

#[cfg(test)]
mod tests {
    use super::{Cost, cost};

    const PROFILE: &str = "\
events: Ir
fl=(1) /src/engine.rs
fn=(1) session_core::engine::load
12 100
cfi=(2) /aws-lc/crypto/hmac.c
cfn=(2) aws_lc_0_47_0_HMAC
calls=3 40
+2 6900
fi=(3) /rust/core/ptr.rs
* 5

fl=(2)
fn=(2)
40 6000
cfn=(4) memcpy
calls=3 1
+1 800
cfn=(5) aws_lc_0_47_0_HMAC_CTX_init
calls=3 1
+1 100
fn=(5)
50 40
cfn=(8) static_block_order
calls=1 1
+1 60
fn=(8)
7 10
cfn=(9) AWS_LC_TRAMPOLINE_block_order
calls=1 1
+1 50
fn=(9)
8 50

fl=(6) ???
fn=(4)
0 800
fn=(7) <aws_lc_rs::hmac::Key as Clone>::clone
0 30

totals: 7035
";

    #[test]
    fn a_call_counts_where_it_is_spent() {
        let expected = Cost {
            total: 7035,
            crypto: 6120,
            crypto_calls: 6900,
        };
        assert_eq!(cost(PROFILE).ok(), Some(expected));
    }
}
