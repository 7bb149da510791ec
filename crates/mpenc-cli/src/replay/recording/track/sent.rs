//! Has a member make its packets again.

use mpenc_greet::Change;
use mpenc_message::Draft;
use mpenc_wire::{DataPacket, GreetOperation, GreetingPacket, MemberId, Packet, unarmor};

use super::{Place, Track};
use crate::replay::difference::difference;
use crate::replay::format::{ChannelKind, Entry, Line, Sent};
use crate::replay::recording::transcript::Transcript;
use crate::replay::recording::{DIALECT, MadeAgain};
use crate::replay::report::Report;

impl Track<'_> {
    /// It sent a packet: we make the same one now. `rest` are the entries from this one on.
    pub(super) fn sent(
        &mut self,
        place: Place<'_>,
        sent: &Sent,
        rest: &[Line],
        report: &mut Report,
        made: &mut MadeAgain,
    ) {
        let event = sent.channel.and_then(|at| self.recording.channel.get(at));
        let ordered = event.and_then(|event| match &event.kind {
            ChannelKind::Packet { packet } => Some(packet),
            ChannelKind::Members { .. } => None,
        });
        let Some(recorded) = ordered.or(sent.packet.as_ref()) else {
            return report.differs(place, "there is no such packet");
        };
        let mut buffer = Vec::new();
        let decoded =
            unarmor(recorded, &mut buffer).and_then(|contents| Packet::decode(DIALECT, contents));
        let ours = match decoded {
            Ok(Packet::Greeting(greeting)) => {
                if greeting.metadata.is_some() {
                    self.accept_early(place, rest, report);
                    self.propose(place, &greeting, report);
                }
                self.member.next_outgoing()
            }
            Ok(Packet::Data(data)) => self.seal(place, &data, report),
            Ok(_) => None,
            Err(error) => return report.differs(place, error),
        };
        match ours {
            Some(ours) if ours == *recorded => made.extend(sent.channel),
            Some(ours) => report.differs(
                place,
                format_args!("it makes another packet: {}", difference(recorded, &ours)),
            ),
            None => report.differs(place, "it makes no packet here"),
        }
    }

    /// A message that leads to a proposal is accepted before it, and recorded after it.
    fn accept_early(&mut self, place: Place<'_>, rest: &[Line], report: &mut Report) {
        let entries = rest.iter().map(|line| &line.entry);
        let until_next = entries.take_while(|entry| !matches!(entry, Entry::Received(_)));
        for entry in until_next {
            if let Entry::Accepted { message } = entry {
                let theirs =
                    self.index.id(*message).is_some_and(|id| self.opened.contains_key(&id));
                if theirs {
                    self.accepted(place, *message, report);
                }
            }
        }
    }

    /// What it proposes follows from the members that the packet names.
    fn propose(&mut self, place: Place<'_>, packet: &GreetingPacket<'_>, report: &mut Report) {
        let named: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let members = self.member.members();
        let without = |these: &[MemberId], others: &[MemberId]| -> Vec<MemberId> {
            these.iter().filter(|member| !others.contains(member)).cloned().collect()
        };
        let (new, gone) = (without(&named, members), without(members, &named));
        let change = match packet.greet_type.operation() {
            Some(GreetOperation::Exclude) => Change::Exclude(&gone),
            Some(GreetOperation::Refresh) => Change::Refresh,
            _ => Change::Include(&new),
        };
        let transcript = self.member.current().and_then(|at| self.transcripts.get(at));
        let latest = transcript.map(Transcript::latest).unwrap_or_default();
        if let Err(error) = self.member.propose(change, latest) {
            report.differs(place, format_args!("the operation cannot be proposed: {error}"));
        }
    }

    /// Seals a recorded message again. That its parents are what the member had accepted is
    /// compared by itself.
    fn seal(
        &mut self,
        place: Place<'_>,
        packet: &DataPacket<'_>,
        report: &mut Report,
    ) -> Option<String> {
        let (at, opened) = match self.member.open(self.member.id(), packet) {
            Ok(opened) => opened,
            Err(error) => {
                report.differs(place, format_args!("the recorded packet: {error}"));
                return None;
            }
        };
        let known = self.parents.remove(&opened.id);
        let ours = known.or_else(|| self.transcripts.get(at).map(Transcript::parents));
        report.expect_eq(place, "parents", &Some(opened.parents.clone()), &ours);
        let draft = Draft {
            parents: &opened.parents,
            kind: opened.kind,
            text: &opened.text,
            order_ack: None,
        };
        let sealed = self.member.seal(at, &draft)?;
        self.open(place, at, opened, report);
        match sealed {
            Ok(sealed) => Some(sealed.packet),
            Err(error) => {
                report.differs(place, error);
                None
            }
        }
    }
}
