//! Round trips, and forgeries.

use mpenc_message::{Draft, Kind, MessageSecurity, OrderAck};
use mpenc_wire::{Dialect, MessageId, unarmor};
use proptest::prelude::*;

use crate::support::{Draws, Peer, open, open_contents};

#[derive(Clone, Debug)]
struct Written {
    dialect: Dialect,
    kind: Kind,
    text: String,
    parents: Vec<MessageId>,
    order_ack: Option<OrderAck>,
}

fn written() -> impl Strategy<Value = Written> {
    let kinds = [Kind::AckAutomatic, Kind::AckManual, Kind::Consistency, Kind::Fin];
    let text = prop_oneof![Just(String::new()), "\\PC{1,300}", any::<String>()];
    let parents = proptest::collection::btree_set(any::<[u8; 32]>(), 0..=2);
    let order_ack = proptest::option::of(any::<([u8; 32], [u8; 32])>());
    (proptest::sample::select(&Dialect::ALL[..]), text, 0..4_usize, parents, order_ack).prop_map(
        move |(dialect, text, kind, parents, order_ack)| Written {
            dialect,
            kind: if text.is_empty() { kinds[kind] } else { Kind::Payload },
            text,
            parents: parents.iter().map(|hash| MessageId::from_hash(dialect, hash)).collect(),
            order_ack: order_ack.map(|(packet_id, chain_hash)| OrderAck { packet_id, chain_hash }),
        },
    )
}

impl Written {
    fn seal(&self, iv: [u8; 12]) -> mpenc_message::Sealed {
        let draft = Draft {
            parents: &self.parents,
            kind: self.kind,
            text: &self.text,
            order_ack: self.order_ack,
        };
        Peer::ann(self.dialect).security().seal(&mut Draws(iv.to_vec()), &draft).unwrap()
    }
}

proptest! {
    #[test]
    fn what_is_sealed_can_be_opened(written in written(), iv: [u8; 12]) {
        let sealed = written.seal(iv);
        let ben = Peer::ben(written.dialect).security();
        let opened = open(&ben, &Peer::ann(written.dialect).own, &sealed.packet).unwrap();
        prop_assert_eq!(opened.id, sealed.id);
        prop_assert_eq!(opened.kind, written.kind);
        prop_assert_eq!(opened.text, written.text);
        prop_assert_eq!(opened.parents, written.parents);
        prop_assert_eq!(opened.order_ack, written.order_ack);
    }

    #[test]
    fn a_packet_with_any_flipped_bit_is_refused(
        written in written(),
        iv: [u8; 12],
        at: proptest::sample::Index,
        bit in 0..8_u8,
    ) {
        let sealed = written.seal(iv);
        let mut buffer = Vec::new();
        let mut contents = unarmor(&sealed.packet, &mut buffer).unwrap().to_vec();
        let at = at.index(contents.len());
        contents[at] ^= 1 << bit;
        let ben = Peer::ben(written.dialect).security();
        let ann = Peer::ann(written.dialect).own;
        prop_assert!(open_contents(&ben, &ann, &contents).is_err());
    }

    #[test]
    fn any_plaintext_by_a_member_is_opened_or_refused(
        js: bool,
        plaintext in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let dialect = if js { Dialect::MPENC_JS } else { Dialect::DOCUMENT };
        let ann = Peer::ann(dialect);
        let _ = open(&ann.security(), &ann.own, &ann.seal_plaintext(&plaintext));
    }
}

/// Every bit of one packet, in both dialects.
#[test]
fn every_flipped_bit_is_refused() {
    for dialect in Dialect::ALL {
        let draft = Draft { parents: &[], kind: Kind::Payload, text: "hi", order_ack: None };
        let ann = Peer::ann(dialect);
        let sealed = ann.security().seal(&mut Draws(vec![1; 12]), &draft).unwrap();
        let mut buffer = Vec::new();
        let mut contents = unarmor(&sealed.packet, &mut buffer).unwrap().to_vec();
        let ben = Peer::ben(dialect).security();
        for bit in 0..contents.len() * 8 {
            contents[bit / 8] ^= 1 << (bit % 8);
            assert!(open_contents(&ben, &ann.own, &contents).is_err(), "bit {bit}");
            contents[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(open_contents(&ben, &ann.own, &contents).is_ok());
    }
}
