//! The transcript against a naive model that knows only edges and walks over them.

use std::collections::{BTreeMap, BTreeSet};

use mpenc_causal::{AddError, Entry, Role, Transcript};
use proptest::prelude::*;

use crate::random::{Device, Execution, Member, Message, execution, pruned_execution, role};

/// Messages in delivery order; everything else is found by walking.
struct Model {
    members: Vec<Member>,
    order: Vec<u32>,
    messages: BTreeMap<u32, Message>,
    ancestors: BTreeMap<u32, BTreeSet<u32>>,
}

impl Model {
    fn new(run: &Execution, device: &Device) -> Self {
        Self::of(run, device.reports.iter().map(|(id, _)| *id).collect())
    }

    fn of(run: &Execution, order: Vec<u32>) -> Self {
        let written: BTreeMap<u32, &Message> = run.written.iter().map(|m| (m.id, m)).collect();
        let messages = order.iter().map(|id| (*id, written[id].clone())).collect();
        let mut model =
            Self { members: run.members().collect(), order, messages, ancestors: BTreeMap::new() };
        model.ancestors =
            model.order.iter().map(|&id| (id, model.walk(&model.messages[&id].parents))).collect();
        model
    }

    /// These messages and all that they descend from.
    fn walk(&self, from: &[u32]) -> BTreeSet<u32> {
        let (mut seen, mut open) = (BTreeSet::new(), from.to_vec());
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(&self.messages[&id].parents);
            }
        }
        seen
    }

    fn before(&self, a: u32, b: u32) -> bool {
        self.ancestors[&b].contains(&a)
    }

    fn in_order(&self, wanted: impl Fn(&u32) -> bool) -> Vec<u32> {
        self.order.iter().copied().filter(wanted).collect()
    }

    fn by(&self, author: Member) -> Vec<u32> {
        self.in_order(|id| self.messages[id].author == author)
    }

    fn is_acked_by(&self, id: u32, reader: Member) -> bool {
        self.by(reader).into_iter().any(|later| self.before(id, later))
    }

    fn unacked_by(&self, id: u32) -> Vec<Member> {
        let readers = self.members.iter().copied().filter(|&m| m != self.messages[&id].author);
        readers.filter(|&reader| !self.is_acked_by(id, reader)).collect()
    }

    fn is_fully_acked(&self, id: u32) -> bool {
        self.unacked_by(id).is_empty()
    }

    fn heads(&self) -> Vec<u32> {
        self.in_order(|&id| !self.order.iter().any(|&later| self.before(id, later)))
    }

    /// The latest in a set of messages.
    fn latest(&self, set: &[u32]) -> Vec<u32> {
        set.iter().copied().filter(|&a| !set.iter().any(|&b| self.before(a, b))).collect()
    }

    /// {p ∈ anc(m) : EA(p) ∧ ¬∃q: p < q < m ∧ ¬EA(q)}, to the letter (RS-02).
    fn ack_run(&self, id: u32) -> Vec<u32> {
        let is_ack = |id: u32| self.messages[&id].role == Role::Ack;
        let between = |p, q| self.before(p, q) && self.before(q, id);
        self.in_order(|&p| {
            self.before(p, id)
                && is_ack(p)
                && !self.order.iter().any(|&q| between(p, q) && !is_ack(q))
        })
    }

    /// Fully acked by messages that are themselves fully acked.
    fn is_stable(&self, id: u32) -> bool {
        let author = self.messages[&id].author;
        self.members.iter().filter(|&&reader| reader != author).all(|&reader| {
            self.by(reader).into_iter().any(|ack| self.before(id, ack) && self.is_fully_acked(ack))
        })
    }

    fn height(&self, id: u32) -> usize {
        let parents = &self.messages[&id].parents;
        parents.iter().map(|&parent| self.height(parent) + 1).max().unwrap_or(0)
    }

    /// Which rule a message would break.
    fn verdict(&self, message: &Message) -> Verdict {
        let Message { id, author, parents, role } = message;
        if self.messages.contains_key(id) {
            return Verdict::Duplicate;
        }
        if parents.len() > self.members.len() {
            return Verdict::TooManyParents;
        }
        if parents.iter().collect::<BTreeSet<_>>().len() < parents.len() {
            return Verdict::NotAntichain;
        }
        if parents.iter().any(|parent| !self.messages.contains_key(parent)) {
            return Verdict::Missing;
        }
        if self.latest(parents).len() < parents.len() {
            return Verdict::NotAntichain;
        }
        let past = self.walk(parents);
        let own = self.by(*author);
        if !own.iter().all(|id| past.contains(id)) {
            return Verdict::Fork(own.into_iter().find(|id| !past.contains(id)).unwrap());
        }
        let closed = own.iter().any(|id| self.messages[id].role == Role::Close);
        if closed && *role == Role::Content { Verdict::AfterClose } else { Verdict::Fine }
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Fine,
    Duplicate,
    TooManyParents,
    Missing,
    NotAntichain,
    Fork(u32),
    AfterClose,
}

