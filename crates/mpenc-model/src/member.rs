//! One member: the order of `mpenc-order`, and as much of the session's rules as it takes to feed
//! it. The rules are those of `mpenc-session`, by the same names (LI, LS, LOI, LOX, EO, EAL, IAL,
//! XP, EIO, EII); what it does with keys, texts and time is left out.

use mpenc_order::{AckVerdict, ChainHash, End, Ended, PacketId, Proposal, RejectReason, Verdict};

use crate::effects::{Effects, Fact};
use crate::name::{Name, Names};
use crate::packet::{Data, Initial, Key, Kind, Notice, Packet};
use crate::rules::{Acks, Operation, Order, Rules, Waiting};

/// How members behave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Manner<R> {
    /// The decisions.
    pub rules: R,
    /// Whether those who wait follow one operation provisionally (EII), as in dialect MpencJs, and
    /// not several side by side.
    pub provisional: bool,
}

/// A change that a member wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// These come in.
    Include(Names),
    /// These go.
    Exclude(Names),
    /// New keys.
    Refresh,
}

/// Being in the channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inside {
    /// Who is in it, says the server.
    pub channel: Names,
    /// Who was there before us, and has been since.
    pub seniors: Names,
    /// Who was excluded and has not left it.
    pub excluded: Names,
    /// Whether we are among those.
    pub we_are_excluded: bool,
}

/// A sub-session whose keys we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sub {
    /// What it is called.
    pub key: Key,
    /// Who has its keys.
    pub members: Names,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Who.
    pub own: Name,
    /// Where.
    pub inside: Option<Inside>,
    /// The order.
    pub order: Order,
    /// Operations that we follow while we wait.
    pub waiting: Waiting,
    /// What we and others have said of the order.
    pub acks: Acks,
    /// The members of the session; we alone, where we are in none.
    pub members: Names,
    /// Members who left, and are to be excluded.
    pub to_exclude: Names,
    /// Whether our turn to propose that comes by and by.
    pub turn: bool,
    /// Our own proposal, until it is ordered or has lost.
    pub proposal: Option<Key>,
    /// The sub-session, and the one before.
    pub current: Option<Sub>,
    /// See `current`.
    pub previous: Option<Sub>,
    /// The latest operation that completed for us.
    pub completed: Option<Key>,
    /// Our messages that are not fully acked, and who has to ack them.
    pub unacked: Vec<(u8, Names)>,
    /// Acks of the order by others, for packets that we do not know yet.
    pub unknown: Vec<(Name, PacketId)>,
    /// How many proposals and messages we have made.
    pub made: (u8, u8),
    /// Whether we have told the user that somebody was told another story.
    pub alarmed: bool,
}

impl Member {
    /// Somebody who is not in the channel.
    #[must_use]
    pub fn new(own: Name) -> Self {
        Self {
            own,
            inside: None,
            order: Order::unsynced(own),
            waiting: Waiting::new(own),
            acks: Acks::new(own),
            members: Names::default().with(own),
            to_exclude: Names::default(),
            turn: false,
            proposal: None,
            current: None,
            previous: None,
            completed: None,
            unacked: Vec::new(),
            unknown: Vec::new(),
            made: (0, 0),
            alarmed: false,
        }
    }

    /// The server tells us something.
    pub fn handle<R: Rules>(&mut self, manner: Manner<R>, notice: Notice, out: &mut Effects) {
        match notice {
            Notice::Inside(channel) => self.on_entered(channel, out),
            Notice::Left(who) if who == self.own => self.on_we_left(out),
            Notice::Left(who) => self.on_left(manner, who, out),
            Notice::Entered(who) => self.on_other_entered(who, out),
            // No server that is in its senses shows us a packet before we are in.
            Notice::Packet(sender, packet) => {
                let Some(inside) = self.inside else { return };
                // A sender who is not in the channel is refused.
                if !inside.channel.has(sender) {
                    out.note(|| format!("refused: {sender} is not in the channel"));
                    return;
                }
                let id = packet.id(sender, inside.channel);
                match packet {
                    Packet::Initial(initial) => {
                        self.on_initial(manner, inside, sender, id, initial, out);
                    }
                    Packet::Confirm(key) => self.on_confirm(manner, sender, id, key, out),
                    Packet::Abort(aborted) => self.on_abort(manner, sender, id, aborted, out),
                    Packet::Data(data) => self.on_data(manner, sender, data, out),
                }
            }
        }
    }

