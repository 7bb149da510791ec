//! `mpenc demo`.

use crate::program::mpenc;

#[test]
fn every_claim_holds() {
    let run = mpenc(&["demo", "--members", "5"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let claims: Vec<&str> =
        run.stdout.lines().filter_map(|line| line.strip_prefix("yes  ")).collect();
    assert_eq!(
        claims,
        [
            "all who remain hold the same members: themselves",
            "the transcript is the same for everybody, and fully acked",
            "the chain hash is the same for everybody",
            "while erin was stopped, its include was aborted in time, and all saw why",
            "of two proposals made at once one was carried out, and the other's author knows",
            "the process of everybody who parted ended well",
            "every text was shown to those it was written to, and to nobody else",
            "the relay's packets were all searched, and the search works",
            "no text was found in what the relay saw",
        ],
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("NO "), "{}", run.stdout);
    assert_eq!(run.stdout.lines().last(), Some("all of it held"));
    for part in ["establish by", "include by", "exclude by", "refresh by", "killed", "> /part"] {
        assert!(run.stdout.contains(part), "{part} is no part of the story: {}", run.stdout);
    }
}

#[test]
fn a_faulty_relay_loses_nothing_for_good_and_cannot_lie_unseen() {
    let run = mpenc(&["demo", "--faulty"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let claims = run.stdout.lines().filter(|line| line.starts_with("yes  ")).count();
    assert_eq!(claims, 7, "{}", run.stdout);
    assert!(!run.stdout.contains("NO "), "{}", run.stdout);
    let (_, lying) = run.stdout.split_once("tells each half").expect("the second story");
    assert!(!lying.contains("all have confirmed"), "{lying}");
    assert_eq!(run.stdout.lines().last(), Some("all of it held"));
}

#[test]
fn too_few_and_too_many_members_are_a_wrong_command_line() {
    for number in ["0", "4", "17", "256", "many"] {
        let run = mpenc(&["demo", "--members", number]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{number}");
        assert!(run.stderr.contains(&format!("'{number}'")), "{}", run.stderr);
    }
}

#[cfg(feature = "xmpp")]
#[test]
fn every_claim_holds_on_an_xmpp_server() {
    let run = mpenc(&["demo", "--members", "5", "--xmpp"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let claims = run.stdout.lines().filter(|line| line.starts_with("yes  ")).count();
    assert_eq!(claims, 9, "{}", run.stdout);
    assert!(!run.stdout.contains("NO "), "{}", run.stdout);
    assert!(run.stdout.contains("no text was found in what the server saw"), "{}", run.stdout);
}