fn verdict(result: &Result<(), AddError<u32, Member>>) -> Verdict {
    match result {
        Ok(()) => Verdict::Fine,
        Err(AddError::Duplicate) => Verdict::Duplicate,
        Err(AddError::TooManyParents { .. }) => Verdict::TooManyParents,
        Err(AddError::MissingParents(_)) => Verdict::Missing,
        Err(AddError::ParentsNotAntichain { .. }) => Verdict::NotAntichain,
        Err(AddError::Fork(fork)) => Verdict::Fork(fork.accepted),
        Err(AddError::AfterClose { .. }) => Verdict::AfterClose,
        Err(other) => panic!("not a verdict of the model: {other}"),
    }
}

/// What is true of a transcript whether it was pruned or not.
fn check_acks(model: &Model, transcript: &Transcript<u32, Member>) {
    assert!(transcript.delivery_order().eq(model.order.iter().copied()));
    let mut heads = model.heads();
    assert!(transcript.heads_recent_first().iter().eq(heads.iter().rev()));
    heads.sort_unstable();
    assert_eq!(transcript.heads(), heads);
    let awaited = |id: &u32| model.messages[id].role != Role::Ack && !model.is_fully_acked(*id);
    let awaited = model.in_order(awaited);
    assert!(transcript.unacked().eq(awaited.iter().copied()));
    assert_eq!(transcript.all_fully_acked(), awaited.is_empty());
    for &id in &model.order {
        let message = &model.messages[&id];
        assert_eq!(transcript.author(&id), Some(&message.author));
        assert_eq!(transcript.role(&id), Some(message.role));
        assert_eq!(transcript.unacked_by(&id), model.unacked_by(id));
        assert_eq!(transcript.is_fully_acked(&id), model.is_fully_acked(id));
        for &reader in &model.members {
            let acked = reader == message.author || model.is_acked_by(id, reader);
            assert_eq!(transcript.acked_by(&id, &reader), acked);
        }
    }
    for &reader in &model.members {
        assert!(transcript.by_author(&reader).eq(model.by(reader)));
        let close = model.by(reader).into_iter().find(|id| model.messages[id].role == Role::Close);
        assert_eq!(transcript.closed_by(&reader), close);
        for &author in model.members.iter().filter(|&&author| author != reader) {
            let acked = model.by(author).into_iter().rfind(|&id| model.is_acked_by(id, reader));
            assert_eq!(transcript.latest_acked(&reader, &author), acked);
        }
    }
    let mut canonical = model.order.clone();
    canonical.sort_by_key(|&id| (model.height(id), model.messages[&id].author));
    assert_eq!(transcript.canonical_order(), canonical);
}

/// What is true of all messages that were not pruned.
fn check_order(model: &Model, transcript: &Transcript<u32, Member>) {
    let kept = model.in_order(|id| !transcript.is_pruned(id));
    assert_eq!(transcript.live(), kept.len());
    for &id in &kept {
        let message = &model.messages[&id];
        assert!(transcript.parents(&id).eq(message.parents.iter().copied()));
        let children = model.in_order(|other| model.messages[other].parents.contains(&id));
        assert!(transcript.children(&id).eq(children));
        let ancestors = model.in_order(|&other| model.before(other, id));
        assert!(transcript.ancestors(&id).eq(ancestors.iter().rev().copied()));
        for &other in &model.order {
            assert_eq!(transcript.before(&other, &id), Some(model.before(other, id)));
            assert_eq!(transcript.before(&id, &other), Some(model.before(id, other)));
        }
        let seen = model.members.iter().filter_map(|author| {
            let by_author = |other: &u32| model.messages[other].author == *author;
            Some((author, ancestors.iter().copied().rfind(by_author)?))
        });
        assert!(transcript.context(&id).eq(seen.clone()));
        for (author, latest) in seen {
            assert_eq!(transcript.seen_of(&id, author), Some(latest));
        }
        let run: Vec<u32> =
            model.ack_run(id).into_iter().filter(|ack| !transcript.is_pruned(ack)).collect();
        assert_eq!(transcript.ack_run_before(&id), run);
    }
    for &id in &model.order {
        let after: Vec<u32> = kept.iter().copied().filter(|&k| model.before(id, k)).collect();
        assert!(transcript.descendants(&id).eq(after.iter().copied()));
        for &reader in &model.members {
            let first = after.iter().copied().find(|k| model.messages[k].author == reader);
            assert_eq!(transcript.first_after(&reader, &id), first);
        }
    }
}

