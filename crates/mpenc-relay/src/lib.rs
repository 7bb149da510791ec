//! A small loopback relay: the embedded default group channel.
