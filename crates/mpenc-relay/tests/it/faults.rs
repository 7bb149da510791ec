use mpenc_relay::{
    ClientFrame, Ended, LeaveCause, MAX_BODY, Notice, RelayClient, RelayError, ServerFrame,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Running, entered, left, loopback, next, packet, refusal_of, say, within};

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[..], body].concat()
}

#[tokio::test]
async fn strangers_that_speak_something_else_get_a_sentence() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let cases: [(Vec<u8>, &str); 9] = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "longer than the 2053 allowed here"),
        (vec![0xff; 100_000], "a frame of 4294967295 octets is longer"),
        (framed(b""), "the frame ends inside a field"),
        (framed(b"\x01\x00\x01\x00"), "the frame ends inside a field"),
        (framed(b"\x7fwhat?"), "no frame has the tag 0x7f"),
        (framed(b"\x01\x00\x01\x00\x01r\x00\x01\xff"), "a string in the frame is not UTF-8"),
        (framed(b"\x01\x00\x01\x00\x01r\x00\x0a__server__"), "`__server__` is reserved"),
        (framed(b"\x02hello"), "a Send frame is out of place here"),
        (
            ClientFrame::Hello { version: 2, room: "room", name: "bob" }.encode().to_vec(),
            "the relay speaks version 1 of its protocol, not 2",
        ),
    ];
    let count = cases.len();
    for (octets, sentence) in cases {
        let mut stranger = within(TcpStream::connect(relay.addr)).await.unwrap();
        let reason = refusal_of(&mut stranger, &octets).await;
        assert!(reason.contains(sentence), "{reason}");
    }
    // Nobody in the room has heard any of it.
    say(&mut alice, "quiet here").await;
    assert_eq!(next(&mut alice).await, packet("alice", "quiet here"));
    assert_eq!(relay.handle.statistics().refused, u64::try_from(count).unwrap());
}

#[tokio::test]
async fn members_that_break_the_protocol_leave_with_a_sentence() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let hello = ClientFrame::Hello { version: 1, room: "room", name: "mallory" }.encode();
    let oversized = u32::try_from(MAX_BODY + 1).unwrap().to_be_bytes().to_vec();
    let cases: [(Vec<u8>, &str); 6] = [
        (oversized, "a frame of 1469033 octets is longer than the 1469032 allowed here"),
        (framed(b"\x02\xc3"), "a string in the frame is not UTF-8"),
        (framed(b"\x04 bye"), "octets follow the frame's last field"),
        (framed(b"\x03\x00\x00"), "the frame names nobody: a name must not be empty"),
        (hello.to_vec(), "a Hello frame is out of place here"),
        (
            ServerFrame::Packet { sender: "alice", packet: "forged" }.encode().to_vec(),
            "a Packet frame is out of place here",
        ),
    ];
    for (octets, sentence) in cases {
        let mut mallory = within(TcpStream::connect(relay.addr)).await.unwrap();
        let reason = refusal_of(&mut mallory, &[&hello[..], &octets].concat()).await;
        assert_eq!(reason, sentence);
        assert_eq!(next(&mut alice).await, entered("mallory"));
        assert_eq!(next(&mut alice).await, left("mallory", LeaveCause::Misbehaved));
    }
}

#[tokio::test]
async fn a_connection_that_drops_inside_a_frame_is_a_leave() {
    let relay = Running::start(|config| config).await;
    let mut alice = relay.enter("alice").await;
    let hello = ClientFrame::Hello { version: 1, room: "room", name: "bob" }.encode();
    let mut bob = within(TcpStream::connect(relay.addr)).await.unwrap();
    let half = [&hello[..], &[0, 0, 0, 9, 0x02, b'h']].concat();
    within(bob.write_all(&half)).await.unwrap();
    assert_eq!(next(&mut alice).await, entered("bob"));
    drop(bob);
    assert_eq!(next(&mut alice).await, left("bob", LeaveCause::Disconnected));
}

/// Accepts one client and answers with these octets, whatever it says.
async fn answering(octets: Vec<u8>) -> std::net::SocketAddr {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&octets).await.unwrap();
        // Open until the client has gone: its end is its own decision.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    addr
}

#[tokio::test]
async fn a_client_does_not_trust_what_calls_itself_a_relay() {
    for octets in
        [b"HTTP/1.1 400 Bad Request".to_vec(), framed(b"\x81\x00"), framed(b"\x83\x00\x01a")]
    {
        let addr = answering(octets).await;
        let error = within(RelayClient::connect(addr, "room", "alice")).await.unwrap_err();
        assert!(matches!(error, RelayError::Malformed(_)), "{error}");
    }
    let welcome = ServerFrame::Welcome { members: vec!["alice"] }.encode();
    for octets in [&b"\xff\xff\xff\xff"[..], &framed(b"\x04"), &framed(b"\x99"), &welcome] {
        let addr = answering([&welcome[..], octets].concat()).await;
        let (mut alice, _) = within(RelayClient::connect(addr, "room", "alice")).await.unwrap();
        let notice = next(&mut alice).await;
        assert!(matches!(notice, Some(Notice::Ended(Ended::Malformed(_)))), "{notice:?}");
        assert_eq!(next(&mut alice).await, None);
    }
}
