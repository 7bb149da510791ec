//! Recursive merge (TR-08 to TR-10, design 4.3).

use std::collections::{BTreeMap, BTreeSet};

use mpenc_causal::three_way_merge;
use proptest::prelude::*;

use crate::group::{chat, diamond, say};
use crate::random::{Execution, execution};

type State = BTreeSet<u8>;

fn set(of: &str) -> State {
    of.bytes().collect()
}

#[test]
fn both_sides_changes_are_kept() {
    let state = |id: &u32| match id {
        1 => set("abc"),
        2 => set("abcd"), // bob includes d
        3 => set("bc"),   // carol excludes a
        _ => set("never asked"),
    };
    assert_eq!(diamond().merge(&[2, 3], state), Some(set("bcd")));
    assert_eq!(diamond().merge(&[3, 2, 2, 1], state), Some(set("bcd")));
    assert_eq!(diamond().merge(&[2], state), Some(set("abcd")));
    assert_eq!(diamond().merge(&[], state), Some(set("")));
    assert_eq!(diamond().merge(&[2, 9], state), None);
}

#[test]
fn criss_cross_merges_use_the_merged_base() {
    // 3 and 4 both descend from both 1 and 2: the base is the merge of 1 and 2.
    let mut chat = chat();
    say(&mut chat, 0, "alice", &[]);
    say(&mut chat, 1, "alice", &[0]);
    say(&mut chat, 2, "bob", &[0]);
    say(&mut chat, 3, "alice", &[1, 2]);
    say(&mut chat, 4, "bob", &[1, 2]);
    let state = |id: &u32| match id {
        0 => set("x"),
        1 => set("xa"),
        2 => set("xb"),
        3 => set("xb"), // saw a and took it out
        4 => set("xabc"),
        _ => set(""),
    };
    assert_eq!(chat.merge(&[3, 4], state), Some(set("xbc")));
}

#[test]
fn what_a_side_descends_from_is_no_side() {
    // Alice adds x, which carol, who answers her, takes out again; bob adds it on his own.
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "bob", &[]);
    say(&mut chat, 3, "carol", &[1]);
    let state = |id: &u32| if *id == 3 { set("") } else { set("x") };
    // Bob and carol share no past: there is nothing that she took out of his.
    assert_eq!(chat.merge(&[2, 3], state), Some(set("x")));
    assert_eq!(chat.merge(&[1, 2, 3], state), Some(set("x")));
}

#[test]
fn without_a_common_past_everything_is_kept() {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "bob", &[]);
    let state = |id: &u32| if *id == 1 { set("ab") } else { set("bc") };
    assert_eq!(chat.merge(&[2, 1], state), Some(set("abc")));
}

fn small() -> impl Strategy<Value = State> {
    proptest::collection::btree_set(0_u8..6, 0..6)
}

/// What each message's author made of what they saw.
fn states(run: &Execution, edits: &[State]) -> BTreeMap<u32, State> {
    let everyone = run.everything();
    let mut states = BTreeMap::new();
    for (id, edit) in everyone.delivery_order().zip(edits.iter().cycle()) {
        let parents: Vec<u32> = everyone.parents(&id).collect();
        let seen = everyone.merge(&parents, |id| states.get(id).cloned().unwrap_or_default());
        let state = seen.unwrap().symmetric_difference(edit).copied().collect();
        states.insert(id, state);
    }
    states
}

proptest! {
    #[test]
    fn three_ways_are_symmetric_idempotent_and_closed(a in small(), b in small(), base in small()) {
        let merged = three_way_merge(&base, &a, &b);
        prop_assert_eq!(&merged, &three_way_merge(&base, &b, &a));
        prop_assert_eq!(&a, &three_way_merge(&base, &a, &a));
        prop_assert_eq!(&b, &three_way_merge(&a, &a, &b), "one side changed nothing");
        prop_assert!(merged.iter().all(|item| a.contains(item) || b.contains(item)));
        // The textbook form: (b ∪ (a ∖ base)) ∖ (base ∖ a).
        let added: State = a.difference(&base).copied().collect();
        let removed: State = base.difference(&a).copied().collect();
        let textbook: State = b.union(&added).copied().collect();
        let textbook: State = textbook.difference(&removed).copied().collect();
        prop_assert_eq!(merged, textbook);
    }

    #[test]
    fn everyone_merges_alike(
        run in execution(),
        edits in proptest::collection::vec(small(), 1..8),
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 1..5),
    ) {
        let states = states(&run, &edits);
        let state = |id: &u32| states[id].clone();
        for member in run.members() {
            let transcript = run.transcript(member);
            let all: Vec<u32> = transcript.delivery_order().collect();
            if all.is_empty() {
                continue;
            }
            let mut picked: Vec<u32> = picks.iter().map(|pick| *pick.get(&all)).collect();
            let merged = transcript.merge(&picked, state);
            prop_assert!(merged.is_some());
            prop_assert_eq!(&merged, &run.everything().merge(&picked, state));
            picked.reverse();
            picked.push(picked[0]);
            prop_assert_eq!(&merged, &transcript.merge(&picked, state));
            // Merging in an ancestor, or the whole past, changes nothing.
            picked.extend(transcript.ancestors(&picked[0].clone()));
            prop_assert_eq!(&merged, &transcript.merge(&picked, state));
        }
    }
}
