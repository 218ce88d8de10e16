//! What a commit has to do: a pure function of what was loaded and what the handler did.

use std::time::Duration;

use crate::error::SessionErrorKind;
use crate::record::EndReason;

/// What the handler wants to become of the session as a whole. The order is that of precedence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Intent {
    /// It goes on.
    #[default]
    Keep,
    /// It goes on under a new id.
    Renew,
    /// It goes on under a new id, for a principal, with a new absolute deadline.
    LogIn,
    /// It ends.
    Destroy,
}

/// Whom the request came from, as far as the session knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Nobody known: no token, or a dead one.
    New,
    /// The bearer of a live session.
    Known,
    /// The bearer of a session that had ended before this request.
    Ended(EndReason),
    /// The bearer of two live sessions at once; whether a log-in can resolve that.
    Ambiguous { resolvable: bool },
    /// Somebody with more cookies than are looked at.
    Overlong,
    /// The bearer of a token whose key could not be judged yet.
    Undecided,
}

/// Everything that the plan depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    pub(super) visitor: Visitor,
    pub(super) intent: Intent,
    /// Whether the values, the labels or a timeout differ from what is stored.
    pub(super) changed: bool,
    pub(super) holds_lease: bool,
    /// The idle length in force.
    pub(super) idle: Duration,
    /// Time until the record expires if nobody touches it.
    pub(super) time_left: Duration,
    /// Time until the absolute deadline.
    pub(super) absolute_left: Duration,
}

/// What a commit has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing at all.
    Nothing,
    /// Give the lease back.
    Release,
    /// Extend the session's life, and give a lease back if there is one.
    Touch,
    /// Make a session, after ending those that made the request ambiguous.
    Create,
    /// Save the changes under the same id.
    Save,
    /// Move the session to a new id, with the changes.
    Rename,
    /// End the session.
    Delete,
    /// End the session, and make a new one of what was written afterwards.
    Replace,
    /// Forget the changes: the session they were meant for has ended.
    Drop,
    /// Answer with an error.
    Refuse(SessionErrorKind),
}

impl Plan {
    pub(super) fn of(situation: &Situation) -> Self {
        match situation.visitor {
            Visitor::Known => Self::of_known(situation),
            Visitor::New if situation.creates() => Self::Create,
            Visitor::New => Self::Nothing,
            _ if !situation.acts() => Self::Nothing,
            Visitor::Ended(EndReason::Renewed) => Self::Refuse(SessionErrorKind::Conflict),
            Visitor::Ended(_) | Visitor::Ambiguous { resolvable: true }
                if situation.intent == Intent::LogIn =>
            {
                Self::Create
            }
            Visitor::Ended(_) => Self::Drop,
            Visitor::Ambiguous { .. } => Self::Refuse(SessionErrorKind::Ambiguous),
            Visitor::Overlong => Self::Refuse(SessionErrorKind::HeaderTooLarge),
            Visitor::Undecided => Self::Refuse(SessionErrorKind::UnknownKey),
        }
    }

    fn of_known(situation: &Situation) -> Self {
        match situation.intent {
            Intent::Destroy if situation.changed => Self::Replace,
            Intent::Destroy => Self::Delete,
            Intent::LogIn | Intent::Renew => Self::Rename,
            Intent::Keep if situation.changed => Self::Save,
            Intent::Keep if situation.is_touch_due() => Self::Touch,
            Intent::Keep if situation.holds_lease => Self::Release,
            Intent::Keep => Self::Nothing,
        }
    }
}

impl Situation {
    /// Whether the handler did anything that ought to have an effect.
    fn acts(&self) -> bool {
        self.changed || self.intent != Intent::Keep
    }

    fn creates(&self) -> bool {
        match self.intent {
            Intent::Keep | Intent::Renew | Intent::Destroy => self.changed,
            Intent::LogIn => true,
        }
    }

    /// A session that is only read is extended when that gains more than one step.
    fn is_touch_due(&self) -> bool {
        let target = self.idle.min(self.absolute_left);
        self.time_left + touch_step(self.idle) < target
    }
}

