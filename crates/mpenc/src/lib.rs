//! Secure group messaging with authenticated membership and order: the front door.
