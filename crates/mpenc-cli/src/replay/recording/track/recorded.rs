//! Compares what a member did with what the recording says of it.

use std::collections::BTreeSet;

use mpenc_message::{Kind, Opened};
use mpenc_order::{IgnoreReason, RejectReason};
use mpenc_wire::{MemberId, MessageId};
use sha2::{Digest, Sha256};

use super::{Place, Role, Track, with_data};
use crate::hex_bytes::{Hex, HexVec};
use crate::replay::agreed::compare_agreed;
use crate::replay::format::{Body, Message, SubSessionRecord, SyncedFrom};
use crate::replay::member::{Agreed, NotTaken, Ordered};
use crate::replay::recording::{DIALECT, ids};
use crate::replay::report::Report;

impl Track<'_> {
    /// The first implementation decided about a packet: so did our server order.
    pub(super) fn op_packet(
        &mut self,
        place: Place<'_>,
        op: usize,
        accepted: bool,
        code: Option<&str>,
        synced_from: Option<&SyncedFrom>,
        report: &mut Report,
    ) {
        let Some(recorded) = self.recording.op_packets.get(op) else {
            return report.differs(place, "there is no such operation packet");
        };
        let id = recorded.packet_id;
        let role = Role { initial: recorded.initial, last: recorded.last };
        let reason = self.not_taken.get(&id.0);
        if !accepted {
            let ours = self.roles.get(&id.0).copied();
            report.expect_eq(place, "its place in the operation", &Some(role), &ours);
            return match reason {
                Some(reason) if is_reason(code, reason) => {}
                Some(reason) => report.differs(
                    place,
                    format_args!("recorded rejection {}, ours: {reason}", code.unwrap_or("?")),
                ),
                None => report.differs(place, format_args!("the packet {id} was taken")),
            };
        }
        let next = self.ordered.front().is_some_and(|ordered| *ordered.id.as_bytes() == id.0);
        let Some(ordered) = next.then(|| self.ordered.pop_front()).flatten() else {
            let reason = reason.map_or_else(|| "it did not come".to_owned(), ToString::to_string);
            return report.differs(place, format_args!("the packet {id} was not taken: {reason}"));
        };
        let ours = Role::from(ordered.entry);
        report.expect_eq(place, "its place in the operation", &role, &ours);
        let entry = HexVec(ordered.entry.as_bytes().to_vec());
        let recorded_entry = recorded.packet_type.as_ref().map(|kind| HexVec(kind.clone().into()));
        report.expect_eq(place, "packet type", &recorded_entry, &Some(entry));
        let recorded_hash = recorded.chain_hash.map(|hash| hash.0);
        let hash = *ordered.chain_hash.as_bytes();
        report.expect_eq(place, "chain hash", &recorded_hash, &Some(hash));
        let ours = ordered.synced_from.map(|(id, hash)| (*id.as_bytes(), *hash.as_bytes()));
        let theirs = synced_from.map(|from| (from.prev_pf.0, from.prev_ch.0));
        let ((ours_id, ours_hash), (id, hash)) = (ours.unzip(), theirs.unzip());
        report.expect_eq(place, "PREV_PF where its order begins", &id, &ours_id);
        report.expect_eq(place, "chain hash where its order begins", &hash, &ours_hash);
    }

    /// Leavers ended the running operation.
    pub(super) fn aborted(
        &mut self,
        place: Place<'_>,
        packet_id: &Hex<32>,
        chain_hash: &Hex<32>,
        report: &mut Report,
    ) {
        let (id, hash) = self.left.pop_front().map(octets).unzip();
        report.expect_eq(place, "leave packet id", &Some(packet_id.0), &id);
        report.expect_eq(place, "chain hash", &Some(chain_hash.0), &hash);
    }

    /// It entered a sub-session: so did we, with the same keys.
    pub(super) fn subsession(&mut self, place: Place<'_>, reference: usize, report: &mut Report) {
        let Some(recorded) = self.recording.subsessions.get(reference) else {
            return report.differs(place, "there is no such sub-session");
        };
        let entered = self.entered.pop_front();
        let Some(ours) = entered.and_then(|at| self.member.subsessions().get(at)) else {
            return report.differs(place, "it does not enter this sub-session");
        };
        compare_agreed(place, &agreed(recorded), &ours.agreed, report);
        let (prev_pf, chain_hash) = octets(ours.end);
        report.expect_eq(place, "chain hash", &recorded.chain_hash.0, &chain_hash);
        report.expect_eq(place, "packet id of the final packet", &recorded.prev_pf.0, &prev_pf);
        let latest = recorded.metadata_parents.iter().filter_map(|&at| self.index.id(at));
        let (latest, ours): (BTreeSet<_>, BTreeSet<_>) =
            (latest.collect(), ours.latest_pm.iter().copied().collect());
        if latest != ours {
            report.differs(place, "the latest messages before it are others");
        }
    }

    /// Its transcript accepted a message: we must have opened it.
    pub(super) fn accepted(&mut self, place: Place<'_>, at: usize, report: &mut Report) {
        let Some(id) = self.index.id(at) else {
            return report.differs(place, "there is no such message");
        };
        if !self.accepted.insert(id) {
            return;
        }
        if !self.opened.contains_key(&id) {
            self.foresee(place, &id, report);
        }
        let Some((at, opened)) = self.opened.get(&id) else {
            let id = Hex::<20>(id.as_bytes().try_into().unwrap_or_default());
            return report.differs(place, format_args!("the message {id} was not opened"));
        };
        if let Some(transcript) = self.transcripts.get_mut(*at) {
            if opened.author == *self.member.id() {
                self.parents.insert(id, transcript.parents());
            }
            transcript.accept(id, &opened.parents);
        }
    }

    /// Own messages are accepted just before they are sent.
    fn foresee(&mut self, place: Place<'_>, id: &MessageId, report: &mut Report) {
        let own = self.index.message(id).is_some_and(|message| message.author == self.name);
        let Some(packet) = self.index.packet(id).filter(|_| own) else { return };
        let author = self.member.id();
        let opened = with_data(packet, |data| self.member.open(author, data).ok()).flatten();
        if let Some((at, opened)) = opened {
            self.open(place, at, opened, report);
        }
    }

    /// A message was opened: it must be the recorded one.
    pub(super) fn open(
        &mut self,
        place: Place<'_>,
        at: usize,
        opened: Opened,
        report: &mut Report,
    ) {
        if let Some(message) = self.index.message(&opened.id) {
            self.compare(place, at, message, &opened, report);
        }
        self.opened.insert(opened.id, (at, opened));
    }

    fn compare(
        &self,
        place: Place<'_>,
        at: usize,
        recorded: &Message,
        opened: &Opened,
        report: &mut Report,
    ) {
        report.expect_eq(place, "author", &recorded.author, &opened.author.to_text(DIALECT));
        report.expect_eq(place, "kind", &kind(recorded.body), &opened.kind);
        let parents: BTreeSet<MessageId> =
            recorded.parents.iter().filter_map(|&at| self.index.id(at)).collect();
        if parents != opened.parents.iter().copied().collect() {
            report.differs(place, "the message has other parents");
        }
        let readers: BTreeSet<MemberId> = ids(&recorded.readers);
        let members = self.member.subsessions().get(at).map(|ours| &ours.agreed.members);
        let ours = members.into_iter().flatten().filter(|member| **member != opened.author);
        if readers != ours.cloned().collect() {
            report.differs(place, "the message has other readers");
        }
        let content = &recorded.content;
        if let Some(text) = &content.text {
            report.expect_eq(place, "text", text, &opened.text);
        }
        if let Some(recorded) = content.sha256 {
            let hash = Sha256::digest(&opened.text).into();
            report.expect_eq(place, "SHA-256 of the text", &recorded.0, &hash);
        }
        if content.length.is_some_and(|length| length != opened.text.len()) {
            report.differs(place, "the text has another length");
        }
    }
}

