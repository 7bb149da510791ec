//! Members without sessions: they make the packets that members must make, and check nothing.
//!
//! What a session sees of them is what it would see of other sessions, so it pays for all of them;
//! but they read each packet once for all of them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use mpenc::MemberId;
use mpenc::message::Kind;
use mpenc::wire::{
    DataPacket, GreetOperation, GreetType, GreetingFields, GreetingPacket, Packet, unarmor,
};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};

use super::circle::{Agreed, Circle};
use super::people::{DIALECT, identity, secret};

/// A packet, and who sends it.
pub(super) type Sent = (MemberId, String);

/// What one of them contributes.
struct Puppet {
    number: usize,
    contribution: [u8; 32],
    nonce: [u8; 32],
    key: SigningKey,
}

/// An operation that waits for so many confirms.
struct Running {
    agreed: Agreed,
    confirms: usize,
}

/// All of them.
pub(super) struct Crowd {
    puppets: BTreeMap<MemberId, Puppet>,
    running: Option<Running>,
    current: Option<Circle>,
    previous: Option<Circle>,
}

impl Crowd {
    /// These people.
    pub(super) fn new<'a>(people: impl IntoIterator<Item = (usize, &'a MemberId)>) -> Self {
        let puppet = |(number, id): (usize, &MemberId)| {
            let [contribution, nonce, key] = [1, 2, 3].map(|of| secret(number, of));
            let key = SigningKey::from_bytes(&key);
            (id.clone(), Puppet { number, contribution, nonce, key })
        };
        Self {
            puppets: people.into_iter().map(puppet).collect(),
            running: None,
            current: None,
            previous: None,
        }
    }

    pub(super) fn contains(&self, id: &MemberId) -> bool {
        self.puppets.contains_key(id)
    }

    /// All of them hear a packet. Gives what they answer.
    pub(super) fn hear(
        &mut self,
        rng: &mut dyn CryptoRng,
        from: &MemberId,
        text: &str,
    ) -> Result<Vec<Sent>> {
        let mut buffer = Vec::new();
        let contents = unarmor(text, &mut buffer)?;
        match Packet::decode(DIALECT, contents)? {
            Packet::Data(packet) => self.read(from, &packet).map(|()| Vec::new()),
            Packet::Greeting(packet) => self.follow(rng, &packet),
            _ => Err(anyhow!("nobody should abort")),
        }
    }

    /// The crowd notes its own messages when it sends them.
    fn read(&mut self, sender: &MemberId, packet: &DataPacket<'_>) -> Result<()> {
        let author = packet.resent_author.map_or(sender.clone(), |author| author.to_owned());
        if !self.contains(&author) {
            for circle in [&mut self.current, &mut self.previous].into_iter().flatten() {
                circle.read(&author, packet)?;
            }
        }
        Ok(())
    }

    fn follow(
        &mut self,
        rng: &mut dyn CryptoRng,
        packet: &GreetingPacket<'_>,
    ) -> Result<Vec<Sent>> {
        if let Some(next) = packet.dest {
            let id = next.to_owned();
            return match self.puppets.get(&id) {
                Some(puppet) => Ok(vec![(id.clone(), contribute(&id, puppet, packet)?)]),
                None => Ok(Vec::new()),
            };
        }
        if !packet.int_keys.is_empty() {
            return self.confirm(rng, packet);
        }
        let running = self.running.as_mut().context("nothing is to be confirmed")?;
        running.confirms = running.confirms.saturating_sub(1);
        if running.confirms > 0 { Ok(Vec::new()) } else { self.adopt(rng) }
    }

    /// The group key can be made: all confirm it, or a refresh is over.
    fn confirm(
        &mut self,
        rng: &mut dyn CryptoRng,
        packet: &GreetingPacket<'_>,
    ) -> Result<Vec<Sent>> {
        let members: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
        let operation = packet.greet_type.operation();
        let is_refresh = operation == Some(GreetOperation::Refresh);
        let (nonces, keys) = if is_refresh {
            let group = &self.current.as_ref().context("there is no group")?.agreed;
            (group.nonces.clone(), group.keys.clone())
        } else {
            let keys = packet.pub_keys.iter().map(VerifyingKey::from_bytes);
            let keys = members.iter().cloned().zip(keys);
            let keys = keys.map(|(id, key)| Ok((id, key?))).collect::<Result<_>>()?;
            (packet.nonces.iter().copied().collect(), keys)
        };
        let mut int_keys = members.iter().zip(packet.int_keys.iter());
        let group_key = int_keys
            .find_map(|(id, key)| Some(group_key(&self.puppets.get(id)?.contribution, key)))
            .context("nobody of the crowd is a member")?;
        let session_id = session_id(&members, &nonces);
        let agreed = Agreed { members, nonces, keys, session_id, group_key };
        let confirms = agreed.members.len() - 1;
        let greet_type = match operation {
            Some(GreetOperation::Establish) => GreetType::ESTABLISH_CONFIRM,
            Some(GreetOperation::Include) => GreetType::INCLUDE_CONFIRM,
            _ => GreetType::EXCLUDE_CONFIRM,
        };
        let author = packet.source.to_owned();
        let mut sent = Vec::new();
        for id in agreed.members.iter().filter(|id| !is_refresh && **id != author) {
            let Some(puppet) = self.puppets.get(id) else { continue };
            let signature = puppet.session_signature(id, &session_id)?;
            let fields = fields(greet_type, id, &agreed.members);
            let fields = GreetingFields { session_signature: Some(&signature), ..fields };
            sent.push((id.clone(), puppet.seal(&fields)?));
        }
        self.running = Some(Running { agreed, confirms });
        if is_refresh { self.adopt(rng) } else { Ok(sent) }
    }

    /// Everybody has confirmed: the crowd ends its part in the sub-session before.
    fn adopt(&mut self, rng: &mut dyn CryptoRng) -> Result<Vec<Sent>> {
        let agreed = self.running.take().context("an operation runs")?.agreed;
        let staying = |id: &MemberId| agreed.members.contains(id);
        let sent = write(&mut self.current, &self.puppets, rng, Kind::Fin, staying)?;
        let mut members = agreed.members.iter();
        let reader = members.find_map(|id| self.puppets.get_key_value(id));
        let (reader, puppet) = reader.context("nobody of the crowd is a member")?;
        let circle = Circle::new(agreed.clone(), reader, &puppet.key);
        self.previous = self.current.replace(circle);
        Ok(sent)
    }

    /// One of them writes a message.
    pub(super) fn say(
        &mut self,
        rng: &mut dyn CryptoRng,
        id: &MemberId,
        text: &str,
    ) -> Result<String> {
        let circle = self.current.as_mut().context("there is no group")?;
        let puppet = self.puppets.get(id).context("they are not of the crowd")?;
        circle.seal(rng, (id, &puppet.key), Kind::Payload, text)
    }

    /// All of them write something without a text, one after the other.
    pub(super) fn write(&mut self, rng: &mut dyn CryptoRng, kind: Kind) -> Result<Vec<Sent>> {
        write(&mut self.current, &self.puppets, rng, kind, |_| true)
    }

    /// All of them ack the end of the sub-session before.
    pub(super) fn ack_end(&mut self, rng: &mut dyn CryptoRng) -> Result<Vec<Sent>> {
        let members = self.current.iter().flat_map(|circle| &circle.agreed.members);
        let members: Vec<_> = members.cloned().collect();
        let staying = |id: &MemberId| members.contains(id);
        write(&mut self.previous, &self.puppets, rng, Kind::AckAutomatic, staying)
    }
}

