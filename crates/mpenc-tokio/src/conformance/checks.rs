//! One check for each thing that goes wrong with channels. Each has a room of its own.

use core::time::Duration;

use mpenc_session::ChannelAction;
use tokio::time::timeout;

use super::party::{Name, PATIENCE, Party, show};
use super::{Rule, Venue, Violation};
use crate::{ChannelNotice, GroupChannel};

const ALL: [Name; 3] = ["alice", "bob", "carol"];

/// How many packets of each make an order of their own likely.
const PACKETS: usize = 20;

type Checked = Result<(), Violation>;

/// A room with all three inside.
async fn together<'v, V: Venue>(venue: &'v V, room: Name) -> Result<Party<'v, V>, Violation> {
    let mut party = Party::new(venue, room);
    party.enter("alice", &[]).await?;
    party.enter("bob", &["alice"]).await?;
    party.enter("carol", &["alice", "bob"]).await?;
    Ok(party)
}

/// Whoever enters hears who is there, and the others hear of them, once.
pub(super) async fn entering<V: Venue>(venue: &V) -> Checked {
    let mut party = together(venue, "entering").await?;
    party.send("carol", "marker");
    for name in ALL {
        party.expect_packet(name, Rule::Complete, "carol", "marker").await?;
    }
    Ok(())
}

/// What is sent at once comes to all in the same order, and what one sends in theirs.
pub(super) async fn order<V: Venue>(venue: &V) -> Checked {
    let mut party = together(venue, "order").await?;
    for number in 0..PACKETS {
        for name in ALL {
            party.send(name, &format!("{name} {number}"));
        }
    }
    let mut first: Option<Vec<ChannelNotice>> = None;
    for name in ALL {
        let mut heard = Vec::new();
        for _ in 0..PACKETS.saturating_mul(ALL.len()) {
            heard.push(party.notice(name, Rule::Complete, "packets of all").await?);
        }
        for author in ALL {
            let sender = party.member(author);
            let sent = (0..PACKETS).map(|number| ChannelNotice::Packet {
                sender: sender.clone(),
                packet: format!("{author} {number}"),
            });
            let of = |notice: &&ChannelNotice| matches!(notice, ChannelNotice::Packet { sender: from, .. } if *from == sender);
            if !heard.iter().filter(of).cloned().eq(sent) {
                let rule = if name == author { Rule::Echo } else { Rule::Complete };
                let what = format!("{name} hears of {author}'s packets some not, twice, or late");
                return Err(Violation { rule, what });
            }
        }
        match &first {
            None => first = Some(heard),
            Some(first) => {
                if let Some((a, b)) = first.iter().zip(&heard).find(|(a, b)| a != b) {
                    let what = format!("alice hears {}, {name} hears {}", show(a), show(b));
                    return Err(Violation { rule: Rule::OneOrder, what });
                }
            }
        }
    }
    Ok(())
}

/// Newcomers hear nothing of what was before.
pub(super) async fn newcomers<V: Venue>(venue: &V) -> Checked {
    let mut party = Party::new(venue, "newcomers");
    party.enter("alice", &[]).await?;
    party.send("alice", "before");
    party.expect_packet("alice", Rule::Echo, "alice", "before").await?;
    party.enter("bob", &["alice"]).await?;
    party.send("alice", "after");
    party.expect_packet("alice", Rule::Echo, "alice", "after").await?;
    party.expect_packet("bob", Rule::EnteredFirst, "alice", "after").await
}

/// Whoever leaves hears nothing more, and can enter again.
pub(super) async fn leaving<V: Venue>(venue: &V) -> Checked {
    let mut party = together(venue, "leaving").await?;
    party.act("bob", ChannelAction::Leave);
    party.expect("bob", Rule::Leaving, ChannelNotice::Left).await?;
    for name in ["alice", "carol"] {
        let notice = party.left("bob");
        party.expect(name, Rule::Leaving, notice).await?;
    }
    party.send("alice", "without bob");
    for name in ["alice", "carol"] {
        party.expect_packet(name, Rule::Complete, "alice", "without bob").await?;
    }
    if let Some(notice) = party.told("bob") {
        let what = format!("bob has left, and hears {}", show(&notice));
        return Err(Violation { rule: Rule::EnteredFirst, what });
    }
    party.enter("bob", &["alice", "carol"]).await
}

/// Whoever vanishes has left.
pub(super) async fn vanishing<V: Venue>(venue: &V) -> Checked {
    let mut party = together(venue, "vanishing").await?;
    party.drop("bob");
    for name in ["alice", "carol"] {
        let notice = party.left("bob");
        party.expect(name, Rule::Leaving, notice).await?;
    }
    party.enter("bob", &["alice", "carol"]).await
}