    // ---- the channel ----

    fn on_entered(&mut self, channel: Names, out: &mut Effects) {
        if self.inside.is_some() {
            self.on_we_left(out);
        }
        let seniors = channel.without(self.own);
        let channel = channel.with(self.own);
        self.inside = Some(Inside { channel, seniors, ..Inside::default() });
        if seniors.is_empty() {
            self.start(out);
        }
    }

    fn start(&mut self, out: &mut Effects) {
        self.made.0 += 1;
        let key = Key { author: self.own, serial: self.made.0 };
        // Drawn at random, that is: nobody else's is equal.
        let Key { author, serial } = key;
        let [letter] = [author.index()].map(|index| u8::try_from(index).unwrap_or(u8::MAX));
        let mut drawn = [0xee; 32];
        drawn[0] = letter;
        drawn[1] = serial;
        self.order.start(PacketId::from_bytes(drawn));
        let _ = self.waiting.clear();
        out.note(|| format!("starts an order, {key}"));
    }

    /// LI.
    fn on_we_left(&mut self, out: &mut Effects) {
        let made = self.made;
        self.order.reset();
        *self = Self::new(self.own);
        self.made = made;
        out.note(|| String::from("forgets all"));
    }

    fn on_left<R: Rules>(&mut self, manner: Manner<R>, who: Name, out: &mut Effects) {
        let Some(inside) = &mut self.inside else { return };
        if !inside.channel.remove(who) {
            return;
        }
        inside.excluded.remove(who);
        inside.seniors.remove(who);
        let channel = inside.channel;
        let deserted = inside.seniors.is_empty();
        let waits = !inside.we_are_excluded;
        // LOI.
        let ended = manner.rules.member_left(self.own, &mut self.order, who, &channel.to_set());
        for dropped in self.waiting.members_left(&[who], &channel.to_set()) {
            out.note(|| format!("stops following {}", dropped.operation().key));
        }
        self.acks.waive(&who);
        self.unknown.retain(|(member, _)| *member != who);
        self.acked_by(who, None, out);
        if self.members.has(who) {
            self.to_exclude.insert(who);
        }
        match ended {
            Some(ended) => self.on_failed(manner, &ended, out),
            None if self.order.ongoing().is_none() => self.schedule_exclude(out),
            None => {}
        }
        if deserted && waits && !self.order.is_synced() {
            self.start(out);
        }
    }

    fn on_other_entered(&mut self, who: Name, out: &mut Effects) {
        let Some(inside) = &mut self.inside else { return };
        if who == self.own || !inside.channel.insert(who) {
            return;
        }
        if self.to_exclude.has(who) {
            out.kick(who, "EAL");
        } else if let Some(running) = self.order.ongoing() {
            // EO. Those whom it excludes are members still.
            let concerned = running.operation().members.or(self.members);
            if !concerned.has(who) {
                out.kick(who, "EO");
            }
        }
    }

    // ---- operations ----

    fn on_initial<R: Rules>(
        &mut self,
        manner: Manner<R>,
        inside: Inside,
        sender: Name,
        id: PacketId,
        initial: Initial,
        out: &mut Effects,
    ) {
        if initial.key.author != sender {
            return;
        }
        if manner.rules.is_taken(self.own, &self.order, sender, &initial.prev_pf) {
            out.note(|| format!("{} is too late", initial.key));
            self.own_proposal_lost(initial.key, out);
            return;
        }
        if !self.is_well_formed(&initial) {
            out.note(|| format!("{} does not fit our members", initial.key));
            if !self.order.is_synced() {
                self.doubt(manner, inside, id, &initial);
            }
            return;
        }
        if !self.order.is_synced() && !manner.provisional {
            self.on_candidate(inside, sender, id, &initial, out);
            return;
        }
        let mut verdict = self.offer(manner, inside, id, &initial);
        if matches!(verdict, Verdict::Reject(RejectReason::AuthorNotMember))
            && self.completed.is_none()
            && self.order.ongoing().is_none()
        {
            // Two started at once; theirs was ordered first, and includes us.
            self.order.reset();
            self.proposal = None;
            out.note(|| String::from("gives up its own start"));
            if !manner.provisional {
                self.on_candidate(inside, sender, id, &initial, out);
                return;
            }
            verdict = self.offer(manner, inside, id, &initial);
        }
        match verdict {
            Verdict::Accept(accepted) => {
                let Some((parent, single)) = self.parent_of(&initial, &accepted) else {
                    out.fault("what was accepted does not follow what was accepted before");
                    return;
                };
                if accepted.is_own() != (initial.key.author == self.own) {
                    out.fault("somebody else's proposal was accepted as our own");
                }
                // What somebody who waits follows counts when it completes.
                if !accepted.is_provisional() {
                    out.fact(Fact::Began { parent, initial: id });
                }
                self.proposal = None;
                let stale = inside.excluded.and(initial.members);
                stale.iter().for_each(|who| out.kick(who, "IAL"));
                let Initial { key, members, .. } = initial;
                out.note(|| format!("accepts {key}"));
                let operation = Operation { key, members, heard: initial.confirmed() };
                match self.order.begin(accepted, operation) {
                    Some(ended) if single => self.on_completed(&ended, out),
                    None if !single => self.confirm(&initial, out),
                    _ => out.fault("a single packet did not end its operation, or another one did"),
                }
            }
            Verdict::Reject(reason) => {
                out.note(|| format!("rejects {}: {reason}", initial.key));
                if reason.is_order_mismatch() {
                    self.alarmed = true;
                } else if !reason.is_benign() {
                    out.refused();
                }
            }
            _ => out.note(|| format!("ignores {}", initial.key)),
        }
        self.own_proposal_lost(initial.key, out);
    }