/// Those of the crowd write who are in a sub-session, one after the other.
fn write(
    circle: &mut Option<Circle>,
    puppets: &BTreeMap<MemberId, Puppet>,
    rng: &mut dyn CryptoRng,
    kind: Kind,
    who: impl Fn(&MemberId) -> bool,
) -> Result<Vec<Sent>> {
    let Some(circle) = circle else { return Ok(Vec::new()) };
    let members = circle.agreed.members.iter().filter(|id| who(id));
    let writers: Vec<_> = members.filter_map(|id| puppets.get_key_value(id)).collect();
    let mut sent = Vec::new();
    for (id, puppet) in writers {
        sent.push((id.clone(), circle.seal(rng, (id, &puppet.key), kind, "")?));
    }
    Ok(sent)
}

impl Puppet {
    fn apply(&self, key: &[u8; 32]) -> [u8; 32] {
        MontgomeryPoint(*key).mul_clamped(self.contribution).to_bytes()
    }

    fn session_signature(&self, id: &MemberId, session_id: &[u8; 32]) -> Result<[u8; 64]> {
        let key = self.key.verifying_key();
        let message =
            [b"acksig", id.as_bytes(), key.as_bytes(), &self.nonce, &session_id[..]].concat();
        let signer = identity(self.number).into_signer();
        signer.sign(&message).map_err(|_| anyhow!("the signer failed"))
    }

