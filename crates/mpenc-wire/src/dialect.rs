//! The two dialects, as one table of constants.

use core::fmt;
use core::ops::Deref;

/// One of the two dialects: a handle to its [`DialectTable`].
///
/// A session speaks exactly one dialect, fixed at construction.
#[derive(Clone, Copy)]
pub struct Dialect(&'static DialectTable);

impl Dialect {
    /// The design document's own dialect (the default).
    pub const DOCUMENT: Self = Self(&DOCUMENT);
    /// The dialect of the protocol's first implementation, which the recordings speak.
    pub const MPENC_JS: Self = Self(&MPENC_JS);
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::DOCUMENT, Self::MPENC_JS];
}

impl Default for Dialect {
    fn default() -> Self {
        Self::DOCUMENT
    }
}

impl Deref for Dialect {
    type Target = DialectTable;

    fn deref(&self) -> &DialectTable {
        self.0
    }
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Dialect {}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// Where the dialects differ. The codec and the crypto consult it instead of asking which dialect
/// is spoken; in everything that is not here, the two are the same.
#[derive(Debug)]
#[non_exhaustive]
pub struct DialectTable {
    /// The dialect's name, as errors show it.
    pub name: &'static str,
    /// The value of PROTOCOL_VERSION.
    pub version: &'static [u8],
    /// How member ids look on the wire.
    pub member_ids: MemberIdForm,
    /// Whether a broadcast carries an empty DEST record (else none).
    pub empty_dest_on_broadcast: bool,
    /// How the base point is written as the first INT_KEY of an establish.
    pub base_point: BasePointForm,
    /// Whether confirm packets repeat NONCE and PUB_KEY records.
    pub confirm_repeats_keys: bool,
    /// What a session signature signs.
    pub session_signature: SessionSignatureForm,
    /// The message cipher.
    pub cipher: Cipher,
    /// What the padding of a data packet wraps.
    pub padding: PaddingScope,
    /// How a message's kind is written.
    pub kinds: KindForm,
    /// Octets of a message id: the leading ones of the SHA-256.
    pub message_id_len: usize,
    /// The order of MESSAGE_PARENT records.
    pub parent_order: ParentOrder,
    /// Whether packets of other authors are resent, with a SOURCE record in front.
    pub resends: bool,
    /// Whether abort packets exist.
    pub aborts: bool,
    /// Whether a leave pseudo packet names everyone of a batch (else the one who left).
    pub leave_names_batch: bool,
    /// Whether readers who left or were excluded stop being awaited.
    pub unreachable_readers: bool,
    /// Whether FIN and consistency requests are acked fast.
    pub fast_answers: bool,
    /// Whether heartbeats are sent, and members called silent who do not ack them.
    pub heartbeats: bool,
    /// Whether members wait their turn to propose an automatic exclude.
    pub staggered_excludes: bool,
    /// Whether order acks are sent.
    pub order_acks: bool,
    /// Whether those whom an operation excludes follow it to its end. (Else they stay as they are
    /// until they leave the channel.)
    pub excluded_follow: bool,
    /// Whether whoever parts, and is kept by an operation, says so again in the new sub-session.
    pub parting_repeats: bool,
    /// Whether whoever parts may still propose operations: in recordings, members who part exclude
    /// those who went before them.
    pub parting_proposes: bool,
    /// Whether whoever waits to be included follows several operations until one completes. (Else
    /// the first that is not doubtful.)
    pub candidates: bool,
    /// Whether an include is proposed, or fails, as soon as those invited have entered the channel.
    /// (Else it waits for the end of what else is going on.)
    pub invited_at_once: bool,
    /// Whether a proposal of ours that came back too late to be accepted keeps us from proposing until
    /// we leave.
    pub lost_proposals_linger: bool,
    /// Whether a sub-session that was fully acked after our FIN, and is not any more because of what
    /// came later, waits again. (Else its end is fixed by then.)
    pub full_ack_lapses: bool,
    /// Whether whoever has left the channel still writes FIN, which nobody gets.
    pub fin_after_leaving: bool,
}

/// How member ids look on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberIdForm {
    /// UTF-8 without U+0000–U+001F and U+007F, and not `__server__`.
    Utf8,
    /// Latin-1: octet n is U+00nn.
    Latin1,
}

/// How the base point is written as the first INT_KEY of an establish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BasePointForm {
    /// As its 32 octets: 9, 0, ….
    Explicit,
    /// As an empty record.
    Empty,
}

/// What a session signature signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionSignatureForm {
    /// The authenticator message m_i itself.
    Message,
    /// SHA-256(m_i).
    Sha256OfMessage,
}

/// The message cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-128-CTR under the first 16 octets of the group key.
    Aes128Ctr,
    /// AES-256-CTR under all 32 octets of the group key.
    Aes256Ctr,
}

/// What the padding (u16 length ‖ content ‖ zeros, up to 128·2^k) of a data packet wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaddingScope {
    /// The text inside MESSAGE_BODY.
    Body,
    /// All records of the plaintext.
    Records,
}

/// How a message's kind is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KindForm {
    /// MESSAGE_KIND record; none for a payload.
    Record,
    /// MESSAGE_BODY is a kind octet and a JSON array of one value.
    JsonBody,
}

/// The order of MESSAGE_PARENT records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParentOrder {
    /// Strictly ascending octets.
    Ascending,
    /// Most recently accepted first.
    MostRecentFirst,
}

static DOCUMENT: DialectTable = DialectTable {
    name: "Document",
    version: &[0, 1],
    member_ids: MemberIdForm::Utf8,
    empty_dest_on_broadcast: false,
    base_point: BasePointForm::Explicit,
    confirm_repeats_keys: false,
    session_signature: SessionSignatureForm::Message,
    cipher: Cipher::Aes128Ctr,
    padding: PaddingScope::Body,
    kinds: KindForm::Record,
    message_id_len: 32,
    parent_order: ParentOrder::Ascending,
    resends: true,
    aborts: true,
    leave_names_batch: false,
    unreachable_readers: true,
    fast_answers: true,
    heartbeats: true,
    staggered_excludes: true,
    order_acks: true,
    excluded_follow: true,
    parting_repeats: true,
    parting_proposes: false,
    candidates: true,
    invited_at_once: false,
    lost_proposals_linger: false,
    full_ack_lapses: true,
    fin_after_leaving: false,
};

static MPENC_JS: DialectTable = DialectTable {
    name: "MpencJs",
    version: &[1],
    member_ids: MemberIdForm::Latin1,
    empty_dest_on_broadcast: true,
    base_point: BasePointForm::Empty,
    confirm_repeats_keys: true,
    session_signature: SessionSignatureForm::Sha256OfMessage,
    cipher: Cipher::Aes256Ctr,
    padding: PaddingScope::Records,
    kinds: KindForm::JsonBody,
    message_id_len: 20,
    parent_order: ParentOrder::MostRecentFirst,
    resends: false,
    aborts: false,
    leave_names_batch: true,
    unreachable_readers: false,
    fast_answers: false,
    heartbeats: false,
    staggered_excludes: false,
    order_acks: false,
    excluded_follow: false,
    parting_repeats: false,
    parting_proposes: true,
    candidates: false,
    invited_at_once: true,
    lost_proposals_linger: true,
    full_ack_lapses: false,
    fin_after_leaving: true,
};