/// Whoever asks by numbers is told the same.
fn check_numbers(model: &Model, transcript: &Transcript<u32, Member>) {
    let by_number = transcript.indexed();
    assert_eq!(by_number.members(), model.members.len());
    let members: Vec<usize> = (0..model.members.len()).collect();
    for (number, member) in transcript.members().enumerate() {
        assert_eq!(transcript.number(member), Some(number));
        assert_eq!(transcript.member(number), Some(member));
    }
    assert_eq!(transcript.number(&Member::MAX), None);
    assert_eq!(transcript.member(members.len()), None);
    let member = |number: &usize| *transcript.member(*number).unwrap();
    for (place, &id) in model.order.iter().enumerate() {
        let index = transcript.index(&id).unwrap();
        assert_eq!(transcript.id(index), Some(id));
        assert!(place == 0 || transcript.index(&model.order[place - 1]) < Some(index));
        let message = &model.messages[&id];
        assert_eq!(by_number.author(index), transcript.number(&message.author));
        assert_eq!(by_number.role(index), Some(message.role));
        assert_eq!(by_number.is_pruned(index), transcript.is_pruned(&id));
        assert_eq!(by_number.is_fully_acked(index), model.is_fully_acked(id));
        let run = by_number.ack_run_before(index).into_iter().map(|ack| transcript.id(ack));
        assert!(run.eq(transcript.ack_run_before(&id).into_iter().map(Some)));
        for &reader in &members {
            let acked = message.author == member(&reader) || model.is_acked_by(id, member(&reader));
            assert_eq!(by_number.acked_by(index, reader), acked);
            let first = by_number.first_after(reader, index).and_then(|first| transcript.id(first));
            assert_eq!(first, transcript.first_after(&member(&reader), &id));
        }
        assert!(!by_number.acked_by(index, members.len()), "nobody's");
    }
    for &author in &members {
        let written = model.by(member(&author));
        for &reader in &members {
            let acked = written
                .iter()
                .filter(|&&id| reader == author || model.is_acked_by(id, member(&reader)));
            let acked = u32::try_from(acked.count()).unwrap();
            assert_eq!(by_number.acked(reader, author), acked);
        }
    }
    // Of a longer transcript: there is nothing at this index here.
    let mut longer = transcript.clone();
    let heads = longer.heads();
    let next = Entry::new(u32::MAX, &model.members[0], &heads, Role::Ack);
    longer.add(next).unwrap();
    let beyond = longer.index(&u32::MAX).unwrap();
    assert_eq!(transcript.index(&u32::MAX), None);
    assert_eq!(transcript.id(beyond), None);
    assert_eq!((by_number.author(beyond), by_number.role(beyond)), (None, None));
    assert!(!by_number.is_pruned(beyond) && !by_number.is_fully_acked(beyond));
    assert!(!by_number.acked_by(beyond, 0) && by_number.ack_run_before(beyond).is_empty());
    assert_eq!(by_number.first_after(0, beyond), None);
}

/// Each line's effective parents are the latest payloads that its author had seen, though the
/// transcript was pruned all along.
fn check_log(model: &Model, device: &Device) {
    let lines = model.in_order(|id| model.messages[id].is_payload());
    assert!(device.log.lines().iter().map(|line| line.id).eq(lines.iter().copied()));
    for (place, &id) in lines.iter().enumerate() {
        let seen: Vec<u32> = lines.iter().copied().filter(|&a| model.before(a, id)).collect();
        let latest = model.latest(&seen);
        assert!(device.log.parents(&id).eq(latest.iter().copied()));
        let back = |parent: &u32| place - lines.iter().position(|line| line == parent).unwrap();
        let line = device.log.line(&id).unwrap();
        assert!(line.distances().eq(latest.iter().rev().map(back)));
        assert_eq!(line.place(), place);
        assert!(device.log.ancestors(&id).map(|line| line.id).eq(seen.into_iter().rev()));
    }
    let mut canonical = device.transcript.canonical_order();
    canonical.retain(|id| lines.contains(id));
    assert!(device.log.canonical_order().iter().map(|line| line.id).eq(canonical));
}

/// Each `add` reports exactly what it completed.
fn check_reports(run: &Execution, device: &Device) {
    let mut told = BTreeSet::new();
    for (count, (_, report)) in device.reports.iter().enumerate() {
        let order: Vec<u32> = device.reports[..=count].iter().map(|(id, _)| *id).collect();
        let model = Model::of(run, order);
        let complete = |id: &u32| model.messages[id].role != Role::Ack && model.is_fully_acked(*id);
        let expected: Vec<u32> = model.in_order(|id| complete(id) && !told.contains(id));
        assert_eq!(*report, expected);
        told.extend(expected);
    }
}

