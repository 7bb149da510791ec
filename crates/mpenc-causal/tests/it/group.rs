//! A transcript of three members, built in one line per message.

use mpenc_causal::{AddError, Entry, Role, Transcript};

pub(crate) type Chat = Transcript<u32, &'static str>;
pub(crate) type Refused = AddError<u32, &'static str>;

pub(crate) fn chat() -> Chat {
    Transcript::new(["alice", "bob", "carol"])
}

/// Adds a message; says what became fully acked.
pub(crate) fn add(
    chat: &mut Chat,
    id: u32,
    author: &'static str,
    parents: &[u32],
    role: Role,
) -> Result<Vec<u32>, Refused> {
    let entry = Entry::new(id, &author, parents, role);
    let checked = chat.check(&entry);
    let added = chat.add(entry);
    assert_eq!(checked.err().as_ref(), added.as_ref().err());
    added.map(|added| added.fully_acked)
}

pub(crate) fn say(chat: &mut Chat, id: u32, author: &'static str, parents: &[u32]) -> Vec<u32> {
    add(chat, id, author, parents, Role::Content).unwrap()
}

pub(crate) fn ack(chat: &mut Chat, id: u32, author: &'static str, parents: &[u32]) -> Vec<u32> {
    add(chat, id, author, parents, Role::Ack).unwrap()
}

pub(crate) fn close(chat: &mut Chat, id: u32, author: &'static str, parents: &[u32]) -> Vec<u32> {
    add(chat, id, author, parents, Role::Close).unwrap()
}

/// Tries a message that must be refused, and checks that this leaves no trace.
pub(crate) fn refused(chat: &mut Chat, entry: Entry<'_, u32, &'static str>) -> Refused {
    let before = chat.clone();
    let error = chat.add(entry).expect_err("it breaks a rule");
    assert_eq!(*chat, before);
    error
}

/// The diamond: alice's 1, then bob's 2 and carol's 3 at the same time, then alice's 4.
pub(crate) fn diamond() -> Chat {
    let mut chat = chat();
    say(&mut chat, 1, "alice", &[]);
    say(&mut chat, 2, "bob", &[1]);
    say(&mut chat, 3, "carol", &[1]);
    say(&mut chat, 4, "alice", &[2, 3]);
    chat
}
