//! What hostile members do.

use mpenc::MemberId;
use mpenc_session::ChannelAction;

use super::crypto::{Crypto, kept_by};
use super::hostile::{Attack, Forged, forge, tamper};
use super::life::Life;
use super::{null, story};
use crate::NodeId;

impl<C: Crypto> Life<'_, C> {
    /// A hostile member does what no session would.
    pub(super) fn attack(&mut self, who: usize, node: NodeId, attack: Attack) {
        let Some(puppeteer) = self.puppeteers.get_mut(&node) else { return };
        let own = self.sim.session(node).own_id().clone();
        let trick = match attack {
            Attack::Change(tamper) => {
                puppeteer.armed = Some(tamper);
                return self.tell(who, &format!("will do this: {attack}"));
            }
            Attack::Send(trick) => trick,
        };
        let others: Vec<MemberId> =
            self.sim.session(node).members().iter().filter(|id| **id != own).cloned().collect();
        let kept = kept_by(&own);
        let packets = forge(trick, &kept, puppeteer, &others, &mut self.malice);
        null::take_signatures();
        self.tell(who, &format!("{} packets: {attack}", packets.len()));
        for Forged { packet, id, wrong } in packets {
            if wrong {
                self.tried.sends(&attack.to_string(), &own, id, &packet);
            }
            self.sim.ask(node, ChannelAction::Send { packet });
            self.watch();
        }
    }

    /// What the sessions of hostile members ask of the channel is done, changed or not.
    pub(super) fn pull_strings(&mut self) {
        for (node, action) in self.sim.take_wishes() {
            let own = self.sim.session(node).own_id().clone();
            let action = match (action, self.puppeteers.get_mut(&node)) {
                (ChannelAction::Send { packet }, Some(puppeteer)) => {
                    let kept = kept_by(&own);
                    if let Some(id) = kept.last().and_then(|kept| kept.message_id(&packet)) {
                        puppeteer.wrote(id);
                        Some(ChannelAction::Send { packet })
                    } else if story::greets(&packet).is_some()
                        && let Some(how) = puppeteer.armed.take()
                    {
                        let drawn = self.sim.drawn(node);
                        let changed = tamper(how, &own, drawn, &packet, &mut self.malice);
                        if let Some(changed) = changed.as_ref().filter(|text| **text != packet) {
                            let attack = Attack::Change(how).to_string();
                            self.tried.sends(&attack, &own, None, changed);
                        }
                        changed.map(|packet| ChannelAction::Send { packet })
                    } else {
                        Some(ChannelAction::Send { packet })
                    }
                }
                (action, _) => Some(action),
            };
            null::take_signatures();
            if let Some(action) = action {
                self.sim.ask(node, action);
                self.watch();
            }
        }
    }
}
