//! The membership protocol of the design document: CLIQUES over X25519, authenticated by ASKE
//! (chapters 5.2.1 to 5.2.3).
//!
//! | module         | what it knows                                                  |
//! |----------------|----------------------------------------------------------------|
//! | `contribution` | one scalar for all private contributions of a member           |
//! | `field`        | many divisions at the price of one                             |
//! | `int_key`      | which intermediate keys are taken                              |
//! | `agreement`    | CLIQUES, as arithmetic on lists of keys                        |
//! | `keys`         | which signature keys are taken; identities; the agreed keys    |
//! | `aske`         | the octets that are hashed and signed                          |
//! | `group`        | what a completed operation leaves                              |
//! | `greeter`      | proposals                                                      |
//! | `initial`      | checking initial packets                                       |
//! | `greeting`     | the states of a running operation                              |
//! | `course`       | what applied packets lead to: answers, confirms, a group       |
//! | `follow`       | checking the packets of a running operation                    |

mod agreement;
mod aske;
mod contribution;
mod course;
mod each;
mod field;
mod follow;
mod greeter;
mod greeting;
mod group;
mod initial;
mod int_key;
mod keys;
mod symbol;

#[cfg(test)]
mod tests;

pub use follow::Proof;
pub use greeter::{AgreedMember, CliquesDraft, CliquesGreeter, CliquesResult};
pub use greeting::CliquesGreeting;
pub use initial::InitialProof;
pub use keys::{AgreedKeys, IdentityKey, LocalIdentity};
