//! Decodes and encodes again. The fuzz targets share this file.

use mpenc_wire::{
    AbortFields, DataFields, Dialect, GreetingFields, GreetingPacket, MemberId, MessageId,
    MetadataFields, Packet, Plaintext, PlaintextFields, armor, records, resend, unarmor,
};

/// Whatever these octets are: nothing panics, and what decodes encodes to the same octets. The
/// first one chooses the dialect.
pub fn survive(input: &[u8]) {
    let Some((&choice, octets)) = input.split_first() else { return };
    let dialect = Dialect::ALL[usize::from(choice % 2)];
    if let Ok(packet) = Packet::decode(dialect, octets) {
        assert_eq!(encode(dialect, &packet), armor(octets));
    }
    if let Ok(plaintext) = Plaintext::decode(dialect, octets) {
        assert_eq!(encode_plaintext(&plaintext), octets);
    }
    // What a reader of single records takes is all of it, or ends in one fault.
    let mut end = 0;
    for record in records(octets) {
        let Ok(record) = record else { break };
        assert_eq!(record.offset, end);
        end += 4 + record.value.len();
    }
    assert!(end <= octets.len());
    if let Ok(text) = core::str::from_utf8(octets) {
        let mut buffer = Vec::new();
        if let Ok(contents) = unarmor(text, &mut buffer) {
            assert_eq!(armor(contents), text);
        }
        let _ = MemberId::new(dialect, text).map(|id| assert_eq!(id.to_text(dialect), text));
    }
    let _ = MemberId::from_wire(dialect, octets).map(|id| format!("{id} {id:?}"));
}

fn encode_plaintext(plaintext: &Plaintext<'_>) -> Vec<u8> {
    let parents: Vec<MessageId> = plaintext.parents.iter().collect();
    let (kind, body) = (plaintext.kind, plaintext.body);
    let fields = PlaintextFields { parents: &parents, kind, body, order_ack: None };
    [&fields.encode().unwrap(), plaintext.extensions].concat()
}

pub fn encode(dialect: Dialect, packet: &Packet<'_>) -> String {
    match packet {
        Packet::Greeting(greeting) => encode_greeting(dialect, greeting),
        Packet::Data(data) => {
            let fields = DataFields { hint: data.hint, iv: data.iv, payload: data.payload };
            let unsigned = fields.encode(dialect).unwrap();
            assert_eq!(unsigned.signed(), data.signed);
            let packet = unsigned.finish(data.signature);
            match data.resent_author {
                Some(author) => resend(&packet, &author.to_owned()).unwrap(),
                None => packet,
            }
        }
        Packet::Abort(abort) => {
            let source = abort.source.to_owned();
            let fields =
                AbortFields { source: &source, aborted_pi: abort.aborted_pi, reason: abort.reason };
            let unsigned = fields.encode(dialect).unwrap();
            assert_eq!(unsigned.signed(), abort.signed);
            unsigned.finish(abort.signature)
        }
        other => panic!("unknown packet {other:?}"),
    }
}

fn encode_greeting(dialect: Dialect, packet: &GreetingPacket<'_>) -> String {
    let source = packet.source.to_owned();
    let dest = packet.dest.map(|dest| dest.to_owned());
    let members: Vec<MemberId> = packet.members.iter().map(|member| member.to_owned()).collect();
    let int_keys: Vec<_> = packet.int_keys.iter().copied().collect();
    let nonces: Vec<_> = packet.nonces.iter().copied().collect();
    let pub_keys: Vec<_> = packet.pub_keys.iter().copied().collect();
    let latest_pm: Vec<_> =
        packet.metadata.iter().flat_map(|metadata| metadata.latest_pm.iter()).collect();
    let fields = GreetingFields {
        greet_type: packet.greet_type,
        source: &source,
        dest: dest.as_ref(),
        members: &members,
        int_keys: &int_keys,
        nonces: &nonces,
        pub_keys: &pub_keys,
        metadata: packet.metadata.as_ref().map(|metadata| MetadataFields {
            prev_pf: metadata.prev_pf,
            chain_hash: metadata.chain_hash,
            latest_pm: &latest_pm,
        }),
        session_signature: packet.session_signature,
    };
    let unsigned = fields.encode(dialect).unwrap();
    assert_eq!(unsigned.signed(), packet.signed);
    unsigned.finish(packet.signature)
}
