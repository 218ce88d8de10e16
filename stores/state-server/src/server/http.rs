//! Reading requests and writing responses.

mod field;
mod head;
mod held;
mod output;
mod request;
mod scan;

pub(crate) use self::field::Field;
pub(crate) use self::head::{Head, HeadLimits, NoHead, Verb};
pub(crate) use self::output::{Counts, Output, Response};
pub(crate) use self::request::{Condition, Exclusive, Request};