    fn offer<R: Rules>(
        &mut self,
        manner: Manner<R>,
        inside: Inside,
        id: PacketId,
        initial: &Initial,
    ) -> Verdict<mpenc_order::AcceptedInitial> {
        manner.rules.offer_initial(
            self.own,
            &mut self.order,
            id,
            &Packet::Initial(*initial).octets(),
            &proposal(initial, &initial.members.to_vec()),
            &self.members.to_vec(),
            &inside.channel.to_set(),
        )
    }

    /// The parent that an accepted packet has, which must be the end of what was accepted before.
    fn parent_of(
        &self,
        initial: &Initial,
        accepted: &mpenc_order::AcceptedInitial,
    ) -> Option<(PacketId, bool)> {
        let follows = accepted.is_provisional()
            || self.order.head() == Some((initial.prev_pf, initial.chain_hash));
        follows.then_some((initial.prev_pf, initial.is_single()))
    }

    /// What the greeter checks of the members of a proposal.
    fn is_well_formed(&self, initial: &Initial) -> bool {
        if self.members.len() > 1 {
            return match initial.kind {
                Kind::Establish => false,
                Kind::Include(new) => {
                    new.and(self.members).is_empty() && initial.members == self.members.or(new)
                }
                Kind::Exclude => {
                    initial.members.within(self.members) && initial.members != self.members
                }
                Kind::Refresh => initial.members == self.members,
            };
        }
        match initial.kind {
            Kind::Establish => initial.members.has(self.own),
            Kind::Include(new) => new.has(self.own) && initial.members.minus(new).len() > 1,
            Kind::Exclude | Kind::Refresh => false,
        }
    }

    fn confirm(&self, initial: &Initial, out: &mut Effects) {
        if initial.members.minus(initial.confirmed()).has(self.own) {
            out.send(Packet::Confirm(initial.key));
        }
    }

    /// If this is our own proposal, it has come back and was not accepted.
    fn own_proposal_lost(&mut self, key: Key, out: &mut Effects) {
        if self.proposal == Some(key) {
            self.proposal = None;
            self.order.withdraw();
            if self.order.ongoing().is_none() {
                self.schedule_exclude(out);
            }
        }
    }

    fn on_confirm<R: Rules>(
        &mut self,
        manner: Manner<R>,
        sender: Name,
        id: PacketId,
        key: Key,
        out: &mut Effects,
    ) {
        if !self.order.is_synced() {
            self.on_candidate_confirm(sender, id, key, out);
            return;
        }
        let Some(running) = self.order.ongoing_mut() else { return };
        let operation = running.operation_mut();
        if operation.key != key || !operation.members.has(sender) || operation.heard.has(sender) {
            return;
        }
        if operation.heard.with(sender) != operation.members {
            operation.heard.insert(sender);
            return;
        }
        match manner.rules.offer_final(self.own, &mut self.order, id) {
            Verdict::Accept(ended) => self.on_completed(&ended, out),
            _ => out.fault("the packet that completes the running operation was not accepted"),
        }
    }

