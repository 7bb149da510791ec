//! What the screen shows, as plain state: events and lines go in, and nothing here draws or waits.
//!
//! All that is said of messages and members comes from what the session proves. What the server says,
//! of who is in the room, is kept apart.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mpenc::{Event, MemberId, MessageId};

use super::editor::Editor;
use crate::chat::{Compared, Line, Running, text, texts};

/// What the session says of itself, after each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) state: String,
    /// Whether there is anybody to talk to.
    pub(crate) joined: bool,
    /// The members, ourselves among them.
    pub(crate) members: Vec<String>,
    /// Who is in the room, says the server.
    pub(crate) room: Vec<String>,
    /// Messages that are not fully acked, and who has not acked them.
    pub(crate) unacked: BTreeMap<MessageId, Vec<String>>,
    /// What waits for its readers: its number, they, and the text.
    pub(crate) waiting: Vec<(usize, Vec<String>, String)>,
    /// Who has not confirmed that they were told the same history of operations.
    pub(crate) unconfirmed: Vec<String>,
    /// How far the operation is that runs.
    pub(crate) running: Option<Running>,
    /// What the selected message was written in view of: all of its ancestors.
    pub(crate) ancestors: BTreeSet<MessageId>,
}

/// How far a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not everybody has acked it; that takes its time.
    Open,
    /// Somebody has not acked it in time.
    Overdue(Vec<String>),
    /// Somebody is gone who never acked it.
    Unreachable(Vec<String>),
    /// Everybody has.
    Acked,
}

/// Whether a member is there, as far as anything proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// They have acked what they had to.
    Fresh,
    /// They have not acked something in time, which was written so long ago.
    Quiet(Duration),
    /// The session has called them silent; for so long now.
    Expired(Duration),
}

/// A message in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: MessageId,
    pub(crate) number: usize,
    pub(crate) author: String,
    pub(crate) text: String,
    pub(crate) readers: Vec<String>,
    /// How many lines before it each of its parents stands.
    pub(crate) parents_back: Vec<usize>,
    /// Whether it was written among members who have changed since.
    pub(crate) former: bool,
    /// When it was shown.
    pub(crate) at: Duration,
    pub(crate) standing: Standing,
}

/// How much something should worry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Note,
    Warning,
    Alarm,
}

/// Something in the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Message(Message),
    Notice(Level, String),
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) contributed: usize,
    pub(crate) confirmed: usize,
    /// How many take part.
    pub(crate) of: usize,
    /// Who has done what, and who is awaited.
    pub(crate) text: String,
}

/// What is being looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub(crate) editor: Editor,
    /// Whether the last search found nothing.
    pub(crate) nothing: bool,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) room: String,
    pub(crate) own: String,
    pub(crate) items: Vec<Item>,
    places: BTreeMap<MessageId, usize>,
    pub(crate) seen: Snapshot,
    /// Whose key was compared.
    pub(crate) compared: Compared,
    /// Of whom nothing shows that they are there, and since when that is said.
    quiet: BTreeMap<String, Duration>,
    /// Who was told another history of operations than we were.
    differs: BTreeSet<String>,
    /// Who told two stories, and among the items the first one that may not be what others have.
    forks: BTreeMap<String, usize>,
    /// How many take part in the operation that runs.
    taking_part: usize,
    /// Among the items, the first one of those since the members last changed.
    since_change: usize,
    /// What stands until we leave: somebody was told something else, or tells it.
    alarms: Vec<String>,
    /// The index of the selected message among the items.
    selected: Option<usize>,
    /// How many lines below the window there are.
    pub(crate) scroll: usize,
    /// How many of the items that was of: what came since is below.
    pub(crate) items_drawn: usize,
    /// While the help is shown: how many of its lines are above the window.
    pub(crate) help: Option<usize>,
    pub(crate) editor: Editor,
    pub(crate) search: Option<Search>,
    /// What Tab offers.
    pub(crate) offers: Vec<String>,
    /// Whether the session is over, and the screen is only there to be read.
    pub(crate) over: bool,
    pub(crate) now: Duration,
}