/// A request to remove somebody is done for all, or for nobody.
pub(super) async fn removing<V: Venue>(venue: &V) -> Checked {
    let mut party = together(venue, "removing").await?;
    let members = vec![party.member("bob"), party.member("nobody")];
    party.act("alice", ChannelAction::Remove(members));
    party.send("alice", "marker");
    let first = party.notice("alice", Rule::Echo, "her packet, or that bob left").await?;
    let removed = first == party.left("bob");
    if removed {
        party.expect("bob", Rule::Leaving, ChannelNotice::Left).await?;
        let notice = party.left("bob");
        party.expect("carol", Rule::Leaving, notice).await?;
        party.expect_packet("alice", Rule::Echo, "alice", "marker").await?;
    } else {
        party.expect_packet("bob", Rule::Leaving, "alice", "marker").await?;
    }
    party.expect_packet("carol", Rule::Complete, "alice", "marker").await
}

/// The next notice of a channel whose call is dropped again and again, sooner and later: a call that
/// is dropped at its first wait alone, or never there, would hide what is lost at the other waits.
async fn hurried<C: GroupChannel>(channel: &mut C) -> Result<ChannelNotice, String> {
    let again = async {
        let mut patience = 0;
        loop {
            let hurry = Duration::from_millis(patience);
            if let Ok(notice) = timeout(hurry, channel.next()).await {
                return notice.map_err(|error| error.to_string());
            }
            patience = (patience + 1) % 4;
        }
    };
    timeout(PATIENCE, again).await.unwrap_or_else(|_| Err("nothing".to_owned()))
}

/// Calls that are dropped lose nothing, at any point of entering, sending and hearing.
pub(super) async fn cancelling<V: Venue>(venue: &V) -> Checked {
    let mut party = Party::new(venue, "cancelling");
    party.enter("bob", &[]).await?;
    let found = |expected: &ChannelNotice, found: Result<ChannelNotice, String>| {
        if found.as_ref() == Ok(expected) {
            return Ok(());
        }
        let what = format!("alice waits for {}, and hears {found:?}", show(expected));
        Err(Violation { rule: Rule::CancelSafe, what })
    };
    party.act("alice", ChannelAction::Enter);
    let notice = hurried(party.channel("alice")).await;
    if !matches!(notice, Ok(ChannelNotice::Entered { .. })) {
        let what = "alice does not get in".to_owned();
        return Err(Violation { rule: Rule::CancelSafe, what });
    }
    let sender = party.member("alice");
    for number in 0..PACKETS {
        party.send("alice", &format!("{number}"));
    }
    for number in 0..PACKETS {
        let expected = ChannelNotice::Packet { sender: sender.clone(), packet: number.to_string() };
        let notice = hurried(party.channel("alice")).await;
        found(&expected, notice)?;
    }
    let notice = party.entered("alice");
    party.expect("bob", Rule::CancelSafe, notice).await?;
    for number in 0..PACKETS {
        party.expect_packet("bob", Rule::CancelSafe, "alice", &number.to_string()).await?;
    }
    Ok(())
}

/// Every character that a packet may have, and the length of the longest message.
pub(super) async fn octets<V: Venue>(venue: &V) -> Checked {
    let mut party = Party::new(venue, "octets");
    party.enter("alice", &[]).await?;
    party.enter("bob", &["alice"]).await?;
    let characters = ('!'..='~').collect::<String>();
    let long = "x".repeat(1 << 16);
    for packet in ["?mpENC:Zm9v.", &characters, "a  b", &long] {
        party.send("alice", packet);
        for name in ["alice", "bob"] {
            party.expect_packet(name, Rule::Echo, "alice", packet).await?;
        }
    }
    Ok(())
}

/// Whoever wants a name that is taken does not get it, and the others hear nothing of it.
pub(super) async fn names<V: Venue>(venue: &V) -> Checked {
    let mut party = Party::new(venue, "names");
    party.enter("alice", &[]).await?;
    party.enter("bob", &["alice"]).await?;
    if party.rival("alice", "rival") {
        party.act("rival", ChannelAction::Enter);
        if let Ok(notice) = party.hear("rival", Rule::Names, "a refusal").await? {
            let what = format!("alice is taken, and who wants it, too, hears {}", show(&notice));
            return Err(Violation { rule: Rule::Names, what });
        }
    }
    party.send("alice", "marker");
    for name in ["alice", "bob"] {
        party.expect_packet(name, Rule::Names, "alice", "marker").await?;
    }
    Ok(())
}
