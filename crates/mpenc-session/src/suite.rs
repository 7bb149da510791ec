//! The exchangeable parts of a session.

use mpenc_greet::Greeter;
use mpenc_message::MessageSecurity;
use mpenc_wire::Dialect;

/// A choice of membership protocol and message security that fit together (SE-18).
///
/// [`Suite::secure`] joins them: it makes message security of the keys that an operation agreed
/// on, so that neither layer needs to know the other's types.
pub trait Suite {
    /// Makes and starts membership operations.
    type Greeter: Greeter;
    /// Seals and opens the messages of one sub-session.
    type Security: MessageSecurity;

    /// Message security for the sub-session that a completed operation made.
    fn secure(dialect: Dialect, keys: <Self::Greeter as Greeter>::Keys) -> Self::Security;
}
