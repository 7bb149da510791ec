//! One member of a replayed group: membership operations, server order and message security, driven
//! by hand. What a session decides (when to propose, ack, resend) is read from the file instead.

mod effect;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mpenc_greet::cliques::{CliquesDraft, CliquesResult};
use mpenc_greet::{
    AgreedKeys, Change, Check, CliquesGreeter, CliquesGreeting, Completed, Greeter, Greeting,
    Identities, IdentitySigner, Initial, InternalError, OrderRefs, Stage, Status, Step,
};
use mpenc_message::{
    Draft, MessageSecurity, Opened, SealError, Sealed, SubSessionKeys, SubSessionSecurity,
};
use mpenc_order::{
    AcceptedInitial, ChainHash, End, Ended, EntryType, Ongoing, PacketId, Proposal, ServerOrder,
    Verdict,
};
use mpenc_wire::{
    AbortPacket, DataPacket, Dialect, GreetingPacket, MemberId, MessageId, Packet, unarmor,
};

use super::draws::{Draws, Purpose};
pub(crate) use effect::{Agreed, Effect, Entered, NotProposed, NotTaken, Ordered, Visible};

/// A member, and everything it knows.
#[derive(Clone)]
pub(crate) struct Member {
    id: MemberId,
    dialect: Dialect,
    greeter: CliquesGreeter,
    order: ServerOrder<MemberId, CliquesGreeting>,
    /// Who is in the channel.
    channel: BTreeSet<MemberId>,
    /// Our proposals that the channel has not ordered, by their text.
    drafts: BTreeMap<String, CliquesDraft>,
    /// Packets that the membership operations want to send.
    outgoing: VecDeque<String>,
    /// From the first to the current one.
    subsessions: Vec<SubSession>,
    /// What the latest accepted initial packet proposed.
    initial: Option<Initial>,
    /// Whether we were excluded, and have yet to leave the channel.
    excluded: bool,
    draws: Draws,
}

/// A sub-session that the member has entered.
#[derive(Clone)]
pub(crate) struct SubSession {
    /// Seals and opens its messages.
    pub(crate) security: SubSessionSecurity,
    /// What was agreed on.
    pub(crate) agreed: Agreed,
    /// The final packet that it began with.
    pub(crate) end: Ordered,
    /// LATEST_PM of the operation that it began with.
    pub(crate) latest_pm: Vec<MessageId>,
}

type Effects = Vec<Effect>;
type StepOf = Step<Completed<AgreedKeys, CliquesResult>>;

impl Member {
    pub(crate) fn new(
        dialect: Dialect,
        id: MemberId,
        signer: Arc<dyn IdentitySigner + Send + Sync>,
        identities: Arc<dyn Identities + Send + Sync>,
        draws: Draws,
    ) -> Self {
        Self {
            greeter: CliquesGreeter::new(dialect, id.clone(), signer, identities),
            order: ServerOrder::unsynced(id.clone()),
            id,
            dialect,
            channel: BTreeSet::new(),
            drafts: BTreeMap::new(),
            outgoing: VecDeque::new(),
            subsessions: Vec::new(),
            initial: None,
            excluded: false,
            draws,
        }
    }

    pub(crate) const fn id(&self) -> &MemberId {
        &self.id
    }

    /// The members of the session; ourselves alone, if there is none.
    pub(crate) fn members(&self) -> &[MemberId] {
        self.greeter.members()
    }

    /// Where our next proposal would follow.
    pub(crate) fn head(&self) -> Option<(PacketId, ChainHash)> {
        self.order.head()
    }

    /// Packet id of the running operation's initial packet.
    pub(crate) fn running(&self) -> Option<PacketId> {
        self.order.ongoing().map(Ongoing::initial)
    }

    /// Whether the running operation excludes us.
    pub(crate) fn is_being_excluded(&self) -> bool {
        self.order.ongoing().is_some_and(|ongoing| !ongoing.members().contains(&self.id))
    }

    /// Whether we were excluded, and have yet to leave the channel.
    pub(crate) const fn is_excluded(&self) -> bool {
        self.excluded
    }

    pub(crate) const fn in_operation(&self) -> bool {
        self.order.ongoing().is_some()
    }

    pub(crate) fn subsessions(&self) -> &[SubSession] {
        &self.subsessions
    }

    /// The sub-session of the present members, if we are in a session.
    pub(crate) fn current(&self) -> Option<usize> {
        self.greeter.keys().and_then(|_| self.subsessions.len().checked_sub(1))
    }