    fn seal(&self, fields: &GreetingFields<'_>) -> Result<String> {
        let unsigned = fields.encode(DIALECT)?;
        let signature = self.key.sign(&[b"greetmsgsig", unsigned.signed()].concat());
        Ok(unsigned.finish(&signature.to_bytes()))
    }
}

/// What a member makes of an upflow that is directed to them: the next upflow, or the downflow.
fn contribute(id: &MemberId, puppet: &Puppet, packet: &GreetingPacket<'_>) -> Result<String> {
    let members: Vec<MemberId> = packet.members.iter().map(|id| id.to_owned()).collect();
    let mut nonces: Vec<[u8; 32]> = packet.nonces.iter().copied().collect();
    let mut pub_keys: Vec<[u8; 32]> = packet.pub_keys.iter().copied().collect();
    nonces.push(puppet.nonce);
    pub_keys.push(*puppet.key.verifying_key().as_bytes());
    let keys: Vec<[u8; 32]> = packet.int_keys.iter().copied().collect();
    let (cardinal, others) = keys.split_last().context("an upflow without keys")?;
    let mut int_keys: Vec<[u8; 32]> = others.iter().map(|key| puppet.apply(key)).collect();
    int_keys.push(*cardinal);
    let dest = members.get(nonces.len());
    let is_establish = packet.greet_type.operation() == Some(GreetOperation::Establish);
    let greet_type = match (dest, is_establish) {
        (Some(_), true) => GreetType::ESTABLISH_UP,
        (Some(_), false) => GreetType::INCLUDE_UP,
        (None, true) => GreetType::ESTABLISH_DOWN,
        (None, false) => GreetType::INCLUDE_DOWN,
    };
    let signature = match dest {
        Some(_) => {
            int_keys.push(puppet.apply(cardinal));
            None
        }
        None => Some(puppet.session_signature(id, &session_id(&members, &nonces))?),
    };
    puppet.seal(&GreetingFields {
        dest,
        int_keys: &int_keys,
        nonces: &nonces,
        pub_keys: &pub_keys,
        session_signature: signature.as_ref(),
        ..fields(greet_type, id, &members)
    })
}

/// A packet with no lists but that of the members.
fn fields<'a>(
    greet_type: GreetType,
    source: &'a MemberId,
    members: &'a [MemberId],
) -> GreetingFields<'a> {
    GreetingFields {
        greet_type,
        source,
        dest: None,
        members,
        int_keys: &[],
        nonces: &[],
        pub_keys: &[],
        metadata: None,
        session_signature: None,
    }
}

fn session_id(members: &[MemberId], nonces: &[[u8; 32]]) -> [u8; 32] {
    let sorted: BTreeMap<_, _> = members.iter().zip(nonces).collect();
    let mut hash = Sha256::new();
    sorted.keys().for_each(|id| hash.update(id.as_bytes()));
    sorted.values().for_each(|nonce| hash.update(nonce));
    hash.finalize().into()
}

fn group_key(contribution: &[u8; 32], key: &[u8; 32]) -> [u8; 32] {
    let secret = MontgomeryPoint(*key).mul_clamped(*contribution).to_bytes();
    let mut group_key = [0; 32];
    // 32 octets are never too many.
    let _ = Hkdf::<Sha256>::new(None, &secret).expand(b"mpenc group key", &mut group_key);
    group_key
}