    fn on_abort<R: Rules>(
        &mut self,
        manner: Manner<R>,
        sender: Name,
        id: PacketId,
        aborted: PacketId,
        out: &mut Effects,
    ) {
        let believes = |operation: &Operation| operation.members.has(sender);
        if !self.order.is_synced() {
            let known = self.waiting.find(&aborted).is_some_and(|one| believes(one.operation()));
            if known && let Some(ended) = self.waiting.abort(&aborted, id) {
                out.note(|| format!("stops following {}", ended.operation().key));
            }
            return;
        }
        let knows_author = self.members.has(sender);
        let running = self.order.ongoing().map(mpenc_order::Ongoing::operation);
        if !running.is_some_and(|one| believes(one) && (knows_author || one.heard.has(sender))) {
            return;
        }
        if let Verdict::Accept(ended) =
            manner.rules.offer_abort(self.own, &mut self.order, id, &aborted)
        {
            self.on_failed(manner, &ended, out);
        }
    }

    pub(crate) fn on_completed(&mut self, ended: &Ended<Name, Operation>, out: &mut Effects) {
        let Operation { key, members, .. } = *ended.operation();
        out.note(|| format!("completes {key}: {members}"));
        if ended.was_provisional() {
            let (parent, initial) = (ended.parent(), ended.initial());
            out.fact(Fact::Began { parent, initial });
        }
        out.fact(Fact::of(ended));
        if !matches!(ended.how(), End::Final | End::Both) {
            out.fault("what completed has failed");
        }
        let Some(inside) = &mut self.inside else { return };
        let excluded_us = !members.has(self.own);
        let gone = self.members.minus(members).and(inside.channel).without(self.own);
        inside.excluded = inside.excluded.or(gone);
        inside.we_are_excluded |= excluded_us;
        self.previous = self.current.take().or(self.previous);
        if excluded_us {
            self.members = Names::default().with(self.own);
        } else {
            self.members = members;
            if members.len() > 1 {
                self.current = Some(Sub { key, members });
            }
        }
        self.to_exclude = self.to_exclude.and(self.members);
        self.completed = Some(key);
        self.note_history(out);
        self.schedule_exclude(out);
    }

    fn on_failed<R: Rules>(
        &mut self,
        _manner: Manner<R>,
        ended: &Ended<Name, Operation>,
        out: &mut Effects,
    ) {
        out.note(|| format!("{} has failed", ended.operation().key));
        if ended.how().is_success() {
            out.fault("what failed has completed");
        }
        if !ended.was_provisional() {
            out.fact(Fact::of(ended));
        }
        self.note_history(out);
        self.schedule_exclude(out);
    }

    // ---- proposals ----

    /// Whether we may propose this now, and where it would lead.
    #[must_use]
    pub fn may_propose(&self, change: Change) -> Option<(Kind, Names)> {
        let inside = self.inside.filter(|inside| !inside.we_are_excluded)?;
        let provisional = self.order.ongoing().is_some_and(mpenc_order::Ongoing::is_provisional);
        if !self.order.is_synced()
            || provisional
            || self.order.is_disputed()
            || self.proposal.is_some()
        {
            return None;
        }
        let (kind, members) = match change {
            Change::Include(new) => {
                let waits = new.minus(self.members) == new && new.within(inside.channel);
                if new.is_empty() || !waits || !new.and(inside.excluded).is_empty() {
                    return None;
                }
                let group = self.members.len() > 1;
                let kind = if group { Kind::Include(new) } else { Kind::Establish };
                (kind, self.members.or(new))
            }
            Change::Exclude(gone) => {
                if gone.is_empty() || !gone.within(self.members.without(self.own)) {
                    return None;
                }
                (Kind::Exclude, self.members.minus(gone))
            }
            Change::Refresh if self.members.len() > 1 => (Kind::Refresh, self.members),
            Change::Refresh => return None,
        };
        let stays = members.and(self.members);
        stays.within(inside.channel).then_some((kind, members))
    }

    /// Proposes it, if we may.
    pub fn propose(&mut self, change: Change, out: &mut Effects) {
        let Some((kind, members)) = self.may_propose(change) else { return };
        let Some((prev_pf, head)) = self.order.head() else { return };
        // While another operation runs it is too late; it names that one all the same.
        let chain_hash = self.order.ongoing().map_or(head, mpenc_order::Ongoing::chain_hash);
        self.made.0 += 1;
        let key = Key { author: self.own, serial: self.made.0 };
        let packet = Packet::Initial(Initial { key, kind, members, prev_pf, chain_hash });
        self.order.propose(&packet.octets());
        self.proposal = Some(key);
        out.send(packet);
    }

