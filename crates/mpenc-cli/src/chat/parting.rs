//! What is said to somebody who leaves: how much of the session everybody has acked.

use std::collections::BTreeSet;

use mpenc::{MessageId, Mpenc, MpencSession};
use mpenc_tokio::Handle;

use super::line::{Line, note, warning};
use super::{Chat, Front};

/// What is known when our part is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parted {
    /// Whether everybody has acked all of the last sub-session, and that we leave.
    answered: bool,
    /// Whether everybody has acked all of the sub-sessions before, too.
    consistent: bool,
    /// How many messages of the log somebody has not acked.
    unacked: usize,
}

impl From<Parted> for Line {
    fn from(parted: Parted) -> Self {
        let Parted { answered, consistent, unacked } = parted;
        let lacking = messages(unacked);
        match (answered, consistent, unacked) {
            (true, true, 0) => note("everybody has acked everything"),
            // What is missing was never seen here, or is an ack.
            (true, false, 0) => warning(
                "everybody has acked that you leave, but not everything from before the members \
                 last changed",
            ),
            (true, ..) => warning(format!(
                "everybody has acked that you leave, but not everything: {lacking}"
            )),
            (false, _, 0) => note("not everybody has answered that you leave"),
            (false, ..) => warning(format!("not everybody has answered that you leave; {lacking}")),
        }
    }
}

/// What is said when we begin to leave.
pub(super) fn leaving(patience: u64, unacked: usize) -> Line {
    let once = format!("leaving, once everybody has acked that you leave, or after {patience} s");
    note(if unacked == 0 { once } else { format!("{once}; so far, {}", messages(unacked)) })
}

fn messages(unacked: usize) -> String {
    match unacked {
        1 => "1 message is not acked by everybody".into(),
        more => format!("{more} messages are not acked by everybody"),
    }
}

/// How many messages of the log somebody has not acked: those that the session still follows, and
/// those that it has told of and given up.
pub(super) fn unacked(session: &MpencSession, told: Vec<MessageId>) -> usize {
    session.unacked().chain(told).collect::<BTreeSet<_>>().len()
}

impl<F: Front> Chat<'_, F> {
    /// What is known, our part being over.
    pub(super) async fn parted(&self, handle: &Handle<Mpenc>, answered: bool) -> Parted {
        let told: Vec<MessageId> = self.unacked.keys().copied().collect();
        let given_up = told.len();
        let known =
            handle.query(move |session| (session.is_consistent(), unacked(session, told))).await;
        let (consistent, unacked) = known.unwrap_or((false, given_up));
        Parted { answered, consistent, unacked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_is_told_that_all_is_acked_only_if_it_is() {
        let said = |answered, consistent, unacked| {
            Line::from(Parted { answered, consistent, unacked }).to_string()
        };
        assert_eq!(said(true, true, 0), "* everybody has acked everything");
        assert_eq!(
            said(true, false, 0),
            "! everybody has acked that you leave, but not everything from before the members \
             last changed"
        );
        for consistent in [true, false] {
            assert_eq!(
                said(true, consistent, 1),
                "! everybody has acked that you leave, but not everything: 1 message is not acked \
                 by everybody"
            );
            assert_eq!(said(false, consistent, 0), "* not everybody has answered that you leave");
            assert_eq!(
                said(false, consistent, 2),
                "! not everybody has answered that you leave; 2 messages are not acked by everybody"
            );
        }
    }

    #[test]
    fn what_lacks_acks_is_told_as_one_begins_to_leave() {
        let once = "* leaving, once everybody has acked that you leave, or after 16 s";
        assert_eq!(leaving(16, 0).to_string(), once);
        assert_eq!(
            leaving(16, 1).to_string(),
            format!("{once}; so far, 1 message is not acked by everybody")
        );
    }
}
