//! Authors who tell two stories (TR-17).
//!
//! Two messages by one author, neither of which descends from the other, prove that the author broke
//! the rules: nobody else can have signed them. Which of the two a member accepts is which came
//! first, so from then on members may hold different transcripts, and no ack means what it should.
//! So:
//!
//! - the refused message is never added, and whoever has both sends both packets once, so that all
//!   others see the same;
//! - we write no content any more in this sub-session: what would the others know it to follow on?
//! - acks, FIN and operations go on: the members can exclude the author, and start afresh.
//!
//! It is told once for each author and sub-session. What is built on a refused message waits for
//! its parents like any other, and is told as such: its author may be honest, and have seen the
//! other story first.

use alloc::string::String;

use mpenc_causal::ForkEvidence;
use mpenc_message::MessageSecurity;
use mpenc_wire::{MemberId, MessageId};

use super::{Incoming, SubSession};
use crate::event::{Branch, Event};
use crate::{ChannelAction, Outputs};

impl<X: MessageSecurity> SubSession<X> {
    /// Who of the members has told two stories here.
    pub(crate) fn forkers(&self) -> impl Iterator<Item = &MemberId> {
        self.forkers.iter()
    }

    /// The transcript has refused a message because of another one by the same author.
    pub(super) fn on_fork(
        &mut self,
        evidence: ForkEvidence<MessageId, MemberId>,
        refused: Incoming,
        out: &mut Outputs,
    ) {
        if !self.forkers.insert(evidence.author.clone()) {
            return;
        }
        let index = self.transcript.index(&evidence.accepted);
        let packet = index.and_then(|index| self.flow.packet(&index)).map(String::from);
        let accepted = Branch { id: evidence.accepted, packet };
        // Ours have gone out already, and everybody has what is fully acked.
        self.send_again(index.as_slice(), out);
        // In our own name it would be refused; whoever writes in it sends for themselves.
        if self.sends_again
            && evidence.author != self.own
            && let Ok(packet) = mpenc_wire::resend(&refused.packet, &evidence.author)
        {
            out.act(ChannelAction::Send { packet });
        }
        let refused = Branch { id: refused.id, packet: Some(refused.packet) };
        out.tell(Event::Forked { author: evidence.author, accepted, refused });
    }
}
