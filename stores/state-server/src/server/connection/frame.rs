//! Requests as they stand in what was read.

use std::sync::Arc;

use bytes::Bytes;

use super::Connection;
use crate::server::http::{Field, Head, NoHead, Output, Request, Verb};
use crate::server::items::{Full, Purpose};
use crate::server::refusal::Refusal;
use crate::server::room::Room;
use crate::server::verbs::{Flow, Place};

/// What is to be done after the answers have been written.
pub(super) enum Next {
    /// Read: what is left is no whole request.
    Read,
    /// Go on with what is left.
    Write,
    /// Read the body of the request at the beginning of what is left, of so many bytes, into
    /// the room that was made.
    Body(Room, usize),
    /// Wait for a lock.
    Park(Box<Place>),
    /// End the connection.
    Close,
}

/// What became of one request.
enum Step {
    /// It is dealt with, and took so many bytes.
    Done(usize),
    /// It is dealt with, took so many bytes, and something is to be done now.
    Stop(usize, Next),
}

impl<S> Connection<S> {
    /// Requests up to this size are gathered in the common buffer.
    const INLINE: usize = 16 << 10;

    /// Answers the requests in `input`. Returns how many bytes of it are dealt with.
    pub(super) fn process(&mut self, input: &[u8]) -> (usize, Next) {
        let mut at = 0;
        loop {
            at += self.skip_body(&input[at..]);
            if at == input.len() {
                return (at, Next::Read);
            }
            if self.out.is_full() {
                return (at, Next::Write);
            }
            match self.step(&input[at..]) {
                Step::Done(length) => at += length,
                Step::Stop(length, next) => return (at + length, next),
            }
        }
    }

    /// Passes over the body of a request that was refused.
    fn skip_body(&mut self, input: &[u8]) -> usize {
        let here = self.skip.min(input.len() as u64);
        self.skip -= here;
        here as usize
    }

    fn step(&mut self, input: &[u8]) -> Step {
        let head = match Head::parse(input, self.state.head_limits()) {
            Ok(head) => head,
            Err(NoHead::Incomplete) => return Step::Stop(0, Next::Read),
            Err(NoHead::Unreadable(_)) => return self.hang_up(Refusal::Request, None),
            Err(NoHead::Refused(refusal)) => return self.hang_up(refusal, None),
        };
        if !self.is_admitted {
            self.is_admitted = self
                .state
                .tokens
                .admit(head.fields.get(Field::Authorization));
            if !self.is_admitted {
                return self.hang_up(Refusal::Token, Some((&head, None)));
            }
        }
        let takes_body = matches!(head.verb, Verb::Put | Verb::Move);
        let length = match head.body {
            None if takes_body => {
                let reason = "no Content-Length";
                return self.hang_up(Refusal::Request, Some((&head, Some(reason))));
            }
            Some(1..) if matches!(head.verb, Verb::Get | Verb::Head | Verb::Delete) => {
                let reason = "this verb has no body";
                return self.hang_up(Refusal::Request, Some((&head, Some(reason))));
            }
            length => length.unwrap_or(0),
        };
        if length > self.state.limits.max_item as u64 {
            return self.hang_up(Refusal::Item, Some((&head, None)));
        }
        if self.state.is_draining() {
            return self.refuse(&head, length, Refusal::Draining, None);
        }
        self.request(input, &head, length as usize)
    }

    /// A request with sound framing.
    fn request(&mut self, input: &[u8], head: &Head<'_>, length: usize) -> Step {
        let mut request = match Request::read(head) {
            Ok(request) => request,
            Err(fault) => {
                return self.refuse(head, length as u64, Refusal::Request, Some(fault));
            }
        };
        let end = head.length + length;
        let is_large = length >= Output::LARGE;
        if let Some(body) = input.get(head.length..end).filter(|_| !is_large) {
            let next = self.execute(head, &mut request, Bytes::copy_from_slice(body));
            return match next {
                None => Step::Done(end),
                Some(next) => Step::Stop(end, next),
            };
        }
        if !is_large && end <= Self::INLINE {
            return Step::Stop(0, Next::Read);
        }
        match Room::take(&self.state, Purpose::Items, length) {
            Ok(room) => Step::Stop(0, Next::Body(room, length)),
            Err(Full) => self.refuse(head, length as u64, Refusal::Memory, None),
        }
    }

    /// Carries a request out; what is to be done then, if it is not just to go on.
    fn execute(&mut self, head: &Head<'_>, request: &mut Request<'_>, body: Bytes) -> Option<Next> {
        match self.state.answer(request, body, &mut self.out) {
            Flow::Parked(ticket) => {
                let place = Place::new(Arc::clone(&self.state), request, ticket);
                Some(Next::Park(Box::new(place)))
            }
            Flow::Done => {
                let connection = head.fields.get(Field::Connection);
                let is_last = connection.is_some_and(|word| word.eq_ignore_ascii_case(b"close"));
                is_last.then_some(Next::Close)
            }
        }
    }

    /// Divides what was kept, at whose beginning there is a request with a body of `length`
    /// bytes, into head, what has come of the body, and what comes after it, which stays.
    pub(super) fn split_body(&mut self, length: usize) -> (Vec<u8>, Vec<u8>) {
        let limits = self.state.head_limits();
        let end = Head::parse(&self.carry, limits).map_or(0, |head| head.length);
        let has_come = self.carry.len().min(end + length);
        let mut body = Vec::with_capacity(length);
        body.extend_from_slice(&self.carry[end..has_come]);
        let rest = self.carry.split_off(has_come);
        let mut head = std::mem::replace(&mut self.carry, rest);
        head.truncate(end);
        (head, body)
    }

    /// Carries out a request whose body came separately.
    pub(super) fn complete(&mut self, head: &[u8], body: Bytes) -> Next {
        let Ok(head) = Head::parse(head, self.state.head_limits()) else {
            return Next::Close;
        };
        let Ok(mut request) = Request::read(&head) else {
            return Next::Close;
        };
        let next = self.execute(&head, &mut request, body);
        next.unwrap_or(Next::Read)
    }

    /// Refuses a request; the connection goes on.
    fn refuse(
        &mut self,
        head: &Head<'_>,
        body: u64,
        refusal: Refusal,
        reason: Option<&str>,
    ) -> Step {
        let is_extended = head.is_extended();
        self.state
            .refuse(refusal, is_extended, reason, &mut self.out);
        self.skip = body;
        Step::Done(head.length)
    }

    /// Refuses a request, whose head could be read if there is one, and ends the connection.
    fn hang_up(&mut self, refusal: Refusal, head: Option<(&Head<'_>, Option<&str>)>) -> Step {
        let is_extended = head.is_some_and(|(head, _)| head.is_extended());
        let reason = head.and_then(|(_, reason)| reason);
        self.state
            .refuse(refusal, is_extended, reason, &mut self.out);
        Step::Stop(0, Next::Close)
    }
}
