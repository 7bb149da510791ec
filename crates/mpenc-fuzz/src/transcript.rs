//! Messages, well made or not, in any order: the transcript says of each what a model says that
//! knows only who names whom as a parent, and walks.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_causal::{AddError, Entry, Role, Transcript};

use crate::input::Input;

/// How many messages an input makes at most: the model is slow.
const MESSAGES: usize = 40;

#[derive(Clone, Debug)]
struct Message {
    author: u8,
    parents: Vec<u32>,
    role: Role,
}

/// What is wrong with a message, if anything is.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Duplicate,
    Stranger,
    TooManyParents,
    Missing,
    NotAntichain,
    Fork,
    AfterClose,
}

#[derive(Default)]
struct Model {
    members: usize,
    messages: BTreeMap<u32, Message>,
    order: Vec<u32>,
}

impl Model {
    /// These and all before them.
    fn past(&self, from: &[u32]) -> BTreeSet<u32> {
        let (mut seen, mut open) = (BTreeSet::new(), from.to_vec());
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(&self.messages[&id].parents);
            }
        }
        seen
    }

    fn before(&self, a: u32, b: u32) -> bool {
        self.past(&self.messages[&b].parents).contains(&a)
    }

    fn by(&self, author: u8) -> impl Iterator<Item = u32> {
        self.order.iter().copied().filter(move |id| self.messages[id].author == author)
    }

    fn verdict(&self, id: u32, message: &Message) -> Verdict {
        let Message { author, parents, role } = message;
        if self.messages.contains_key(&id) {
            return Verdict::Duplicate;
        }
        if usize::from(*author) >= self.members {
            return Verdict::Stranger;
        }
        if parents.len() > self.members {
            return Verdict::TooManyParents;
        }
        let different: BTreeSet<_> = parents.iter().collect();
        if different.len() < parents.len() {
            return Verdict::NotAntichain;
        }
        if parents.iter().any(|parent| !self.messages.contains_key(parent)) {
            return Verdict::Missing;
        }
        if parents.iter().any(|&a| parents.iter().any(|&b| self.before(a, b))) {
            return Verdict::NotAntichain;
        }
        let past = self.past(parents);
        if self.by(*author).any(|own| !past.contains(&own)) {
            return Verdict::Fork;
        }
        let closed = self.by(*author).any(|own| self.messages[&own].role == Role::Close);
        if closed && *role == Role::Content { Verdict::AfterClose } else { Verdict::Fine }
    }

    fn unacked_by(&self, id: u32) -> Vec<u8> {
        let author = self.messages[&id].author;
        let readers = (0..u8::try_from(self.members).unwrap()).filter(|&reader| reader != author);
        readers.filter(|&reader| !self.by(reader).any(|ack| self.before(id, ack))).collect()
    }
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let members = input.below(5).saturating_add(1);
    let mut model = Model { members, ..Model::default() };
    let mut transcript: Transcript<u32, u8> = Transcript::new(0..u8::try_from(members).unwrap());
    let mut next = 1;
    while !input.is_empty() && model.order.len() < MESSAGES {
        let (id, message) = message(&mut input, &model, &transcript, &mut next);
        let expected = model.verdict(id, &message);
        let entry = Entry::new(id, &message.author, &message.parents, message.role);
        let before = transcript.delivery_order().count();
        let verdict = match transcript.add(entry) {
            Ok(added) => {
                model.messages.insert(id, message);
                model.order.push(id);
                for acked in added.fully_acked {
                    assert!(model.unacked_by(acked).is_empty(), "{acked} is not fully acked");
                }
                Verdict::Fine
            }
            Err(error) => {
                assert_eq!(transcript.delivery_order().count(), before);
                match error {
                    AddError::Duplicate => Verdict::Duplicate,
                    AddError::AuthorNotMember(_) => Verdict::Stranger,
                    AddError::TooManyParents { .. } => Verdict::TooManyParents,
                    AddError::MissingParents(_) => Verdict::Missing,
                    AddError::ParentsNotAntichain { .. } => Verdict::NotAntichain,
                    AddError::Fork(_) => Verdict::Fork,
                    AddError::AfterClose { .. } => Verdict::AfterClose,
                    other => panic!("unknown: {other}"),
                }
            }
        };
        assert_eq!(verdict, expected);
    }
    for &id in &model.order {
        assert_eq!(transcript.unacked_by(&id), model.unacked_by(id));
        assert!(transcript.parents(&id).eq(model.messages[&id].parents.iter().copied()));
        for &other in &model.order {
            assert_eq!(transcript.before(&other, &id), Some(model.before(other, id)));
        }
    }
    assert!(transcript.delivery_order().eq(model.order.iter().copied()));
}

/// Usually a good one; else its parents, its id or its author are what the input says.
fn message(
    input: &mut Input<'_>,
    model: &Model,
    transcript: &Transcript<u32, u8>,
    next: &mut u32,
) -> (u32, Message) {
    let kind = input.below(16);
    let author =
        u8::try_from(input.below(model.members.saturating_add(usize::from(kind == 15)))).unwrap();
    let role = match input.below(8) {
        0..5 => Role::Content,
        5..7 => Role::Ack,
        _ => Role::Close,
    };
    let some = |input: &mut Input<'_>| match input.below(model.order.len().saturating_add(1)) {
        0 => 9_999,
        n => model.order[n - 1],
    };
    let parents = match kind {
        0..6 => transcript.heads(),
        // Of all that the author has seen, what is latest: a slower member.
        6..10 => {
            let own: Vec<u32> = model.by(author).collect();
            let mut parents: Vec<u32> = own.last().copied().into_iter().collect();
            parents.extend((0..input.below(2)).map(|_| some(input)));
            parents
        }
        _ => (0..input.below(7)).map(|_| some(input)).collect(),
    };
    let again = (kind == 14).then(|| model.order.get(input.below(MESSAGES))).flatten();
    let id = again.copied().unwrap_or(*next);
    *next = next.saturating_add(1);
    (id, Message { author, parents, role })
}
