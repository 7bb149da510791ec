//! Message security that is not what it should be, or says what mpENC's says too seldom to wait for:
//! a bug closes the session, a worn key makes messages wait, and malformed ones are told of.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use mpenc::{CliquesGreeter, Dialect, LocalIdentity, MemberId, MessageId, Mpenc, Suite};
use mpenc_greet::AgreedKeys;
use mpenc_message::{
    ContentFault, Draft, Kind, MessageSecurity, OpenError, Opened, SealError, Sealed,
    SubSessionSecurity,
};
use mpenc_session::{
    ApiMisuse, ChannelAction, ChannelEvent, Event, FailReason, Fault, Input, LocalId, Membership,
    OperationId, Outcome, Sent, Session, State,
};
use mpenc_sim::{Latency, NodeId, Sim, What};
use mpenc_wire::DataPacket;
use rand_chacha::rand_core::CryptoRng;

use crate::group::{config, id, ids, seed};

/// Sealed under the id of the message before: the transcript will not have it.
const AGAIN: &str = "the same id again";
/// Not sealed under the key that is asked first.
const WORN: &str = "too much for this key";
/// Not sealed at all.
const LONG: &str = "too long";
/// Sealed well, and nobody can read it.
const NONSENSE: &str = "nonsense";

thread_local! {
    /// The key that was asked first for what is worn.
    static WORN_KEY: RefCell<Option<u8>> = const { RefCell::new(None) };
    /// How many FINs are sealed from now on.
    static FINS: Cell<u32> = const { Cell::new(u32::MAX) };
    /// How often somebody tried to open something.
    static TRIED: Cell<u32> = const { Cell::new(0) };
    /// Whether FINs are sealed under the id of the message before.
    static FINS_AGAIN: Cell<bool> = const { Cell::new(false) };
}

/// mpENC's, with a message security that fails on demand.
enum Faulty {}

impl Suite for Faulty {
    type Greeter = CliquesGreeter;
    type Security = FaultySecurity;

    fn secure(dialect: Dialect, keys: AgreedKeys) -> FaultySecurity {
        FaultySecurity { inner: Mpenc::secure(dialect, keys), last: None }
    }
}

#[derive(Clone)]
struct FaultySecurity {
    inner: SubSessionSecurity,
    last: Option<MessageId>,
}

impl MessageSecurity for FaultySecurity {
    type Retired = <SubSessionSecurity as MessageSecurity>::Retired;

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    fn hint(&self) -> u8 {
        self.inner.hint()
    }

    fn can_be_signature(signature: &[u8; 64]) -> bool {
        SubSessionSecurity::can_be_signature(signature)
    }

    fn message_id(&self, packet: &DataPacket<'_>) -> MessageId {
        self.inner.message_id(packet)
    }

    fn seal(&mut self, rng: &mut dyn CryptoRng, draft: &Draft<'_>) -> Result<Sealed, SealError> {
        let hint = self.hint();
        let is_worn = || WORN_KEY.with_borrow_mut(|key| *key.get_or_insert(hint) == hint);
        match draft.text {
            WORN if is_worn() => return Err(SealError::KeyExhausted),
            _ if draft.kind == Kind::Fin => match FINS.get().checked_sub(1) {
                Some(left) => FINS.set(left),
                None => return Err(SealError::KeyExhausted),
            },
            LONG => return Err(SealError::TooLong { octets: 8, limit: 7 }),
            _ => {}
        }
        let mut sealed = self.inner.seal(rng, draft)?;
        match self.last {
            Some(last) if draft.text == AGAIN || draft.kind == Kind::Fin && FINS_AGAIN.get() => {
                sealed.id = last;
            }
            _ => self.last = Some(sealed.id),
        }
        Ok(sealed)
    }

    fn open(&self, author: &MemberId, packet: &DataPacket<'_>) -> Result<Opened, OpenError> {
        TRIED.set(TRIED.get() + 1);
        match self.inner.open(author, packet) {
            Ok(opened) if opened.text == NONSENSE => Err(OpenError::Content(ContentFault::NotUtf8)),
            other => other,
        }
    }

    fn commit(&mut self, message: &Opened) {
        self.inner.commit(message);
    }

