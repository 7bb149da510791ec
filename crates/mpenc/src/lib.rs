#![doc = include_str!("../README.md")]
#![no_std]

pub use mpenc_causal as causal;
pub use mpenc_greet as greet;
pub use mpenc_message as message;
pub use mpenc_order as order;
pub use mpenc_session as session;
pub use mpenc_wire as wire;

pub use mpenc_greet::{CliquesGreeter, Identities, IdentitySigner, LocalIdentity};
pub use mpenc_session::{
    ApiMisuse, ChannelAction, ChannelEvent, Config, Ctx, Event, Input, Instant, JoinPatience,
    Membership, Outcome, Output, Outputs, RollingRefresh, Sent, Session, Severity, State, Suite,
};
pub use mpenc_wire::{Dialect, MemberId, MessageId};

use mpenc_greet::AgreedKeys;
use mpenc_message::{SubSessionKeys, SubSessionSecurity};

/// The suite of the mpENC design: CLIQUES and the authenticated signature key exchange, and
/// messages under constant keys.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Mpenc {}

impl Suite for Mpenc {
    type Greeter = CliquesGreeter;
    type Security = SubSessionSecurity;

    fn secure(dialect: Dialect, keys: AgreedKeys) -> SubSessionSecurity {
        SubSessionSecurity::new(&SubSessionKeys {
            dialect,
            own: keys.own_id().clone(),
            members: keys.members().to_vec(),
            signing_key: keys.signing_key().clone(),
            session_id: *keys.session_id(),
            group_key: *keys.group_key(),
        })
    }
}

/// A session as the mpENC design has it.
pub type MpencSession = Session<Mpenc>;