impl Model {
    pub(crate) fn new(room: &str, own: &str) -> Self {
        Self {
            room: room.to_owned(),
            own: own.to_owned(),
            items: Vec::new(),
            places: BTreeMap::new(),
            seen: Snapshot::default(),
            compared: Compared::default(),
            quiet: BTreeMap::new(),
            differs: BTreeSet::new(),
            forks: BTreeMap::new(),
            taking_part: 0,
            since_change: 0,
            alarms: Vec::new(),
            selected: None,
            scroll: 0,
            items_drawn: 0,
            help: None,
            editor: Editor::default(),
            search: None,
            offers: Vec::new(),
            over: false,
            now: Duration::ZERO,
        }
    }

    /// The session says something. What people read of it comes by [`Model::line`].
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Message(message) => self.push(Message {
                id: message.id,
                number: message.place.saturating_add(1),
                author: text(&message.author),
                text: message.text.clone(),
                readers: texts(message.readers.iter()),
                parents_back: message.parents_back.clone(),
                former: message.of_former_members,
                at: self.now,
                standing: Standing::Open,
            }),
            Event::FullyAcked(id) => self.stands(id, Standing::Acked),
            Event::NotFullyAcked { id, missing } => {
                self.stands(id, Standing::Overdue(texts(missing)));
            }
            Event::Unreachable { id, missing } => {
                self.stands(id, Standing::Unreachable(texts(missing)));
            }
            Event::MemberExpired { member, .. } => {
                self.quiet.entry(text(member)).or_insert(self.now);
            }
            Event::MemberFresh(member) => {
                self.quiet.remove(&text(member));
            }
            Event::OrderMismatch { member, .. } => {
                self.differs.insert(text(member));
                self.alarm(format!(
                    "the server told you and {0} different things, or {0} only says so",
                    name(member)
                ));
            }
            Event::Forked { author, accepted, .. } => self.forked(author, &accepted.id),
            Event::OperationAccepted(info) | Event::Candidate(info) => {
                self.taking_part = info.members.len();
            }
            Event::HistoryDiffers { there, .. } if !there.is_empty() => {
                self.alarm("messages of before the change of members were kept from you".into());
            }
            Event::HistoryDiffers { .. } => {
                self.alarm("messages of before the change of members are lost".into());
            }
            Event::Members { exclude, .. } => {
                self.since_change = self.items.len();
                for member in exclude {
                    self.differs.remove(&text(member));
                    self.quiet.remove(&text(member));
                    let two_stories = two_stories(member);
                    self.alarms.retain(|alarm| *alarm != two_stories);
                }
            }
            Event::LeftChannel | Event::EnteredChannel { .. } => {
                self.quiet.clear();
                self.differs.clear();
                self.forks.clear();
                self.alarms.clear();
            }
            _ => {}
        }
    }

    /// A message takes its place.
    pub(crate) fn push(&mut self, message: Message) {
        self.places.insert(message.id, self.items.len());
        self.items.push(Item::Message(message));
    }

    /// Somebody told two stories; the one that begins with this message is what we have.
    pub(super) fn forked(&mut self, author: &MemberId, accepted: &MessageId) {
        let from = self.places.get(accepted).copied().unwrap_or(self.items.len());
        let known = self.forks.entry(text(author)).or_insert(from);
        *known = from.min(*known);
        self.alarm(two_stories(author));
    }

    fn alarm(&mut self, text: String) {
        if !self.alarms.contains(&text) {
            self.alarms.push(text);
        }
    }

    fn stands(&mut self, id: &MessageId, standing: Standing) {
        let item = self.places.get(id).and_then(|&at| self.items.get_mut(at));
        if let Some(Item::Message(message)) = item {
            message.standing = standing;
        }
    }

    /// Something that people read. What messages show themselves is left out, and how far the
    /// running operation is, which is shown as it is at any time.
    pub(crate) fn line(&mut self, line: &Line) {
        let (level, text) = match line {
            Line::Message { .. }
            | Line::FullyAcked { .. }
            | Line::NotFullyAcked { .. }
            | Line::Unreachable { .. }
            | Line::Progress { .. } => return,
            Line::Alarm { .. } => (Level::Alarm, line.to_string()),
            Line::Warning { .. } | Line::Failed { .. } | Line::Ended { completed: false, .. } => {
                (Level::Warning, line.to_string())
            }
            _ => (Level::Note, line.to_string()),
        };
        let text = text.trim_start_matches(['*', '!']).trim_start().to_owned();
        self.items.push(Item::Notice(level, text));
    }

    /// The selected message, and its place among the items.
    pub(crate) fn selected(&self) -> Option<(usize, &Message)> {
        let at = self.selected?;
        match self.items.get(at) {
            Some(Item::Message(message)) => Some((at, message)),
            _ => None,
        }
    }

    /// Whether a message was written in view of the selected one, or is it; true if there is none.
    pub(crate) fn is_related(&self, message: &Message) -> bool {
        self.selected().is_none_or(|(_, selected)| {
            selected.id == message.id || self.seen.ancestors.contains(&message.id)
        })
    }

    /// Selects the message above, or the last one if there is no selection.
    pub(crate) fn select_above(&mut self) {
        let until = self.selected.unwrap_or(self.items.len());
        let above = self.messages().filter(|(at, _)| *at < until).last().map(|(at, _)| at);
        self.selected = above.or(self.selected);
    }

    /// Selects the message below; after the last one there is no selection.
    pub(crate) fn select_below(&mut self) {
        let Some(from) = self.selected else { return };
        let below = self.messages().find(|(at, _)| *at > from).map(|(at, _)| at);
        self.selected = below;
    }

    /// Shows the help, from its beginning, in place of the conversation.
    pub(crate) fn open_help(&mut self) {
        self.search = None;
        self.deselect();
        self.help = Some(0);
    }

    /// It was drawn, and was scrolled this far in fact.
    pub(crate) const fn drawn(&mut self, scroll: usize) {
        match &mut self.help {
            Some(above) => *above = scroll,
            None => {
                self.scroll = scroll;
                self.items_drawn = self.items.len();
            }
        }
    }

    pub(crate) fn deselect(&mut self) {
        self.selected = None;
    }

    /// Selects the next message above that has the text that is looked for, in any case of letters.
    pub(crate) fn find(&mut self) {
        let Some(search) = &self.search else { return };
        let wanted = search.editor.text().to_lowercase();
        let until = self.selected.unwrap_or(self.items.len());
        let fits = |message: &Message| {
            message.text.to_lowercase().contains(&wanted)
                || message.author.to_lowercase().contains(&wanted)
        };
        let found = self
            .messages()
            .filter(|(at, message)| *at < until && fits(message))
            .last()
            .map(|(at, _)| at);
        let nothing = found.is_none();
        self.selected = found.or(self.selected);
        if let Some(search) = &mut self.search {
            search.nothing = nothing;
        }
    }

    fn messages(&self) -> impl Iterator<Item = (usize, &Message)> {
        self.items.iter().enumerate().filter_map(|(at, item)| match item {
            Item::Message(message) => Some((at, message)),
            _ => None,
        })
    }

    /// Who has not acked a message, as far as the session knows; nobody, once all have.
    pub(crate) fn missing<'a>(&'a self, message: &'a Message) -> &'a [String] {
        match (&message.standing, self.seen.unacked.get(&message.id)) {
            (Standing::Acked, _) => &[],
            (_, Some(missing)) => missing,
            (Standing::Overdue(missing) | Standing::Unreachable(missing), None) => missing,
            (Standing::Open, None) => &[],
        }
    }

    /// Because of whom others may have another history than this message here: those who wrote or
    /// read it, and were told another one than we were, as what they acked, they acked in view of
    /// that; and its author, if they told others another story in its place. What is from before the
    /// last change is not in doubt, unless two stories were told of it.
    pub(crate) fn differing(&self, message: &Message) -> Vec<String> {
        let at = self.places.get(&message.id).copied().unwrap_or_default();
        let differs = |name: &String| at >= self.since_change && self.differs.contains(name);
        let forked = self.forks.get(&message.author).is_some_and(|from| at >= *from);
        let mut those: Vec<String> =
            message.readers.iter().filter(|name| differs(name)).cloned().collect();
        if forked || differs(&message.author) {
            those.push(message.author.clone());
        }
        those
    }

    /// How far the operation is that runs, if one does.
    pub(crate) fn progress(&self) -> Option<Progress> {
        let Running { contributed, confirmed, awaited } = self.seen.running.as_ref()?;
        let of = self.taking_part.max(contributed.len()).max(confirmed.len()).max(1);
        let mut parts = Vec::new();
        for (who, what) in [(contributed, "contributed"), (confirmed, "confirmed")] {
            match who.len() {
                0 => {}
                all if all == of => parts.push(format!("all {what}")),
                some => parts.push(format!("{} {what} ({some} of {of})", names(who))),
            }
        }
        let mut text = parts.join(", ");
        if !awaited.is_empty() {
            let colon = if text.is_empty() { "" } else { "; " };
            text.push_str(&format!("{colon}awaiting {}", names(awaited)));
        }
        Some(Progress { contributed: contributed.len(), confirmed: confirmed.len(), of, text })
    }

    /// What is known of a member's being there.
    pub(crate) fn presence(&self, member: &str) -> Presence {
        if let Some(since) = self.quiet.get(member) {
            return Presence::Expired(self.now.saturating_sub(*since));
        }
        let overdue = self.messages().map(|(_, message)| message).filter(|message| {
            matches!(message.standing, Standing::Overdue(_))
                && self.missing(message).iter().any(|missing| missing == member)
        });
        match overdue.map(|message| message.at).min() {
            Some(since) => Presence::Quiet(self.now.saturating_sub(since)),
            None => Presence::Fresh,
        }
    }

    /// To whom a text goes that is written now.
    pub(crate) fn readers(&self) -> Vec<String> {
        let members = self.seen.members.iter();
        members.filter(|&member| *member != self.own).cloned().collect()
    }

    /// In one sentence: is all well? Names nobody as a culprit whom the evidence does not name.
    pub(crate) fn summary(&self) -> (Level, String) {
        let mut parts: Vec<(Level, String)> = Vec::new();
        parts.extend(self.alarms.iter().map(|alarm| (Level::Alarm, alarm.clone())));
        let overdue: Vec<&Message> = self
            .messages()
            .map(|(_, message)| message)
            .filter(|message| matches!(message.standing, Standing::Overdue(_)))
            .collect();
        if let Some(first) = overdue.iter().map(|message| message.at).min() {
            let who: BTreeSet<&String> =
                overdue.iter().flat_map(|message| self.missing(message)).collect();
            // What we have not acked, we have seen.
            let others: Vec<String> =
                who.into_iter().filter(|who| **who != self.own).cloned().collect();
            let ago = ago(self.now.saturating_sub(first));
            let what = counted(overdue.len(), "message");
            parts.push((
                Level::Warning,
                if others.is_empty() {
                    format!("{what} not acked by you for {ago}")
                } else {
                    format!("{what} not seen by {} for {ago}", names(&others))
                },
            ));
        }
        if !self.seen.unconfirmed.is_empty() && overdue.is_empty() {
            let who = names(&self.seen.unconfirmed);
            parts.push((Level::Note, format!("{who} still to confirm the same history")));
        }
        let open = self
            .messages()
            .filter(|(_, message)| matches!(message.standing, Standing::Open))
            .count();
        if open > 0 && overdue.is_empty() {
            parts.push((Level::Note, format!("{} not acked by all yet", counted(open, "message"))));
        }
        if !self.seen.waiting.is_empty() {
            let waiting = counted(self.seen.waiting.len(), "message");
            parts.push((Level::Note, format!("{waiting} waiting for readers")));
        }
        if parts.is_empty() {
            let well = if self.seen.joined { "everything acked" } else { &self.seen.state };
            return (Level::Note, well.to_owned());
        }
        let level = parts.iter().map(|(level, _)| *level).max().unwrap_or(Level::Note);
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        (level, parts.join(" · "))
    }
}

fn two_stories(author: &MemberId) -> String {
    format!("history differs: {} told two stories", name(author))
}

fn name(member: &MemberId) -> String {
    crate::chat::Name(&text(member)).to_string()
}

/// Names in a sentence.
pub(crate) fn names(names: &[String]) -> String {
    crate::chat::Names(names).to_string()
}

/// As many names as fit into so many columns, at least one, and how many more there are.
pub(crate) fn names_within(all: &[String], columns: usize) -> String {
    let first = |shown: usize| {
        let (these, others) = all.split_at(shown.min(all.len()));
        match others.len() {
            0 => names(these),
            more => format!("{} and {more} more", names(these)),
        }
    };
    let fits = |text: &String| textwrap::core::display_width(text) <= columns;
    (2..=all.len()).rev().map(first).find(fits).unwrap_or_else(|| first(1))
}

pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A length of time, as people say it.
pub(crate) fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
