//! What the session's events, and its refusals, say to a person.

use std::collections::BTreeSet;
use std::fmt;

use mpenc::session::{FailReason, HistoryFault, OperationInfo, Outcome};
use mpenc::{ApiMisuse, Event, MemberId, Severity};
use mpenc_greet::ProposeError;
use mpenc_tokio::CallError;

use super::DIALECT;
use super::line::{Line, alarm, note, start, warning};
use super::words::{Name, Names, Printable, Shortened};

/// Puts events into words.
pub(crate) struct Teller {
    own: MemberId,
    /// Who has a public key in our peers file, ourselves included.
    known: BTreeSet<MemberId>,
    /// That file.
    peers: String,
    /// How many take part in the running operation.
    taking_part: usize,
    /// How many operations of ours others came before, since one of ours completed.
    rejected: usize,
}

/// From how many in a row on they are counted: fewer are chance.
const CONSPICUOUS: usize = 3;

impl Teller {
    pub(crate) fn new(own: MemberId, known: BTreeSet<MemberId>, peers: String) -> Self {
        Self { own, known, peers, taking_part: 0, rejected: 0 }
    }

    /// What an event says that needs no more than itself; messages, their acks and the end of the
    /// session are for somebody who has the log.
    pub(crate) fn tell(&mut self, event: &Event) -> Option<Line> {
        Some(match event {
            Event::EnteredChannel { others } if others.is_empty() => {
                note("you are in the room, alone; whoever enters can be included")
            }
            Event::EnteredChannel { others } => note(format!(
                "you are in the room, with {}, says the server; wait for a member to include you, or \
                 /start a session of your own",
                list(others)
            )),
            Event::MemberEntered(member) if self.known.contains(member) => {
                note(format!("somebody called {0} came in; /include {0} checks that", name(member)))
            }
            Event::MemberEntered(member) => note(format!(
                "somebody called {} came in; they cannot be included, as {} has no key for \
                 that name",
                name(member),
                self.peers
            )),
            Event::MemberLeft(member) => {
                note(format!("{} left the room, says the server", name(member)))
            }
            Event::NotIncluded => warning("nobody has included you in time"),
            Event::Excluded { by } => warning(format!(
                "{} excluded you: what the others write from now on cannot be read here",
                name(by)
            )),
            Event::Parting(member) => note(format!("{} is leaving", name(member))),
            Event::NotAccepted { author, missing, .. } if missing.is_empty() => warning(format!(
                "a message by {} waits out of sight: what its author had seen before the members, or \
                 the key, changed has not all come",
                name(author)
            )),
            Event::NotAccepted { author, missing, .. } => warning(format!(
                "a message by {} waits out of sight: {} that its author had seen {} not come",
                name(author),
                count(missing.len(), "message"),
                if missing.len() == 1 { "has" } else { "have" }
            )),
            Event::Accepted(_) => note("a message that waited out of sight has found its place"),
            Event::NotDecrypted { sender, octets, .. } => warning(format!(
                "a packet of {octets} octets, sent by {}, says the server, could not be opened so far",
                name(sender)
            )),
            Event::Decrypted(_) => note("a packet that could not be opened before has been opened"),
            Event::Plain { sender } => warning(format!(
                "something that is not encrypted came through the room, from {}, says the server; \
                 it is not shown",
                name(sender)
            )),
            Event::Refused { sender, fault } => warning(format!(
                "a packet was refused that was sent by {}, says the server: {fault}",
                name(sender)
            )),
            Event::PeerMisbehaved { member, fault } => alarm(format!(
                "{} broke the rules, in a packet signed by themselves: {fault}",
                name(member)
            )),
            Event::NotAuthenticated { operation, member } => alarm(format!(
                "{} did not confirm {} in a way that can be believed: either the key that you have \
                 of them is wrong, or the server replays or forges packets, which looks alike. \
                 Compare keys by another way before you go on with them",
                name(member),
                described(operation)
            )),
            Event::CandidateDropped {
                operation,
                reason: reason @ FailReason::NotAuthenticated(_),
            } => alarm(format!("{} is not followed: {}", described(operation), why(reason))),
            Event::HistoryDiffers { author, missing, there, .. } => {
                let seen = format!(
                    "when {} changed the members, they had seen {} that never came to you",
                    name(author),
                    count(missing.len(), "message")
                );
                if there.is_empty() {
                    warning(format!(
                        "{seen}, and nobody was there to send it again: what you see of before is \
                         not all there was"
                    ))
                } else {
                    alarm(format!(
                        "{seen}, although {} could have sent it again: the server, or {}, told \
                         different stories, and what you see of before is not all there was",
                        list(there),
                        name(author)
                    ))
                }
            }
            Event::Forked { author, accepted, refused } => alarm(format!(
                "{} told two stories: {} and {}, each signed by them, and neither written in view of \
                 the other; the first counts here. Nothing can be written until they are excluded",
                name(author),
                short(&accepted.id),
                short(&refused.id)
            )),
            Event::OrderMismatch { member, fault } => alarm(format!(
                "{} was told another history than you were: the server, or they, told different \
                 stories ({}); leave and join again",
                name(member),
                told(fault)
            )),
            Event::HistoryUnconfirmed { missing } => warning(format!(
                "not confirmed yet that all were told the same history: {}",
                list(missing)
            )),
            Event::HistoryConfirmed => {
                note("all have confirmed that they were told the same history")
            }
            Event::MemberExpired { member, .. } => warning(format!(
                "nothing shows that {} is still there: they have acked nothing for too long",
                name(member)
            )),
            Event::Sent { .. } => note("what waited for its readers has been sent to them"),
            Event::NotSent { readers, text, error, .. } => {
                let why = match error {
                    Some(error) => error.to_string(),
                    None => String::from("your part in the session is over"),
                };
                let (readers, text) = (list(readers), Shortened(text));
                warning(format!(
                    "never sent to {readers}, for whom it waited, because {why}: {text}"
                ))
            }
            Event::Internal(what) => {
                alarm(format!("a bug in this program closed the session: {what}"))
            }
            other => return self.operation(other),
        })
    }

