//! Vectors, and as much of the packet format as a test of the order needs.

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mpenc_order::{
    AcceptedInitial, ChainHash, Ended, IgnoreReason, PacketId, Proposal, RejectReason, ServerOrder,
    Verdict,
};
use serde_json::Value;

pub(crate) type Member = Vec<u8>;

/// A file of the vectors; a missing one fails the test.
pub(crate) fn vectors(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of all vector files in a folder that start with one of these letters.
pub(crate) fn vector_files(folder: &str, starts: &[char]) -> Vec<String> {
    let path = format!("{}/../../vectors/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let mut chars = name.chars();
            chars.next().is_some_and(|first| starts.contains(&first))
                && chars.next().is_some_and(|second| second.is_ascii_digit())
        })
        .map(|name| format!("{folder}{name}"))
        .collect();
    names.sort();
    names
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub(crate) fn octets(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

pub(crate) fn octets_32(value: &Value) -> [u8; 32] {
    octets(value).try_into().unwrap()
}

pub(crate) fn packet_id(value: &Value) -> PacketId {
    PacketId::from_bytes(octets_32(value))
}

pub(crate) fn chain_hash(value: &Value) -> ChainHash {
    ChainHash::from_bytes(octets_32(value))
}

/// A member id as the dialect writes it: Latin-1 in the recordings, else UTF-8.
#[derive(Clone, Copy)]
pub(crate) enum Ids {
    Latin1,
    Utf8,
}

impl Ids {
    pub(crate) fn member(self, value: &Value) -> Member {
        match self {
            Self::Latin1 => {
                text(value).chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect()
            }
            Self::Utf8 => Vec::from(text(value)),
        }
    }

    pub(crate) fn members<C: FromIterator<Member>>(self, value: &Value) -> C {
        list(value).iter().map(|member| self.member(member)).collect()
    }
}

/// What the order needs of a greeting packet.
#[derive(Debug, Default)]
pub(crate) struct Greeting {
    pub(crate) source: Member,
    pub(crate) members: Vec<Member>,
    pub(crate) metadata: Option<(PacketId, ChainHash)>,
    pub(crate) refresh: bool,
    pub(crate) directed: bool,
    pub(crate) confirms: bool,
}

impl Greeting {
    /// Reads a packet that is known to be well-formed; `None` if it is no greeting.
    pub(crate) fn read(packet: &str) -> Option<Self> {
        let contents = packet.strip_prefix("?mpENC:")?.strip_suffix('.')?;
        let contents = STANDARD.decode(contents).ok()?;
        let mut greeting = Self::default();
        let (mut prev_pf, mut is_greeting) = (None, false);
        let mut rest = &contents[..];
        while let [t1, t2, l1, l2, values @ ..] = rest {
            let (value, after) = values.split_at(usize::from(u16::from_be_bytes([*l1, *l2])));
            rest = after;
            match u16::from_be_bytes([*t1, *t2]) {
                0x0002 => is_greeting = value == [2],
                0x01ff => greeting.refresh = value[1] & 0x70 == 0x40 || value == [0x00, 0xc7],
                0x0100 => greeting.source = Vec::from(value),
                0x0101 => greeting.directed = !value.is_empty(),
                0x0102 => greeting.members.push(Vec::from(value)),
                0x0106 => greeting.confirms = true,
                0x0301 => prev_pf = Some(PacketId::from_bytes(value.try_into().unwrap())),
                0x0302 => {
                    let chain_hash = ChainHash::from_bytes(value.try_into().unwrap());
                    greeting.metadata = Some((prev_pf.unwrap(), chain_hash));
                }
                _ => {}
            }
        }
        is_greeting.then_some(greeting)
    }

    pub(crate) fn is_single(&self) -> bool {
        self.refresh || self.members.len() == 1
    }
}

/// An operation as far as these tests run it: it waits for everybody's session signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signatures(BTreeSet<Member>);

/// What the order did with an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Accepted { id: PacketId, chain_hash: ChainHash, synced_from: Option<(PacketId, ChainHash)> },
    Ignored(IgnoreReason),
    Rejected(RejectReason),
    Left { id: PacketId, chain_hash: ChainHash },
}

/// One member: the order, and as much of a session as it takes to feed it.
pub(crate) struct Replica {
    pub(crate) own: Member,
    pub(crate) order: ServerOrder<Member, Signatures>,
    /// The members of the current session.
    pub(crate) members: Vec<Member>,
    pub(crate) channel: BTreeSet<Member>,
    /// Who was in the channel before us, and has been there since.
    pub(crate) seniors: BTreeSet<Member>,
    /// Whether someone whom an operation excludes follows it to its end.
    pub(crate) excluded_follow: bool,
}

impl Replica {
    pub(crate) fn new(own: Member) -> Self {
        Self {
            order: ServerOrder::unsynced(own.clone()),
            members: vec![own.clone()],
            channel: BTreeSet::new(),
            seniors: BTreeSet::new(),
            excluded_follow: true,
            own,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.order.reset();
        self.members = vec![self.own.clone()];
        self.channel.clear();
    }

    pub(crate) fn id_of(&self, sender: &Member, packet: &str) -> PacketId {
        let others = self.channel.iter().filter(|&other| other != sender).map(Vec::as_slice);
        PacketId::compute(sender, others, packet.as_bytes())
    }

    fn completed(&mut self, ended: &Ended<Member, Signatures>) {
        if ended.how().is_success() && ended.members().contains(&self.own) {
            self.members = ended.members().to_vec();
        }
    }

    /// Takes a packet; `None` if the order has no say in it.
    pub(crate) fn packet(&mut self, sender: &Member, packet: &str) -> Option<Decision> {
        let greeting = Greeting::read(packet)?;
        if greeting.source != *sender {
            return None;
        }
        let id = self.id_of(sender, packet);
        if greeting.metadata.is_some() {
            return Some(self.initial(id, packet, &greeting));
        }
        let ongoing = self.order.ongoing_mut()?;
        if ongoing.members() != greeting.members || !greeting.confirms {
            return None;
        }
        // The first implementation lets the excluded wait until they are removed from the channel.
        if !self.excluded_follow && !ongoing.members().contains(&self.own) {
            return None;
        }
        let all = ongoing.members().len();
        let signatures = &mut ongoing.operation_mut().0;
        signatures.insert(greeting.source);
        if signatures.len() < all {
            return None;
        }
        let ended = self.order.offer_final(id).accepted().expect("the operation runs");
        self.completed(&ended);
        let chain_hash = ended.chain_hash();
        Some(Decision::Accepted { id, chain_hash, synced_from: None })
    }

    fn initial(&mut self, id: PacketId, packet: &str, greeting: &Greeting) -> Decision {
        let (prev_pf, prev_chain_hash) = greeting.metadata.unwrap();
        let proposal = Proposal {
            author: &greeting.source,
            members: &greeting.members,
            prev_pf,
            prev_chain_hash,
            single: greeting.is_single(),
        };
        let verdict = self.order.offer_initial(
            id,
            packet.as_bytes(),
            &proposal,
            &self.members,
            &self.channel,
        );
        let accepted: AcceptedInitial = match verdict {
            Verdict::Accept(accepted) => accepted,
            Verdict::Ignore(reason) => return Decision::Ignored(reason),
            Verdict::Reject(reason) => return Decision::Rejected(reason),
            other => panic!("{other:?}"),
        };
        let synced_from = accepted.is_provisional().then_some((prev_pf, prev_chain_hash));
        let mut signatures = Signatures::default();
        if greeting.confirms {
            signatures.0.insert(greeting.source.clone());
        }
        let chain_hash = match self.order.begin(accepted, signatures) {
            Some(ended) => {
                self.completed(&ended);
                ended.chain_hash()
            }
            None => self.order.ongoing().expect("it began").chain_hash(),
        };
        Decision::Accepted { id, chain_hash, synced_from }
    }

    pub(crate) fn left(&mut self, leavers: &[Member]) -> Option<Decision> {
        for leaver in leavers {
            self.channel.remove(leaver);
            self.seniors.remove(leaver);
        }
        let ended = self.order.members_left(leavers, &self.channel)?;
        Some(Decision::Left { id: ended.packet_id(), chain_hash: ended.chain_hash() })
    }
}
