use super::*;
use mpenc_wire::armor;

/// Something that looks like a data packet of this number, sent again by others or not.
fn data(number: u8, again: bool) -> String {
    let mut contents = Vec::new();
    let mut record = |kind: u16, value: &[u8]| {
        contents.extend(kind.to_be_bytes());
        contents.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        contents.extend(value);
    };
    if again {
        record(0x0100, b"alice");
    }
    record(0x0012, &[7]);
    record(0x0003, &[number; 64]);
    record(0x0001, &[0, 1]);
    record(0x0002, &[3]);
    record(0x0011, &[0; 12]);
    record(0x0010, &[0; 128]);
    armor(&contents)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

const FOUR: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn packet<'a>(sender: &'a str, packet: &'a str) -> ServerFrame<'a> {
    ServerFrame::Packet { sender, packet }
}

fn tampering(faults: Faults) -> Tampering {
    Tampering::new(faults)
}

#[test]
fn only_data_packets_get_lost_doubled_and_delayed() {
    let delay = Duration::from_millis(300);
    let mut tampering =
        tampering(Faults { drop: 20, duplicate: 5, delay, seed: 1, ..Faults::default() });
    let members = names(&FOUR);
    let mut copies = [0_usize; 3];
    let mut latest = Duration::ZERO;
    for number in 0..250 {
        let text = data(number, false);
        for fate in tampering.instead("room", &members, &packet("alice", &text)) {
            copies[fate.len()] += 1;
            latest = fate.iter().map(|(late, _)| *late).fold(latest, Duration::max);
        }
    }
    let [lost, once, twice] = copies;
    assert!((150..250).contains(&lost) && (25..80).contains(&twice), "{copies:?} of 1,000");
    assert_eq!(lost + once + twice, 1_000);
    assert!(latest > delay / 2 && latest <= delay);
    let others = [
        packet("alice", "?mpENC:AAAA."),
        packet("alice", "plain text"),
        ServerFrame::Entered { name: "dave" },
    ];
    for frame in others {
        for fate in tampering.instead("room", &members, &frame) {
            assert_eq!(fate, [(Duration::ZERO, frame.encode())]);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_faults() {
    let run = || {
        let mut tampering = tampering(Faults { drop: 50, seed: 5, ..Faults::default() });
        let text = data(1, false);
        (0..50)
            .map(|_| tampering.instead("room", &names(&FOUR), &packet("alice", &text)))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn halves_of_the_room_hear_each_other_late() {
    let mut tampering = tampering(Faults { lie: Some(Lie::Order), ..Faults::default() });
    let late = |tampering: &mut Tampering, sender| {
        let fates = tampering.instead("room", &names(&FOUR), &packet(sender, "a proposal"));
        fates.iter().map(|fate| fate[0].0).collect::<Vec<_>>()
    };
    let now = Duration::ZERO;
    assert_eq!(late(&mut tampering, "bob"), [now, now, APART, APART]);
    assert_eq!(late(&mut tampering, "dave"), [APART, APART, now, now]);
    let entered = ServerFrame::Entered { name: "dave" };
    let fates = tampering.instead("room", &names(&FOUR), &entered);
    assert!(fates.iter().all(|fate| fate[0].0 == now));
}

#[test]
fn one_member_is_not_told_who_enters() {
    let mut tampering = tampering(Faults { lie: Some(Lie::Membership), ..Faults::default() });
    let told = |tampering: &mut Tampering, members: &[&str], frame: ServerFrame<'_>| {
        let fates = tampering.instead("room", &names(members), &frame);
        fates.iter().map(Vec::len).collect::<Vec<_>>()
    };
    let three = &FOUR[..3];
    assert_eq!(told(&mut tampering, three, ServerFrame::Entered { name: "carol" }), [1, 1, 1]);
    assert_eq!(told(&mut tampering, &FOUR, ServerFrame::Entered { name: "dave" }), [1, 0, 1, 1]);
    assert_eq!(told(&mut tampering, &FOUR, packet("dave", "hello")), [1, 0, 1, 1]);
    assert_eq!(told(&mut tampering, &FOUR, packet("carol", "hello")), [1, 1, 1, 1]);
    let left = ServerFrame::Left { name: "dave", cause: crate::LeaveCause::Left };
    assert_eq!(told(&mut tampering, three, left), [1, 0, 1]);
}

#[test]
fn one_member_gets_old_packets_for_new_ones() {
    let mut tampering = tampering(Faults { lie: Some(Lie::Packets), ..Faults::default() });
    let members = names(&FOUR);
    let mut withheld = Vec::new();
    for number in 0..9 {
        let text = data(number, false);
        let frame = packet("alice", &text);
        let fates = tampering.instead("room", &members, &frame);
        for (at, fate) in fates.iter().enumerate() {
            if fate.len() == 1 && fate[0].1 == frame.encode() {
                continue;
            }
            assert_eq!(members[at], "bob", "the others get what was sent");
            withheld.push(number);
        }
    }
    assert_eq!(withheld, [2, 5, 8]);
    // Nor does it help to send it again.
    let text = data(5, true);
    let fates = tampering.instead("room", &members, &packet("carol", &text));
    assert!(fates[1].is_empty(), "carol has sent nothing that could stand for it");
    assert_eq!(fates[0].len(), 1);
}
