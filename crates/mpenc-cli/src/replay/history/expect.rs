//! Compares what a packet did to a member with what is recorded of it.

use std::fmt;

use mpenc_message::{Kind, OrderAck};
use mpenc_wire::MessageId;

use super::DIALECT;
use crate::hex_bytes::{Hex, HexVec};
use crate::replay::format::{DataKind, DataStep};
use crate::replay::member::{Effect, Ordered};
use crate::replay::report::Report;

/// A packet entered the order as recorded, or did not.
pub(super) fn expect_ordered(
    place: impl fmt::Display + Copy,
    recorded: Option<(&str, &Hex<32>)>,
    effects: &[Effect],
    report: &mut Report,
) {
    let ordered = effects.iter().find_map(|effect| match effect {
        Effect::Ordered(ordered) => Some(ordered),
        _ => None,
    });
    match (recorded, ordered) {
        (None, None) => {
            if !matches!(effects, [Effect::Applied, ..]) {
                report.differs(place, reason(effects));
            }
        }
        (Some((entry, chain_hash)), Some(Ordered { entry: ours, chain_hash: chain, .. })) => {
            let ours = HexVec(ours.as_bytes().to_vec());
            report.expect_eq(place, "type", &HexVec(entry.as_bytes().to_vec()), &ours);
            report.expect_eq(place, "chain hash", &chain_hash.0, chain.as_bytes());
        }
        (Some(_), None) => report.differs(place, reason(effects)),
        (None, Some(_)) => report.differs(place, "it entered the server order"),
    }
    for effect in effects {
        match effect {
            Effect::Internal(error) => report.differs(place, error),
            Effect::CannotConfirm(reason) => report.differs(place, reason),
            _ => {}
        }
    }
}

/// A message was opened, and is the recorded one.
pub(super) fn expect_opened(
    place: impl fmt::Display + Copy,
    (author, mid): (&str, &Hex<32>),
    recorded: Option<&DataStep>,
    effects: &[Effect],
    report: &mut Report,
) {
    let [Effect::Opened(_, opened)] = effects else {
        report.differs(place, reason(effects));
        return;
    };
    report.expect_eq(place, "message id", &message_id(mid), &opened.id);
    report.expect_eq(place, "author", &author.to_owned(), &opened.author.to_text(DIALECT));
    let Some(data) = recorded else { return };
    report.expect_eq(place, "text", &data.text, &opened.text);
    report.expect_eq(place, "kind", &kind(data.kind), &opened.kind);
    let parents: Vec<MessageId> = data.parents.iter().map(message_id).collect();
    report.expect_eq(place, "parents", &parents, &opened.parents);
    report.expect_eq(place, "order ack", &order_ack(data), &opened.order_ack);
}

/// Why nothing came of a packet.
fn reason(effects: &[Effect]) -> String {
    match effects {
        [Effect::NotTaken(_, reason)] => format!("not taken: {reason}"),
        other => format!("not what is recorded, but {other:?}"),
    }
}

pub(super) fn order_ack(data: &DataStep) -> Option<OrderAck> {
    data.order_ack.map(|(packet_id, chain_hash)| OrderAck {
        packet_id: packet_id.0,
        chain_hash: chain_hash.0,
    })
}

pub(super) const fn kind(kind: DataKind) -> Kind {
    match kind {
        DataKind::Payload => Kind::Payload,
        DataKind::AckAuto => Kind::AckAutomatic,
        DataKind::AckManual => Kind::AckManual,
        DataKind::Heartbeat => Kind::Heartbeat,
        DataKind::Consistency => Kind::Consistency,
        DataKind::Fin => Kind::Fin,
    }
}

pub(super) fn message_id(mid: &Hex<32>) -> MessageId {
    MessageId::from_hash(DIALECT, &mid.0)
}