    /// LS, LOX: the first of those who stay proposes to exclude who left, the others by and by.
    fn schedule_exclude(&mut self, out: &mut Effects) {
        self.to_exclude = self.to_exclude.and(self.members);
        if self.to_exclude.is_empty() {
            return;
        }
        if self.members.minus(self.to_exclude).iter().next() == Some(self.own) {
            self.exclude_those_who_left(out);
        } else {
            self.turn = true;
        }
    }

    /// Our turn has come.
    pub fn take_turn(&mut self, out: &mut Effects) {
        self.turn = false;
        self.exclude_those_who_left(out);
    }

    fn exclude_those_who_left(&mut self, out: &mut Effects) {
        self.to_exclude = self.to_exclude.and(self.members);
        if self.order.ongoing().is_none() {
            self.propose(Change::Exclude(self.to_exclude), out);
        }
    }

    /// Whether an abort of ours would be believed, and of what.
    #[must_use]
    pub fn may_abort(&self) -> Option<PacketId> {
        let running = self.order.ongoing()?;
        let ours = running.operation().members.has(self.own);
        (ours && !running.is_provisional()).then(|| running.initial())
    }

    // ---- those who wait ----

    fn on_candidate(
        &mut self,
        inside: Inside,
        sender: Name,
        id: PacketId,
        initial: &Initial,
        out: &mut Effects,
    ) {
        if sender == self.own {
            return;
        }
        let members = initial.members.to_vec();
        let proposal = proposal(initial, &members);
        let channel = inside.channel.to_set();
        let Verdict::Accept(candidacy) = self.waiting.offer(id, &sender, &proposal, true, &channel)
        else {
            out.note(|| format!("does not follow {}", initial.key));
            return;
        };
        let Initial { key, members, .. } = *initial;
        out.note(|| format!("follows {key}"));
        let operation = Operation { key, members, heard: initial.confirmed() };
        let _ = self.waiting.begin(candidacy, operation);
        self.confirm(initial, out);
    }

    /// EIO.
    fn doubt<R: Rules>(
        &mut self,
        manner: Manner<R>,
        inside: Inside,
        id: PacketId,
        initial: &Initial,
    ) {
        let others = initial.members.without(self.own).to_vec();
        let proposal = proposal(initial, &others);
        let channel = inside.channel.to_set();
        if manner.provisional {
            let octets = Packet::Initial(*initial).octets();
            let _ = self.order.offer_initial(id, &octets, &proposal, &[self.own], &channel);
        } else {
            let author = initial.key.author;
            let _ = self.waiting.offer(id, &author, &proposal, false, &channel);
        }
    }

    fn on_candidate_confirm(&mut self, sender: Name, id: PacketId, key: Key, out: &mut Effects) {
        let found = self.waiting.iter().find(|one| {
            let operation = one.operation();
            operation.key == key && operation.members.has(sender) && !operation.heard.has(sender)
        });
        let Some(initial) = found.map(mpenc_order::Ongoing::initial) else { return };
        let Some(candidate) = self.waiting.advance(&initial) else { return };
        let operation = candidate.operation_mut();
        operation.heard.insert(sender);
        if operation.heard != operation.members {
            return;
        }
        let Some(completion) = self.waiting.complete(&initial, id) else {
            out.fault("a candidate's final packet did not complete it");
            return;
        };
        self.order.adopt(&completion.ended);
        if self.order.head() != Some((id, completion.ended.chain_hash())) {
            out.fault("the completed candidate was not adopted");
        }
        self.on_completed(&completion.ended, out);
    }

    /// The time of all that we follow while we wait is over.
    pub fn stop_following(&mut self) {
        let all: Vec<PacketId> = self.waiting.iter().map(mpenc_order::Ongoing::initial).collect();
        for initial in all {
            let _ = self.waiting.drop_candidate(&initial);
        }
    }

    // ---- messages ----

    /// Writes a message in the sub-session.
    pub fn write(&mut self, out: &mut Effects) {
        let (Some(Sub { key, members }), Some(inside)) = (self.current, self.inside) else {
            return;
        };
        self.made.1 += 1;
        let serial = self.made.1;
        let order = self.acks.to_attach();
        let readers = members.without(self.own).and(inside.channel);
        self.acks.carried(serial);
        self.unacked.push((serial, readers));
        out.send(Packet::Data(Data { sub: key, serial, acks: None, order }));
    }

