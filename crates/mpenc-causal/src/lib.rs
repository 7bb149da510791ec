//! A causal transcript: who saw what, and when it was acknowledged by everybody.