    /// What is to be sent next, by the running operation.
    pub(crate) fn next_outgoing(&mut self) -> Option<String> {
        self.outgoing.pop_front()
    }

    pub(crate) const fn draws(&mut self) -> &mut Draws {
        &mut self.draws
    }

    pub(crate) fn draws_left(&self) -> usize {
        self.draws.left()
    }

    /// What a refused packet must leave as it is.
    pub(crate) fn visible(&self) -> Visible {
        let ongoing = self.order.ongoing();
        Visible {
            head: self.order.head(),
            running: ongoing.map(Ongoing::initial),
            progress: ongoing.map(|ongoing| ongoing.operation().progress()),
            members: self.greeter.members().to_vec(),
            subsessions: self.subsessions.len(),
            outgoing: self.outgoing.len(),
            draws: self.draws.left(),
        }
    }

    // ---- the channel ----

    /// We entered the channel, and these are in it now.
    pub(crate) fn enter_channel(&mut self, members: BTreeSet<MemberId>) {
        self.leave_channel();
        self.channel = members;
    }

    /// LI: we left the channel, and the session with it.
    pub(crate) fn leave_channel(&mut self) {
        self.channel.clear();
        self.order.reset();
        self.greeter.reset();
        self.drafts.clear();
        self.outgoing.clear();
        self.excluded = false;
    }

    /// Others entered or left, all in one event; `members` are in the channel now.
    pub(crate) fn channel_changed(
        &mut self,
        leavers: &[MemberId],
        members: BTreeSet<MemberId>,
    ) -> Effects {
        self.channel = members;
        match self.order.members_left(leavers, &self.channel) {
            Some(ended) => {
                self.outgoing.clear();
                vec![Effect::Ordered(ordered(&ended)), Effect::Failed]
            }
            None => Vec::new(),
        }
    }

    /// Starts a server order from scratch.
    pub(crate) fn start_order(&mut self) {
        let mut prev_pf = [0; 32];
        rand_core::Rng::fill_bytes(self.draws.draw_for(Purpose::Order), &mut prev_pf);
        self.order.start(PacketId::from_bytes(prev_pf));
    }

    /// The id that a packet by `sender` has now.
    pub(crate) fn packet_id(&self, sender: &MemberId, text: &str) -> PacketId {
        let others = self.channel.iter().filter(|&member| member != sender);
        PacketId::compute(sender.as_bytes(), others.map(MemberId::as_bytes), text.as_bytes())
    }

    // ---- sending ----

    /// Proposes a membership change; the packet is the next one to send.
    pub(crate) fn propose(
        &mut self,
        change: Change<'_>,
        latest_pm: Vec<MessageId>,
    ) -> Result<(), NotProposed> {
        let (prev_pf, chain_hash) = self.order.head().ok_or(NotProposed::Unsynced)?;
        // While an operation runs, only a recording proposes another one; it loses.
        let chain_hash = self.order.ongoing().map_or(chain_hash, Ongoing::chain_hash);
        let order = OrderRefs {
            prev_pf: *prev_pf.as_bytes(),
            chain_hash: *chain_hash.as_bytes(),
            latest_pm,
        };
        let rng = self.draws.draw_for(Purpose::Operation);
        let proposal = self.greeter.propose(rng, change, order).map_err(NotProposed::Change)?;
        self.drafts.insert(proposal.packet.clone(), proposal.draft);
        self.outgoing.push_back(proposal.packet);
        Ok(())
    }

    /// Our abort packet for the running operation.
    pub(crate) fn abort(&self, reason: &str) -> Option<String> {
        self.order.ongoing()?.operation().encode_abort(reason)
    }

    /// Seals a message in this sub-session.
    pub(crate) fn seal(
        &mut self,
        subsession: usize,
        draft: &Draft<'_>,
    ) -> Option<Result<Sealed, SealError>> {
        let subsession = self.subsessions.get_mut(subsession)?;
        Some(subsession.security.seal(self.draws.draw_for(Purpose::Message), draft))
    }

    // ---- receiving ----