    fn on_data<R: Rules>(
        &mut self,
        manner: Manner<R>,
        sender: Name,
        data: Data,
        out: &mut Effects,
    ) {
        if sender == self.own || !self.opens(&data, sender) {
            return;
        }
        if let Some((packet, chain_hash)) = data.order {
            self.hear_history(manner, sender, packet, chain_hash, out);
        }
        match data.acks {
            Some((author, serial)) if author == self.own => {
                self.acked_by(sender, Some(serial), out);
            }
            Some(_) => {}
            None => {
                let acks = Some((sender, data.serial));
                let order = self.acks.to_attach();
                out.send(Packet::Data(Data { sub: data.sub, serial: 0, acks, order }));
            }
        }
    }

    /// Whether we have the keys, and the author is a member.
    #[must_use]
    pub fn opens(&self, data: &Data, author: Name) -> bool {
        let subs = [self.current, self.previous];
        subs.into_iter().flatten().any(|sub| sub.key == data.sub && sub.members.has(author))
    }

    /// Somebody has acked one of our messages; or is not awaited for any of them.
    fn acked_by(&mut self, who: Name, serial: Option<u8>, out: &mut Effects) {
        for (message, awaited) in &mut self.unacked {
            if serial.is_none_or(|serial| serial == *message) {
                awaited.remove(who);
            }
        }
        for (message, _) in self.unacked.extract_if(.., |(_, awaited)| awaited.is_empty()) {
            if self.acks.on_fully_acked(&message) {
                out.note(|| String::from("has told everybody its order"));
            }
        }
    }

    // ---- order acks ----

    fn note_history(&mut self, out: &mut Effects) {
        let (true, Some((packet, hash)), Some(inside)) =
            (self.members.len() > 1, self.order.head(), self.inside)
        else {
            self.acks.clear();
            self.unknown.clear();
            return;
        };
        let expected = self.members.and(inside.channel).to_vec();
        for (member, verdict) in self.acks.accepted(packet, hash, &expected) {
            self.judge(member, packet, verdict, out);
        }
        self.unknown.retain(|(member, unknown)| *unknown != packet && expected.contains(member));
    }

    pub(crate) fn hear_history<R: Rules>(
        &mut self,
        manner: Manner<R>,
        member: Name,
        packet: PacketId,
        chain_hash: ChainHash,
        out: &mut Effects,
    ) {
        let verdict = manner.rules.on_ack(self.own, &mut self.acks, member, packet, chain_hash);
        self.judge(member, packet, verdict, out);
    }

    fn judge(&mut self, member: Name, packet: PacketId, verdict: AckVerdict, out: &mut Effects) {
        match verdict {
            AckVerdict::Mismatch { .. } => {
                out.note(|| format!("has another history than {member}"));
                self.order.dispute();
                self.alarmed = true;
            }
            AckVerdict::Unknown => self.unknown.push((member, packet)),
            _ => {}
        }
    }

    /// The time of acks for unknown packets is over.
    pub fn give_up_unknown<R: Rules>(&mut self, manner: Manner<R>, out: &mut Effects) {
        for (member, packet) in std::mem::take(&mut self.unknown) {
            let unknown = manner.rules.give_up(self.own, &mut self.acks, member, &packet);
            if unknown.is_some() {
                out.note(|| format!("never saw what {member} accepted"));
                self.order.dispute();
                self.alarmed = true;
            }
        }
    }

    /// Whether we wait for an ack of our latest place in the order by this member.
    #[must_use]
    pub fn misses_ack_of(&self, who: Name) -> bool {
        let latest = self.order.head();
        latest.is_some_and(|(packet, _)| self.acks.missing(&packet).any(|&member| member == who))
    }

    /// Whether we take packets of this one, as far as the channel goes.
    #[must_use]
    pub fn hears(&self, who: Name) -> bool {
        self.inside.is_some_and(|inside| inside.channel.has(who))
    }

    /// Whether we count this one as somebody to talk to.
    #[must_use]
    pub fn counts(&self, who: Name) -> bool {
        self.members.has(who)
            && self.inside.is_some_and(|inside| inside.channel.has(who) && !inside.we_are_excluded)
    }
}

fn proposal<'a>(initial: &'a Initial, members: &'a [Name]) -> Proposal<'a, Name> {
    Proposal {
        author: &initial.key.author,
        members,
        prev_pf: initial.prev_pf,
        prev_chain_hash: initial.chain_hash,
        single: initial.is_single(),
    }
}