    fn operation(&mut self, event: &Event) -> Option<Line> {
        Some(match event {
            Event::Proposed { own, operation, .. } => {
                Line::Proposed { own: own.to_string(), operation: operation.to_string() }
            }
            Event::OperationAccepted(info) | Event::Candidate(info) => {
                self.taking_part = info.members.len();
                Line::Accepted {
                    operation: info.operation.to_string(),
                    by: text(&info.author),
                    include: texts(&info.include),
                    exclude: texts(&info.exclude),
                    // All the others are new to us, and it is not we who asked for them.
                    joins: info.author != self.own
                        && !info.include.is_empty()
                        && info.members.len() == info.include.len().saturating_add(1),
                }
            }
            Event::OperationProgress { contributed, confirmed, awaited } => Line::Progress {
                contributed: contributed.len(),
                confirmed: confirmed.len(),
                of: self.taking_part,
                awaited: texts(awaited),
            },
            Event::OperationFailed { operation, reason }
            | Event::CandidateDropped { operation, reason } => Line::Failed {
                own: operation.own.map(|own| own.to_string()),
                operation: operation.operation.to_string(),
                by: text(&operation.author),
                why: why(reason),
            },
            Event::OperationOverdue { operation, awaited } => warning(format!(
                "{} takes longer than it should; awaiting {}",
                described(operation),
                list(awaited)
            )),
            Event::CannotConfirm { operation, reason } => warning(format!(
                "you do not confirm {}: {reason} (nobody is trusted without a key in {})",
                described(operation),
                self.peers
            )),
            Event::OperationEnded { own, outcome } => {
                self.rejected = match outcome {
                    Outcome::Completed => 0,
                    Outcome::Rejected { .. } => self.rejected.saturating_add(1),
                    _ => self.rejected,
                };
                Line::Ended {
                    own: own.to_string(),
                    completed: matches!(outcome, Outcome::Completed),
                    how: how(outcome, self.rejected),
                }
            }
            Event::Members { remain, include, exclude, operation, author, .. } => {
                let mut members = texts(remain.iter().chain(include));
                members.sort();
                Line::Members {
                    members,
                    include: texts(include),
                    exclude: texts(exclude),
                    by: text(author),
                    operation: operation.to_string(),
                    joined: *author != self.own
                        && *remain == [self.own.clone()]
                        && !include.is_empty(),
                }
            }
            other if other.severity() > Severity::Info => warning(format!("{other:?}")),
            _ => return None,
        })
    }

