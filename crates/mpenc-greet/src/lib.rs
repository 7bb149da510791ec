#![cfg_attr(feature = "cliques", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "cliques"), doc = "What a session needs of a membership protocol.")]
#![no_std]
#![deny(clippy::as_conversions, clippy::std_instead_of_core, clippy::exhaustive_enums)]

extern crate alloc;

#[cfg(feature = "cliques")]
pub mod cliques;
mod identity;
mod refused;
#[cfg(feature = "serde")]
mod serial;
mod traits;

#[cfg(feature = "cliques")]
pub use cliques::{
    AgreedKeys, CliquesDraft, CliquesGreeter, CliquesGreeting, IdentityKey, LocalIdentity,
};
pub use identity::{Identities, IdentitySigner, SignerFailed};
pub use refused::{Check, KeyFault, List, Refused};
pub use traits::{
    CannotConfirm, Change, Checked, CheckedInitial, Completed, Greeter, Greeting, Initial,
    InternalError, Operation, OperationStep, OrderRefs, Progress, Proposal, ProposeError, Stage,
    Started, Status, Step,
};
