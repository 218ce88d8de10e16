//! Reading requests and writing responses.

mod field;
mod head;
mod output;
mod request;

pub(crate) use self::field::Field;
pub(crate) use self::head::{Head, HeadLimits, NoHead, Verb};
pub(crate) use self::output::{Output, Response};
pub(crate) use self::request::{Condition, Exclusive, Request};