proptest! {
    // The model takes its time.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn agrees_with_the_model(run in execution()) {
        for device in run.devices.values() {
            let model = Model::new(&run, device);
            check_acks(&model, &device.transcript);
            check_order(&model, &device.transcript);
            check_numbers(&model, &device.transcript);
            for &id in &model.order {
                let walked = device.transcript.ancestors_through(&id, |_| true);
                prop_assert!(walked.eq(device.transcript.ancestors(&id)));
                let walked = device.transcript.descendants_through(&id, |_| true);
                prop_assert!(walked.eq(device.transcript.descendants(&id)));
            }
        }
    }

    #[test]
    fn reports_each_full_ack_once(run in pruned_execution()) {
        for device in run.devices.values() {
            check_reports(&run, device);
        }
    }

    #[test]
    fn the_log_agrees_with_the_model(run in pruned_execution()) {
        for device in run.devices.values() {
            check_log(&Model::new(&run, device), device);
        }
    }

    #[test]
    fn agrees_with_the_model_though_pruned(mut run in pruned_execution()) {
        for member in run.members().collect::<Vec<_>>() {
            let model = Model::new(&run, &run.devices[&member]);
            let device = run.devices.get_mut(&member).unwrap();
            let told = |device: &Device| model.order.iter().all(|id| {
                device.pruned.contains(id) == device.transcript.is_pruned(id)
            });
            prop_assert!(told(device));
            check_acks(&model, &device.transcript);
            check_order(&model, &device.transcript);
            check_numbers(&model, &device.transcript);
            // Now to the letter: exactly what is stable goes.
            device.pruned.extend(device.transcript.prune());
            prop_assert!(told(device));
            for &id in &model.order {
                prop_assert_eq!(device.transcript.is_pruned(&id), model.is_stable(id));
            }
            check_acks(&model, &device.transcript);
            check_order(&model, &device.transcript);
            check_numbers(&model, &device.transcript);
        }
    }

    #[test]
    fn refuses_what_the_model_refuses(
        run in execution(),
        author in any::<proptest::sample::Index>(),
        role in role(),
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
        odd_parent in proptest::option::weighted(0.1, any::<u32>()),
        honest_parents in proptest::bool::weighted(0.3),
        replay in proptest::bool::weighted(0.05),
    ) {
        for (&member, device) in &run.devices {
            let model = Model::new(&run, device);
            let members: Vec<Member> = run.members().collect();
            let mut parents: Vec<u32> = if honest_parents {
                device.transcript.heads()
            } else if model.order.is_empty() {
                Vec::new()
            } else {
                picks.iter().map(|pick| *pick.get(&model.order)).collect()
            };
            parents.extend(odd_parent);
            let id = if replay { model.order.first().copied() } else { None };
            let id = id.unwrap_or(u32::MAX);
            let message = Message { id, author: *author.get(&members), parents, role };

            let mut transcript = device.transcript.clone();
            let checked = transcript.check(&message.entry());
            prop_assert_eq!(verdict(&checked), model.verdict(&message), "{} {:?}", member, message);
            let added = transcript.add(message.entry());
            prop_assert_eq!(added.as_ref().err(), checked.as_ref().err());
            if added.is_err() {
                prop_assert_eq!(&transcript, &device.transcript);
            }
            // The same verdict, but for what was forgotten: that is never a parent that is fine.
            let mut pruned = device.transcript.clone();
            pruned.prune();
            let forgotten = message.parents.iter().any(|parent| pruned.is_pruned(parent));
            match (verdict(&checked), verdict(&pruned.check(&message.entry()))) {
                (Verdict::Fork(_), Verdict::Fork(accepted)) => {
                    prop_assert!(!pruned.is_pruned(&accepted));
                    let past = model.walk(&message.parents);
                    prop_assert!(!past.contains(&accepted));
                }
                (Verdict::NotAntichain, Verdict::Fork(_)) => prop_assert!(forgotten),
                (before, after) => prop_assert_eq!(before, after),
            }
        }
    }

    #[test]
    fn delivery_in_any_order_ends_alike(run in execution()) {
        let everything = run.everything();
        for message in &run.written {
            for device in run.devices.values() {
                if !device.transcript.contains(&message.id) { continue }
                let here = device.transcript.ancestors(&message.id).collect::<BTreeSet<_>>();
                let there = everything.ancestors(&message.id).collect::<BTreeSet<_>>();
                prop_assert_eq!(here, there);
            }
        }
        // Everyone's canonical order is that of an observer, without what they have not got.
        for device in run.devices.values() {
            let mut all = everything.canonical_order();
            all.retain(|id| device.transcript.contains(id));
            prop_assert_eq!(all, device.transcript.canonical_order());
        }
    }
}