/// How much earlier than its idle timeout a session may end: 5 % of the idle timeout, at most a
/// minute.
fn touch_step(idle: Duration) -> Duration {
    (idle / 20).min(Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::{
        Duration, EndReason, Intent, Plan, SessionErrorKind, Situation, Visitor, touch_step,
    };

    const MINUTE: Duration = Duration::from_mins(1);

    fn situation(visitor: Visitor, intent: Intent, changed: bool) -> Situation {
        Situation {
            visitor,
            intent,
            changed,
            holds_lease: false,
            idle: 20 * MINUTE,
            time_left: 20 * MINUTE,
            absolute_left: 720 * MINUTE,
        }
    }

    /// A visitor, and the plans for an unchanged and a changed session, each for keep, renew,
    /// log in and destroy.
    type Row = (Visitor, [Plan; 4], [Plan; 4]);

    fn table() -> [Row; 9] {
        use Plan::{Create, Delete, Drop, Nothing, Refuse, Rename, Replace, Save};
        use Visitor::{Ambiguous, Ended, Known, New, Overlong, Undecided};
        let refused = |kind| {
            let refuse = Refuse(kind);
            ([Nothing, refuse, refuse, refuse], [refuse; 4])
        };
        let row = |visitor, (unchanged, changed)| (visitor, unchanged, changed);
        let ended = ([Nothing, Drop, Create, Drop], [Drop, Drop, Create, Drop]);
        let ambiguous = Refuse(SessionErrorKind::Ambiguous);
        let resolved = (
            [Nothing, ambiguous, Create, ambiguous],
            [ambiguous, ambiguous, Create, ambiguous],
        );
        let known = (
            [Nothing, Rename, Rename, Delete],
            [Save, Rename, Rename, Replace],
        );
        let fixed = Ambiguous { resolvable: false };
        let resolvable = Ambiguous { resolvable: true };
        [
            row(New, ([Nothing, Nothing, Create, Nothing], [Create; 4])),
            row(Known, known),
            row(
                Ended(EndReason::Renewed),
                refused(SessionErrorKind::Conflict),
            ),
            row(Ended(EndReason::Destroyed), ended),
            row(Ended(EndReason::Revoked), ended),
            row(fixed, refused(SessionErrorKind::Ambiguous)),
            row(resolvable, resolved),
            row(Overlong, refused(SessionErrorKind::HeaderTooLarge)),
            row(Undecided, refused(SessionErrorKind::UnknownKey)),
        ]
    }

    #[test]
    fn the_table_is_followed() {
        let intents = [Intent::Keep, Intent::Renew, Intent::LogIn, Intent::Destroy];
        for (visitor, unchanged, changed) in table() {
            for (column, intent) in intents.into_iter().enumerate() {
                let plan = |changed| Plan::of(&situation(visitor, intent, changed));
                assert_eq!(
                    plan(false),
                    unchanged[column],
                    "{visitor:?} {intent:?} unchanged"
                );
                assert_eq!(
                    plan(true),
                    changed[column],
                    "{visitor:?} {intent:?} changed"
                );
            }
        }
    }

    #[test]
    fn c19_a_read_touches_once_a_step_is_to_be_gained() {
        let step = touch_step(20 * MINUTE);
        assert_eq!(step, MINUTE);
        let plan = |time_left, absolute_left| {
            Plan::of(&Situation {
                time_left,
                absolute_left,
                ..situation(Visitor::Known, Intent::Keep, false)
            })
        };
        let moment = Duration::from_millis(1);
        assert_eq!(plan(19 * MINUTE, 720 * MINUTE), Plan::Nothing);
        assert_eq!(plan(19 * MINUTE - moment, 720 * MINUTE), Plan::Touch);
        assert_eq!(
            plan(5 * MINUTE, 5 * MINUTE),
            Plan::Nothing,
            "the deadline leaves nothing to gain"
        );
        assert_eq!(plan(5 * MINUTE, 7 * MINUTE), Plan::Touch);
    }

    #[test]
    fn steps_are_a_twentieth_and_at_most_a_minute() {
        assert_eq!(touch_step(Duration::from_secs(20)), Duration::from_secs(1));
        assert_eq!(touch_step(600 * MINUTE), MINUTE);
    }

    #[test]
    fn a_lease_is_given_back() {
        let held = Situation {
            holds_lease: true,
            ..situation(Visitor::Known, Intent::Keep, false)
        };
        assert_eq!(Plan::of(&held), Plan::Release);
        let due = Situation {
            time_left: MINUTE,
            ..held
        };
        assert_eq!(Plan::of(&due), Plan::Touch);
    }
}