    fn retire(self) -> Self::Retired {
        self.inner.retire()
    }

    fn refresh_due(&self) -> bool {
        self.inner.refresh_due()
    }
}

struct Lab {
    sim: Sim<Faulty>,
    nodes: BTreeMap<&'static str, NodeId>,
}

impl Lab {
    /// The first two are a group; the others are in the room.
    fn new(seed_of_run: u64, names: &[&'static str]) -> Self {
        let public = |name: &&str| LocalIdentity::from_seed(&seed(name)).public_key();
        let known: BTreeMap<_, _> = names.iter().map(|name| (id(name), public(name))).collect();
        let known = Arc::new(known);
        let mut sim = Sim::new(seed_of_run, Latency::default());
        let mut nodes = BTreeMap::new();
        for name in names {
            let signer = LocalIdentity::from_seed(&seed(name)).into_signer();
            let greeter = CliquesGreeter::new(Dialect::DOCUMENT, id(name), signer, known.clone());
            nodes.insert(*name, sim.add(Session::new(greeter, config())));
        }
        let mut lab = Self { sim, nodes };
        for name in names {
            lab.act(name, |session, cx, out| session.join(cx, out)).expect("outside");
            lab.run(1);
        }
        lab.propose("a", Membership::Include(&ids(&["b"])));
        lab
    }

    fn act<R>(
        &mut self,
        name: &str,
        act: impl FnOnce(
            &mut Session<Faulty>,
            &mut mpenc_session::Ctx<'_>,
            &mut mpenc_session::Outputs,
        ) -> Result<R, ApiMisuse>,
    ) -> Result<R, ApiMisuse> {
        self.sim.act(self.nodes[name], act)
    }

    fn run(&mut self, seconds: u64) {
        self.sim.run_for(std::time::Duration::from_secs(seconds)).expect("it comes to rest");
    }

    fn propose(&mut self, by: &str, change: Membership<'_>) {
        self.act(by, |session, cx, out| session.propose(cx, change, out)).expect("it may");
        self.run(3);
    }

    fn send(&mut self, by: &str, text: &str) -> Result<Sent, ApiMisuse> {
        self.act(by, |session, cx, out| session.send(cx, text, out))
    }

    /// Writes to b and c, who is not a member yet.
    fn queue(&mut self, text: &str) -> LocalId {
        let readers = ids(&["b", "c"]);
        match self.act("a", |session, cx, out| session.send_to(cx, &readers, text, out)) {
            Ok(Sent::Queued(local)) => local,
            other => panic!("it waits for its readers: {other:?}"),
        }
    }

    fn session(&self, name: &str) -> &Session<Faulty> {
        self.sim.session(self.nodes[name])
    }

    fn events(&mut self, name: &str) -> Vec<Event> {
        let node = self.nodes[name];
        self.sim.take_events(node)
    }

    /// Of a session with a bug nothing is left, and it says so once.
    fn assert_closed(&mut self, name: &str) {
        assert_eq!(self.session(name).state(), State::Closed);
        assert_eq!(self.session(name).members(), [id(name)]);
        let told = self.events(name);
        let bugs = told.iter().filter(|event| matches!(event, Event::Internal(_))).count();
        assert_eq!(bugs, 1, "{told:?}");
        assert_eq!(self.send(name, "x").expect_err("closed"), ApiMisuse::Closed);
        self.run(60);
        let told = self.events(name);
        assert!(told.is_empty(), "nothing is heard any more: {told:?}");
    }
}

#[test]
fn a_bug_closes_the_session_and_the_others_go_on() {
    let mut lab = Lab::new(1, &["a", "b", "c"]);
    lab.propose("a", Membership::Include(&ids(&["c"])));
    lab.send("a", "well").expect("it is sealed");
    lab.run(1);
    lab.sim.record();
    assert!(matches!(lab.send("a", AGAIN), Err(ApiMisuse::Internal(_))));
    let node = lab.nodes["a"];
    let asked: Vec<_> = lab
        .sim
        .take_records()
        .into_iter()
        .filter(|record| record.node == node)
        .filter_map(|record| match record.what {
            What::Asked(action) => Some(action),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [ChannelAction::Leave]);
    lab.assert_closed("a");
    assert_eq!(lab.session("b").members(), ids(&["b", "c"]));
    lab.send("b", "without a").expect("they go on");
    lab.run(1);
    let shown = lab.session("c").messages().lines().last().map(|line| line.payload.clone());
    assert_eq!(shown.as_deref(), Some("without a"));
}

#[test]
fn a_bug_in_what_waited_closes_the_session_as_well() {
    // Where a change of members sends it, and where a message to the same readers would.
    let mut lab = Lab::new(2, &["a", "b", "c"]);
    lab.queue("well");
    lab.queue(AGAIN);
    lab.propose("a", Membership::Include(&ids(&["c"])));
    lab.assert_closed("a");
}

#[test]
fn what_a_worn_key_does_not_seal_waits_for_the_next_key() {
    let mut lab = Lab::new(3, &["a", "b", "c"]);
    let (worn, next) = (lab.queue(WORN), lab.queue("after it"));
    let long = lab.queue(LONG);
    lab.propose("a", Membership::Include(&ids(&["c"])));
    let told = lab.events("a");
    let outcome = |told: &[Event], which: LocalId| {
        told.iter().any(|event| matches!(event, Event::Sent { local, .. } if *local == which))
    };
    assert!(!outcome(&told, worn) && !outcome(&told, next), "their order is kept: {told:?}");
    lab.propose("a", Membership::Refresh);
    lab.run(3);
    let told = lab.events("a");
    assert!(outcome(&told, worn) && outcome(&told, next), "{told:?}");
    let refused = told.iter().any(|event| {
        matches!(event, Event::NotSent { local, text, error: Some(SealError::TooLong { .. }), .. }
            if *local == long && text == LONG)
    });
    assert!(refused, "{told:?}");
    let lines = lab.session("c").messages().lines();
    let shown: Vec<&str> = lines.iter().map(|line| line.payload.as_str()).collect();
    assert_eq!(shown, [WORN, "after it"]);
}

/// Each own operation ends in exactly one outcome, also if a bug ends them all: wherever they have got
/// to, and if it is its own end in which the bug shows.
#[test]
fn a_bug_ends_every_operation_of_ours() {
    for runs in [false, true] {
        let mut lab = Lab::new(6, &["a", "b", "c", "d"]);
        lab.act("d", |session, cx, out| session.part(cx, out)).expect("it waits");
        lab.run(60);
        lab.events("a");
        let absent = ids(&["d"]);
        let invited =
            lab.act("a", |session, cx, out| session.propose(cx, Membership::Include(&absent), out));
        let newcomer = ids(&["c"]);
        let proposed = lab
            .act("a", |session, cx, out| session.propose(cx, Membership::Include(&newcomer), out));
        let accepted = |event: &Event| matches!(event, Event::OperationAccepted(_));
        let mut told = Vec::new();
        while runs && !told.iter().any(accepted) {
            lab.sim.run_for(std::time::Duration::from_millis(1)).expect("it comes to rest");
            told.extend(lab.events("a"));
        }
        lab.send("a", "well").expect("it is sealed");
        assert!(matches!(lab.send("a", AGAIN), Err(ApiMisuse::Internal(_))));
        told.extend(lab.events("a"));
        assert_ended(&told, &[invited.expect("it may"), proposed.expect("it may")]);
    }
    // What completes is the refresh, and the old sub-session's FIN has the id of its latest message.
    let mut lab = Lab::new(7, &["a", "b"]);
    lab.run(60);
    lab.events("a");
    let own = lab.act("a", |session, cx, out| session.propose(cx, Membership::Refresh, out));
    FINS_AGAIN.set(true);
    lab.run(1);
    FINS_AGAIN.set(false);
    let told = lab.events("a");
    assert_ended(&told, &[own.expect("it may")]);
}

#[track_caller]
fn assert_ended(told: &[Event], ours: &[OperationId]) {
    let ended: BTreeMap<OperationId, &Outcome> = told
        .iter()
        .filter_map(|event| match event {
            Event::OperationEnded { own, outcome } => Some((*own, outcome)),
            _ => None,
        })
        .collect();
    let left = Outcome::Failed(FailReason::WeLeft);
    let expected: BTreeMap<OperationId, &Outcome> = ours.iter().map(|own| (*own, &left)).collect();
    assert_eq!(ended, expected);
    let ends = told.iter().filter(|event| matches!(event, Event::OperationEnded { .. }));
    assert_eq!(ends.count(), ours.len(), "each once");
    assert!(matches!(told.last(), Some(Event::Internal(_))), "and then the bug is told");
}

/// A key that seals no farewell, or only half of it, keeps nobody: they leave, at once or when the one
/// FIN has had its time, and the others exclude them for that.
#[test]
fn whoever_parts_leaves_although_the_key_is_worn() {
    for fins in [0, 1] {
        let mut lab = Lab::new(5, &["a", "b"]);
        lab.run(60);
        FINS.set(fins);
        lab.act("a", |session, cx, out| session.part(cx, out)).expect("a member may part");
        assert_eq!(lab.session("a").state(), State::Parting);
        let again = lab.act("a", |session, cx, out| session.part(cx, out));
        assert_eq!(again, Err(ApiMisuse::Parting));
        FINS.set(u32::MAX);
        lab.run(if fins == 0 { 1 } else { 20 });
        assert_eq!(lab.session("a").state(), State::Outside, "{fins}");
        lab.run(60);
        assert_eq!(lab.session("b").members(), ids(&["b"]));
    }
}

#[test]
fn a_members_malformed_message_is_told_of_and_changes_nothing() {
    let mut lab = Lab::new(4, &["a", "b"]);
    lab.run(60);
    lab.events("b");
    lab.send("a", NONSENSE).expect("it is sealed");
    lab.run(1);
    let told = lab.events("b");
    let fault = Fault::Message(OpenError::Content(ContentFault::NotUtf8));
    assert_eq!(told, [Event::PeerMisbehaved { member: id("a"), fault }]);
    assert!(lab.session("b").messages().lines().is_empty());
    // Nobody acks it, which its author is told in time.
    lab.run(60);
    let unacked = |event: &Event| matches!(event, Event::NotFullyAcked { missing, .. } if *missing == ids(&["b"]));
    assert!(lab.events("a").iter().any(unacked));
}

/// ATTACKS 76: a packet is tried under the keys whose hint it carries, and under no others; so of all hints
/// that there are, one is tried for each of the current and the previous sub-session. One whose signature
/// is not even canonical is tried under none.
#[test]
fn attack_76_trial_decryption_is_one_signature_check_for_each_fitting_hint() {
    let mut lab = Lab::new(7, &["a", "b"]);
    lab.run(60);
    lab.propose("a", Membership::Refresh);
    lab.sim.record();
    lab.send("a", "to be edited").expect("it is sealed");
    let packet = lab.sim.take_records().into_iter().find_map(|record| match record.what {
        What::Asked(ChannelAction::Send { packet }) => Some(packet),
        _ => None,
    });
    let mut contents = Vec::new();
    let contents =
        mpenc_wire::unarmor(&packet.expect("a packet"), &mut contents).expect("base64").to_vec();
    let mut hear = |hint: u8, canonical: bool| {
        let mut edited = contents.clone();
        // The hint's record comes first: type, length, value. Then the signature's.
        edited[4] = hint;
        if !canonical {
            edited[5 + 4 + 63] = 0xff;
        }
        // What is signed differs, so that no key opens it, and each is another one.
        *edited.last_mut().expect("not empty") ^= 1;
        let packet = mpenc_wire::armor(&edited);
        TRIED.set(0);
        lab.act("b", |session, cx, out| {
            let sender = id("a");
            session.handle(
                cx,
                Input::Channel(ChannelEvent::Packet { sender: &sender, packet: &packet }),
                out,
            );
            Ok(())
        })
        .expect("it hears");
        TRIED.get()
    };
    let tried: Vec<u32> = (0..=u8::MAX).map(|hint| hear(hint, true)).collect();
    assert!(tried.iter().all(|times| *times <= 2));
    assert_eq!(tried.iter().sum::<u32>(), 2, "the current sub-session, and the one before");
    let tried: u32 = (0..=u8::MAX).map(|hint| hear(hint, false)).sum();
    assert_eq!(tried, 0);
}
