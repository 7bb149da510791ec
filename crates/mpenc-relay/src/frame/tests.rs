use proptest::prelude::*;

use super::*;

fn body(frame: &Frame<'_>) -> Bytes {
    let octets = frame.encode();
    let length = u32::from_be_bytes(*octets.first_chunk().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), octets.len() - HEADER);
    octets.slice(HEADER..)
}

#[test]
fn frames_have_these_octets() {
    let cases: [(Frame<'_>, &[u8]); 9] = [
        (
            Frame::Client(ClientFrame::Hello { version: 1, room: "ab", name: "c" }),
            b"\x01\x00\x01\x00\x02ab\x00\x01c",
        ),
        (Frame::Client(ClientFrame::Send { packet: "hi" }), b"\x02hi"),
        (Frame::Client(ClientFrame::Remove { name: "c" }), b"\x03\x00\x01c"),
        (Frame::Client(ClientFrame::Leave), b"\x04"),
        (
            Frame::Server(ServerFrame::Welcome { members: Vec::from(["a", "bc"]) }),
            b"\x81\x00\x01a\x00\x02bc",
        ),
        (Frame::Server(ServerFrame::Refused { reason: "no" }), b"\x82\x00\x02no"),
        (Frame::Server(ServerFrame::Entered { name: "a" }), b"\x83\x00\x01a"),
        (
            Frame::Server(ServerFrame::Left { name: "a", cause: LeaveCause::Removed { by: "b" } }),
            b"\x84\x00\x01a\x02\x00\x01b",
        ),
        (Frame::Server(ServerFrame::Packet { sender: "a", packet: "hi" }), b"\x85\x00\x01ahi"),
    ];
    for (frame, octets) in cases {
        assert_eq!(body(&frame), octets, "{frame:?}");
        assert_eq!(decode_frame(octets).as_ref(), Ok(&frame));
    }
}

#[test]
fn causes_have_these_numbers() {
    let causes = [
        (0, LeaveCause::Left),
        (1, LeaveCause::Disconnected),
        (3, LeaveCause::TooSlow),
        (4, LeaveCause::Misbehaved),
        (5, LeaveCause::Closing),
    ];
    for (number, cause) in causes {
        let frame = Frame::Server(ServerFrame::Left { name: "a", cause });
        assert_eq!(body(&frame).last(), Some(&number));
        assert_eq!(decode_frame(&body(&frame)), Ok(frame));
    }
}

#[test]
fn malformed_bodies_are_named() {
    let long = [&[tag::REMOVE, 0x04, 0x00][..], &[b'x'; 1024]].concat();
    let cases: [(&[u8], MalformedFrame); 12] = [
        (b"", MalformedFrame::Truncated),
        (b"\x01\x00", MalformedFrame::Truncated),
        (b"\x03\x00\x02a", MalformedFrame::Truncated),
        (b"\x03\x00\x01ab", MalformedFrame::TrailingOctets),
        (b"\x04\x00", MalformedFrame::TrailingOctets),
        (b"\x7f", MalformedFrame::UnknownTag(0x7f)),
        (b"\x84\x00\x01a\x09", MalformedFrame::UnknownCause(9)),
        (b"\x02\xff", MalformedFrame::NotUtf8),
        (b"\x03\x00\x00", MalformedFrame::Name(InvalidName::Empty)),
        (b"\x03\x00\x0a__server__", MalformedFrame::Name(InvalidName::Reserved)),
        (b"\x82\x00\x02a\n", MalformedFrame::Reason(InvalidName::Control)),
        (&long, MalformedFrame::Name(InvalidName::TooLong)),
    ];
    for (octets, error) in cases {
        assert_eq!(decode_frame(octets), Err(error), "{octets:?}");
    }
}

#[test]
fn packets_have_a_limit() {
    let longest = "x".repeat(MAX_PACKET);
    let frame = Frame::Client(ClientFrame::Send { packet: &longest });
    assert_eq!(decode_frame(&body(&frame)), Ok(frame));
    let mut longer = body(&Frame::Client(ClientFrame::Send { packet: &longest })).to_vec();
    longer.push(b'x');
    let error = MalformedFrame::TooLong { octets: MAX_PACKET + 1, limit: MAX_PACKET };
    assert_eq!(decode_frame(&longer), Err(error));
    let huge = vec![0; MAX_BODY + 1];
    let error = MalformedFrame::TooLong { octets: MAX_BODY + 1, limit: MAX_BODY };
    assert_eq!(decode_frame(&huge), Err(error));
}

#[test]
fn cutting_keeps_characters_whole() {
    assert_eq!(cut("aé", 3), "aé");
    assert_eq!(cut("aé", 2), "a");
    assert_eq!(cut("🦀", 3), "");
}

fn name() -> impl Strategy<Value = String> {
    "[a-zé🦀]{1,20}"
}

proptest! {
    #[test]
    fn any_octets_decode_or_fail_and_what_decodes_is_canonical(octets: Vec<u8>, tag in 0u8..6) {
        let tagged: Vec<u8> = [tag, tag | 0x80].into_iter().chain(octets).collect();
        for octets in [&tagged[..], &tagged[1..]] {
            if let Ok(frame) = decode_frame(octets) {
                prop_assert_eq!(&body(&frame)[..], octets);
            }
        }
    }

    #[test]
    fn frames_round_trip(room in name(), names in prop::collection::vec(name(), 0..5), text: String) {
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        let frames = [
            Frame::Client(ClientFrame::Hello { version: 7, room: &room, name: &room }),
            Frame::Client(ClientFrame::Send { packet: &text }),
            Frame::Server(ServerFrame::Packet { sender: &room, packet: &text }),
            Frame::Server(ServerFrame::Welcome { members }),
        ];
        for frame in frames {
            let body = body(&frame);
            prop_assert_eq!(decode_frame(&body), Ok(frame));
        }
    }
}
