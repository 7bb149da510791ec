//! What a driver does, for those who operate it (feature `tracing`): kinds and sizes, no texts.

#[cfg(feature = "tracing")]
pub(crate) use on::{call, input, output};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{call, input, output};

#[cfg(feature = "tracing")]
mod on {
    use core::fmt::{self, Write};

    use mpenc_session::{ChannelAction, ChannelEvent, Input, Output};
    use tracing::{Level, debug, debug_span, enabled};

    /// What the session is given; it lasts until what follows from it is done.
    pub(crate) fn input(input: &Input<'_>) -> tracing::span::EnteredSpan {
        if !enabled!(Level::DEBUG) {
            return tracing::Span::none().entered();
        }
        let span = match input {
            Input::Channel(ChannelEvent::Packet { sender, packet, .. }) => {
                debug_span!("packet", %sender, octets = packet.len())
            }
            Input::Channel(event) => debug_span!("channel", kind = name(event)),
            other => debug_span!("input", kind = name(other)),
        };
        span.entered()
    }

    /// What the caller asks of the session.
    pub(crate) fn call() -> tracing::span::EnteredSpan {
        debug_span!("call").entered()
    }

    /// What the session says.
    pub(crate) fn output(output: &Output) {
        if !enabled!(Level::DEBUG) {
            return;
        }
        match output {
            Output::Channel(ChannelAction::Send { packet }) => {
                debug!(octets = packet.len(), "sends");
            }
            Output::Channel(action) => debug!(kind = name(action), "acts"),
            Output::Event(event) => {
                debug!(kind = name(event), severity = ?event.severity(), "event");
            }
            _ => {}
        }
    }

    /// What a value is called, and nothing of what it holds, which may be somebody's text.
    fn name(value: &impl fmt::Debug) -> String {
        let mut first = FirstWord(String::new());
        // It ends early, by an error, on purpose.
        let _ = write!(first, "{value:?}");
        first.0
    }

    struct FirstWord(String);

    impl Write for FirstWord {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|c: char| !c.is_alphanumeric());
            self.0.push_str(end.and_then(|end| text.get(..end)).unwrap_or(text));
            if end.is_some() { Err(fmt::Error) } else { Ok(()) }
        }
    }

    #[cfg(test)]
    mod tests {
        use mpenc_session::Event;

        use super::name;

        #[test]
        fn what_a_value_holds_is_not_traced() {
            assert_eq!(name(&Some("secret")), "Some");
            assert_eq!(name(&Event::LeftChannel), "LeftChannel");
            let sender =
                mpenc_wire::MemberId::new(mpenc_wire::Dialect::DOCUMENT, "secret").unwrap();
            assert_eq!(name(&Event::Plain { sender }), "Plain");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use mpenc_session::{Input, Output};

    /// Nothing is traced.
    pub(crate) struct Nothing;

    pub(crate) fn input(_: &Input<'_>) -> Nothing {
        Nothing
    }

    pub(crate) fn call() -> Nothing {
        Nothing
    }

    pub(crate) fn output(_: &Output) {}
}
