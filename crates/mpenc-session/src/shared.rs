//! What the parts of a session share.

use alloc::collections::BTreeSet;

use alloc::string::String;

use mpenc_causal::MessageLog;
use mpenc_wire::{Dialect, MemberId, MessageId};

use crate::Config;
use crate::timers::Timers;

/// State that sub-sessions and operations both reach for, apart from each other.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) dialect: Dialect,
    pub(crate) timers: Timers,
    /// The user's log: the texts of all sub-sessions.
    pub(crate) log: MessageLog<MessageId, MemberId, String>,
    /// Members who said that they leave (two FINs in a row): to be excluded.
    pub(crate) parting: BTreeSet<MemberId>,
}
