//! Control rows.

use bytes::Bytes;

use crate::server::http::{Condition, Output};
use crate::server::items::{Row, RowSet};
use crate::server::refusal::Refusal;
use crate::server::state::State;
use crate::wire::{Status, header, push_etag};

impl State {
    pub(super) fn show_row(&self, name: &[u8], out: &mut Output) {
        let start = out.end();
        match self.control.get(name) {
            Some(row) => self.row(Status::Ok, &row, out),
            None => self.no_row(out),
        }
        self.hold_back_row(name, start, out);
    }

    pub(super) fn set_row(
        &self,
        name: Box<[u8]>,
        condition: Condition,
        value: Bytes,
        out: &mut Output,
    ) {
        if self.has_no_disk() {
            return self.refuse(Refusal::Disk, true, None, out);
        }
        let start = out.end();
        let set = self
            .control
            .set(name.clone(), condition, value, &self.budget, self.journal());
        match set {
            RowSet::Written(revision) => {
                let mut response = out.begin(Status::Ok, Some(self.wall()));
                response.field(header::ETAG, |buffer| push_etag(buffer, revision));
                response.finish();
            }
            RowSet::Conflict(Some(row)) => self.row(Status::PreconditionFailed, &row, out),
            RowSet::Conflict(None) => self.no_row(out),
            RowSet::Full => self.refuse(Refusal::Memory, true, None, out),
        }
        self.hold_back_row(&name, start, out);
    }

    fn row(&self, status: Status, row: &Row, out: &mut Output) {
        let mut response = out.begin(status, Some(self.wall()));
        response.field(header::ETAG, |buffer| push_etag(buffer, row.revision));
        response.finish_with(&row.value);
    }

    fn no_row(&self, out: &mut Output) {
        out.begin(Status::NotFound, Some(self.wall())).finish();
    }
}