    /// Takes a packet that the channel delivered.
    pub(crate) fn receive(&mut self, sender: &MemberId, text: &str) -> Effects {
        let id = self.packet_id(sender, text);
        let mut buffer = Vec::new();
        let packet =
            unarmor(text, &mut buffer).and_then(|contents| Packet::decode(self.dialect, contents));
        let outcome = match packet {
            Ok(Packet::Greeting(greeting)) if greeting.metadata.is_some() => {
                self.receive_initial(sender, id, text, &greeting)
            }
            Ok(Packet::Greeting(greeting)) => self.receive_greeting(sender, id, &greeting),
            Ok(Packet::Abort(abort)) => self.receive_abort(sender, id, &abort),
            Ok(Packet::Data(data)) => {
                self.open(sender, &data).map(|(at, opened)| vec![Effect::Opened(at, opened)])
            }
            Ok(_) => Err(NotTaken::Unknown),
            Err(error) => Err(NotTaken::Malformed(error)),
        };
        outcome.unwrap_or_else(|reason| vec![Effect::NotTaken(id, reason)])
    }

    /// Opens a data packet in the newest sub-session that can.
    pub(crate) fn open(
        &self,
        sender: &MemberId,
        packet: &DataPacket<'_>,
    ) -> Result<(usize, Opened), NotTaken> {
        let author = packet.resent_author.map(|author| author.to_owned());
        let author = author.as_ref().unwrap_or(sender);
        let mut newest = None;
        for (at, subsession) in self.subsessions.iter().enumerate().rev() {
            match subsession.security.open(author, packet) {
                Ok(opened) => return Ok((at, opened)),
                Err(error) => newest = newest.or(Some(error)),
            }
        }
        Err(newest.map_or(NotTaken::NoSession, NotTaken::Unopened))
    }

    fn receive_initial(
        &mut self,
        sender: &MemberId,
        id: PacketId,
        text: &str,
        packet: &GreetingPacket<'_>,
    ) -> Result<Effects, NotTaken> {
        let checked = match self.greeter.check_initial(sender, packet) {
            Ok(checked) => checked,
            Err(refused) => {
                // EIO: the order remembers the parents of operations that do not include us.
                if refused.check == Check::NotForUs
                    && let Some(Verdict::Ignore(reason)) = self.offer_unchecked(id, text, packet)
                {
                    return Err(NotTaken::Ignored(reason));
                }
                return Err(NotTaken::Refused(refused));
            }
        };
        let draft = self.drafts.remove(text).filter(|_| *sender == self.id);
        if draft.is_some() {
            self.order.propose(text.as_bytes());
        }
        let initial = &checked.initial;
        let proposal = Proposal {
            author: &initial.author,
            members: &initial.members,
            prev_pf: PacketId::from_bytes(initial.order.prev_pf),
            prev_chain_hash: ChainHash::from_bytes(initial.order.chain_hash),
            single: initial.single,
        };
        let synced_from =
            (!self.order.is_synced()).then_some((proposal.prev_pf, proposal.prev_chain_hash));
        let accepted = taken(self.order.offer_initial(
            id,
            text.as_bytes(),
            &proposal,
            self.greeter.members(),
            &self.channel,
        ))?;
        self.initial = Some(initial.clone());
        let rng = self.draws.draw_for(Purpose::Operation);
        let (greeting, step) = match self.greeter.start(rng, *id.as_bytes(), checked, draft) {
            Ok(started) => started,
            Err(error) => return Ok(vec![Effect::Internal(error)]),
        };
        let first = match self.order.begin(accepted, greeting) {
            Some(ended) => ordered(&ended),
            None => match self.order.ongoing() {
                Some(ongoing) => Ordered {
                    id,
                    entry: EntryType::Initial,
                    chain_hash: ongoing.chain_hash(),
                    synced_from,
                },
                None => {
                    let what = "an accepted initial packet began nothing";
                    return Ok(vec![Effect::Internal(InternalError::new(what))]);
                }
            },
        };
        Ok(self.take_step(Effect::Ordered(first), Ok(step)))
    }

    /// Offers an initial packet to the order that the membership protocol has no use for.
    fn offer_unchecked(
        &mut self,
        id: PacketId,
        text: &str,
        packet: &GreetingPacket<'_>,
    ) -> Option<Verdict<AcceptedInitial>> {
        let metadata = packet.metadata?;
        let members: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let proposal = Proposal {
            author: &packet.source.to_owned(),
            members: &members,
            prev_pf: PacketId::from_bytes(*metadata.prev_pf),
            prev_chain_hash: ChainHash::from_bytes(*metadata.chain_hash),
            single: false,
        };
        let current = self.greeter.members();
        Some(self.order.offer_initial(id, text.as_bytes(), &proposal, current, &self.channel))
    }

