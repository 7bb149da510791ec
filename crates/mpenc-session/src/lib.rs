//! A sans-IO mpENC session: events in; actions, events and the next deadline out.
