//! What the parts of a session share.

use alloc::collections::BTreeSet;

use alloc::string::String;
use alloc::vec::Vec;

use mpenc_causal::MessageLog;
use mpenc_message::OrderAck;
use mpenc_order::OrderAcks;
use mpenc_wire::{Dialect, MemberId, MessageId};

use crate::flow::Clock;
use crate::renewal::Contribution;
use crate::timers::{SubSessionNumber, Timers};
use crate::{Config, Instant};

/// State that sub-sessions and operations both reach for, apart from each other.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) dialect: Dialect,
    pub(crate) timers: Timers,
    /// The session's own time.
    pub(crate) clock: Clock,
    /// The caller's clock at this call.
    pub(crate) stamp: Instant,
    /// How old our contribution to the group key is.
    pub(crate) contribution: Contribution,
    /// The user's log: the texts of all sub-sessions.
    pub(crate) log: MessageLog<MessageId, MemberId, String>,
    /// What we have told of the order of operations, and what we were told.
    pub(crate) order_acks: OrderAcks<MemberId, MessageId>,
    /// What messages said of it, to be judged at the end of the input.
    pub(crate) heard: Vec<(MemberId, OrderAck)>,
    /// The current sub-session.
    pub(crate) newest: SubSessionNumber,
    /// Members who said that they leave (two FINs in a row): to be excluded.
    pub(crate) parting: BTreeSet<MemberId>,
}