fn octets(ordered: Ordered) -> ([u8; 32], [u8; 32]) {
    (*ordered.id.as_bytes(), *ordered.chain_hash.as_bytes())
}

fn agreed(recorded: &SubSessionRecord) -> Agreed {
    let octets = |values: &[Hex<32>]| values.iter().map(|value| value.0).collect();
    Agreed {
        session_id: recorded.session_id.0,
        group_key: recorded.group_key.0,
        members: ids(&recorded.members),
        int_keys: octets(&recorded.int_keys),
        nonces: octets(&recorded.nonces),
        ephemeral_keys: octets(&recorded.ephemeral_pub_keys),
    }
}

const fn kind(body: Body) -> Kind {
    match body {
        Body::Payload => Kind::Payload,
        Body::AckManual => Kind::AckManual,
        Body::AckAuto => Kind::AckAutomatic,
        Body::Consistency => Kind::Consistency,
        Body::ConsistencyClose => Kind::Fin,
    }
}

/// Whether the first implementation's code and our reason name the same rule.
fn is_reason(code: Option<&str>, reason: &NotTaken) -> bool {
    matches!(
        (code, reason),
        (
            // We verify first, and what builds on another group need not verify in ours.
            Some(
                "pending_operation" | "wrong_prev_pf" | "not_all_members_in_channel" | "duplicate",
            ),
            NotTaken::Refused(_),
        ) | (
            Some("pending_operation" | "wrong_prev_pf"),
            NotTaken::Rejected(RejectReason::ParentTaken | RejectReason::UnknownParent { .. }),
        ) | (Some("unsynced_not_for_us"), NotTaken::Ignored(IgnoreReason::NotForUs))
            | (Some("not_all_members_in_channel"), NotTaken::Ignored(IgnoreReason::TargetAbsent))
            | (Some("unsynced_seen_prev_pf"), NotTaken::Rejected(RejectReason::Doubtful))
            | (Some("duplicate"), NotTaken::Ignored(IgnoreReason::Duplicate))
    )
}