    fn receive_greeting(
        &mut self,
        sender: &MemberId,
        id: PacketId,
        packet: &GreetingPacket<'_>,
    ) -> Result<Effects, NotTaken> {
        let ongoing = self.order.ongoing_mut().ok_or(NotTaken::NoOperation)?;
        let checked = ongoing.operation().check(sender, packet).map_err(NotTaken::Refused)?;
        let rng = self.draws.draw_for(Purpose::Operation);
        match checked.stage {
            Stage::Middle => {
                let step = ongoing.operation_mut().apply(rng, checked);
                Ok(self.take_step(Effect::Applied, step))
            }
            Stage::Final => {
                let mut ended = taken(self.order.offer_final(id))?;
                let step = ended.operation_mut().apply(rng, checked);
                Ok(self.take_step(Effect::Ordered(ordered(&ended)), step))
            }
            _ => Err(NotTaken::Unknown),
        }
    }

    fn receive_abort(
        &mut self,
        sender: &MemberId,
        id: PacketId,
        packet: &AbortPacket<'_>,
    ) -> Result<Effects, NotTaken> {
        let ongoing = self.order.ongoing().ok_or(NotTaken::NoOperation)?;
        ongoing.operation().check_abort(sender, packet).map_err(NotTaken::Refused)?;
        let aborted = PacketId::from_bytes(*packet.aborted_pi);
        let ended = taken(self.order.offer_abort(id, &aborted))?;
        self.outgoing.clear();
        Ok(vec![Effect::Ordered(ordered(&ended)), Effect::Failed])
    }

    /// Takes what the running operation did. `first` is what that was to the order.
    fn take_step(&mut self, first: Effect, step: Result<StepOf, InternalError>) -> Effects {
        let step = match step {
            Ok(step) => step,
            Err(error) => return vec![first, Effect::Internal(error)],
        };
        self.outgoing.extend(step.send);
        match (step.status, &first) {
            (Status::Completed(completed), Effect::Ordered(end)) => {
                let entered = self.complete(completed, *end);
                vec![first, Effect::Completed(entered)]
            }
            (Status::CannotConfirm(reason), _) => vec![first, Effect::CannotConfirm(reason)],
            _ => vec![first],
        }
    }

    /// Puts a completed operation into force; says where that leads.
    fn complete(
        &mut self,
        Completed { keys, result, .. }: Completed<AgreedKeys, CliquesResult>,
        end: Ordered,
    ) -> Entered {
        let initial = self.initial.take();
        if !initial.as_ref().is_some_and(|initial| initial.members.contains(&self.id)) {
            // Nothing changes for us until we leave the channel.
            self.excluded = true;
            return Entered::Excluded;
        }
        self.greeter.adopt(result);
        let Some(keys) = keys else { return Entered::Alone };
        let agreed = self.agreed(&keys);
        let security = SubSessionSecurity::new(&SubSessionKeys {
            dialect: self.dialect,
            own: self.id.clone(),
            members: keys.members().to_vec(),
            signing_key: keys.signing_key().clone(),
            session_id: agreed.session_id,
            group_key: agreed.group_key,
        });
        let latest_pm = initial.map(|initial| initial.order.latest_pm).unwrap_or_default();
        let entered = Entered::SubSession(self.subsessions.len());
        self.subsessions.push(SubSession { security, agreed, end, latest_pm });
        entered
    }

    fn agreed(&self, keys: &AgreedKeys) -> Agreed {
        let agreed = || self.greeter.agreed();
        Agreed {
            session_id: *keys.session_id(),
            group_key: *keys.group_key(),
            members: keys.members().iter().map(|(member, _)| member.clone()).collect(),
            int_keys: agreed().map(|member| *member.int_key).collect(),
            nonces: agreed().map(|member| *member.nonce).collect(),
            ephemeral_keys: keys.members().iter().map(|(_, key)| key.to_bytes()).collect(),
        }
    }
}

fn taken<T>(verdict: Verdict<T>) -> Result<T, NotTaken> {
    match verdict {
        Verdict::Accept(accepted) => Ok(accepted),
        Verdict::Ignore(reason) => Err(NotTaken::Ignored(reason)),
        Verdict::Reject(reason) => Err(NotTaken::Rejected(reason)),
        _ => Err(NotTaken::Unknown),
    }
}

fn ordered(ended: &Ended<MemberId, CliquesGreeting>) -> Ordered {
    let entry = match ended.how() {
        End::Both => EntryType::Both,
        End::Abort => EntryType::Abort,
        End::Leave => EntryType::Leave,
        _ => EntryType::Final,
    };
    Ordered { id: ended.packet_id(), entry, chain_hash: ended.chain_hash(), synced_from: None }
}
