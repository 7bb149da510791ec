//! What people read of errors and faults.

use std::collections::BTreeSet;
use std::fmt::Display;

use mpenc::{Dialect, MessageId};
use mpenc_causal::AddError;
use mpenc_greet::{Check, InternalError, ProposeError, Refused};
use mpenc_message::{OpenError, SealError};
use mpenc_order::{ChainHash, PacketId, RejectReason};
use mpenc_session::{ApiMisuse, Ctx, Fault, HistoryFault, Instant, Outputs};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::group::{Group, id};

#[track_caller]
fn assert_distinct(errors: &[impl Display]) {
    let texts: BTreeSet<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), errors.len());
}

#[test]
fn every_misuse_reads_differently() {
    let alice = id("alice");
    assert_distinct(&[
        ApiMisuse::Closed,
        ApiMisuse::NotInChannel,
        ApiMisuse::InChannel,
        ApiMisuse::InSession,
        ApiMisuse::NotInSession,
        ApiMisuse::NotSynced,
        ApiMisuse::OrderDisputed,
        ApiMisuse::Forked(alice.clone()),
        ApiMisuse::Excluded,
        ApiMisuse::Parting,
        ApiMisuse::OperationPending,
        ApiMisuse::NoOperation,
        ApiMisuse::CannotAbort,
        ApiMisuse::UnknownChange,
        ApiMisuse::NotInChannelYet(alice),
        ApiMisuse::Readers,
        ApiMisuse::OutboxFull,
        ApiMisuse::Propose(ProposeError::NobodyNamed),
        ApiMisuse::Seal(SealError::KeyExhausted),
        ApiMisuse::Internal(InternalError::new("a bug")),
    ]);
}

#[test]
fn a_fault_reads_as_the_layer_that_found_it_says() {
    let malformed = mpenc_wire::unarmor("hello", &mut Vec::new()).unwrap_err();
    let refused = Refused::new(id("alice"), Check::Stage);
    let transcript: AddError<MessageId, _> = AddError::AuthorNotMember(id("bob"));
    let found = [
        (malformed.to_string(), Fault::Malformed(malformed)),
        (refused.to_string(), Fault::Greeting(refused)),
        (RejectReason::ParentTaken.to_string(), Fault::Order(RejectReason::ParentTaken)),
        (OpenError::Signature.to_string(), Fault::Message(OpenError::Signature)),
        (transcript.to_string(), Fault::Transcript(transcript)),
    ];
    for (text, fault) in &found {
        assert_eq!(fault.to_string(), *text);
    }
    let own =
        [Fault::SenderNotInChannel, Fault::ResentByAuthor, Fault::NotSigned, Fault::InOurName];
    let all: Vec<Fault> = found.into_iter().map(|(_, fault)| fault).chain(own).collect();
    assert_distinct(&all);
}

#[test]
fn another_history_is_shown_with_both() {
    let [ours, theirs] = [1, 2].map(|octet| PacketId::from_bytes([octet; 32]));
    let hashes = [&ours, &theirs].map(ChainHash::start);
    let differs = HistoryFault::Differs { packet: ours, ours: hashes[0], theirs: hashes[1] };
    let unknown = HistoryFault::Unknown { theirs, ours };
    let proposal = HistoryFault::Proposal(RejectReason::UnknownParent { theirs, ours });
    for (fault, named) in [
        (&differs, [ours.to_string(), hashes[0].to_string(), hashes[1].to_string()].to_vec()),
        (&unknown, [ours.to_string(), theirs.to_string()].to_vec()),
        (&proposal, [ours.to_string(), theirs.to_string()].to_vec()),
    ] {
        let text = fault.to_string();
        assert!(named.iter().all(|name| text.contains(name)), "{text}");
    }
    assert_distinct(&[differs, unknown, proposal]);
}

#[test]
fn what_a_session_and_its_surroundings_show_of_themselves() {
    assert!(Outputs::new().is_empty());
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let now = Instant::default();
    let shown = format!("{:?}", Ctx::new(now, &mut rng));
    assert_eq!(shown, format!("Ctx {{ now: {now:?}, .. }}"), "and nothing of its randomness");
    let group = Group::new(1, &["a"]);
    assert_eq!(group.session("a").dialect(), Dialect::DOCUMENT);
}