    /// Why a wish was refused. Nothing was done.
    pub(crate) fn refusal(&self, error: &CallError) -> Line {
        let CallError::Misuse(misuse) = error else { return warning("the session is over") };
        warning(match misuse {
            ApiMisuse::NotInSession => {
                "not sent: there is nobody to read it; members have to be included first".into()
            }
            ApiMisuse::NotSynced => "you are no member: a member has to include you first".into(),
            ApiMisuse::NotInChannel => "you are not in the room".into(),
            ApiMisuse::Parting => "you are leaving: nothing more can be sent or proposed".into(),
            ApiMisuse::OperationPending => {
                "a proposal of yours is pending: wait for its end".into()
            }
            ApiMisuse::NoOperation => "no operation runs that could be aborted".into(),
            ApiMisuse::CannotAbort => "you cannot abort the running operation".into(),
            ApiMisuse::InSession => "you are in a session already".into(),
            ApiMisuse::NotInChannelYet(member) => format!(
                "{} would have to take part, and is not in the room, says the server",
                name(member)
            ),
            ApiMisuse::Propose(ProposeError::NoIdentityKey(member)) => format!(
                "{} was not included: {} has no key for that name, and nobody is trusted without",
                name(member),
                self.peers
            ),
            ApiMisuse::Propose(ProposeError::NamesUs) => {
                "you cannot include or exclude yourself; /part leaves".into()
            }
            ApiMisuse::Propose(ProposeError::AlreadyMember(member)) => {
                format!("{} is a member already", name(member))
            }
            ApiMisuse::Propose(ProposeError::NotMember(member)) => {
                format!("{} is no member", name(member))
            }
            ApiMisuse::Propose(ProposeError::NamedTwice(member)) => {
                format!("{} is named twice", name(member))
            }
            ApiMisuse::Propose(ProposeError::Alone) => {
                "you are alone: there is no group key to refresh".into()
            }
            other => other.to_string(),
        })
    }
}

/// A member's name as it is, for [`Line`]s.
pub(crate) fn text(member: &MemberId) -> String {
    member.to_text(DIALECT)
}

/// Names as they are, for [`Line`]s.
pub(crate) fn texts<'a>(members: impl IntoIterator<Item = &'a MemberId>) -> Vec<String> {
    members.into_iter().map(text).collect()
}

/// A member's name in a sentence.
fn name(member: &MemberId) -> String {
    Name(&text(member)).to_string()
}

/// Names in a sentence.
pub(crate) fn list<'a>(members: impl IntoIterator<Item = &'a MemberId>) -> String {
    Names(&texts(members)).to_string()
}

/// The start of an id or a hash.
fn short(hash: &impl fmt::Display) -> String {
    start(&hash.to_string()).to_owned()
}

/// How another history than ours shows; what `/status` tells compares with it.
fn told(fault: &HistoryFault) -> String {
    match fault {
        HistoryFault::Differs { packet, ours, theirs } => format!(
            "at {}, their chain hash is {} and yours is {}",
            short(packet),
            short(theirs),
            short(ours)
        ),
        HistoryFault::Unknown { theirs, ours } => format!(
            "they accepted {}, which never came to you; your latest is {}",
            short(theirs),
            short(ours)
        ),
        other => other.to_string(),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn described(info: &OperationInfo) -> String {
    format!("the {} by {}", info.operation, name(&info.author))
}

fn why(reason: &FailReason) -> String {
    match reason {
        FailReason::MemberLeft(members) => {
            format!("{} left the room, says the server", list(members))
        }
        FailReason::Aborted { by, reason } if reason.is_empty() => {
            format!("{} aborted it", name(by))
        }
        FailReason::Aborted { by, reason } => {
            format!("{} aborted it and wrote: {}", name(by), Printable(reason))
        }
        FailReason::WeLeft => "you left the room".into(),
        FailReason::NotEntered(members) => format!("{} did not enter the room", list(members)),
        FailReason::NotAuthenticated(member) => format!(
            "the signature of {} did not verify: your key of them is wrong, or somebody forges or \
             replays their packets",
            name(member)
        ),
        FailReason::NotFollowed => "it is not the one that includes you".into(),
        FailReason::ChannelChanged => "who is in the room changed in the meantime".into(),
        other => format!("{other:?}"),
    }
}

fn how(outcome: &Outcome, rejected: usize) -> String {
    match outcome {
        Outcome::Completed => "is done".into(),
        Outcome::Rejected { by } => {
            let again = if rejected < CONSPICUOUS {
                "propose again what is still wanted".into()
            } else {
                format!("{rejected} in a row now: the server may be holding yours back")
            };
            format!("had no effect: an operation by {} was there first; {again}", name(by))
        }
        Outcome::Failed(reason) => format!("had no effect: {}", why(reason)),
        Outcome::TimedOut => {
            "timed out: the server has not passed it on so far; should it still do so, it runs"
                .into()
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_loses_again_and_again_is_told_so() {
        let by = MemberId::new(DIALECT, "mallory").unwrap();
        let how = |rejected| how(&Outcome::Rejected { by: by.clone() }, rejected);
        assert_eq!(
            how(2),
            "had no effect: an operation by mallory was there first; \
             propose again what is still wanted"
        );
        assert_eq!(
            how(3),
            "had no effect: an operation by mallory was there first; \
             3 in a row now: the server may be holding yours back"
        );
    }
}
