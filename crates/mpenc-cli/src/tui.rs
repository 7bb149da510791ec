//! The full-screen client: what is true, as the design document's chapter 2.3 suggests to show it.
//!
//! [`model`] is the state, [`view`] draws it, [`keys`] changes it; here they meet the terminal and
//! the session.

mod complete;
mod editor;
mod keys;
mod model;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, stdout};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use mpenc::session::LocalId;
use mpenc::{Event, MessageId, Mpenc, MpencSession, State};
use mpenc_tokio::Handle;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, KeyCode, KeyModifiers,
    read,
};
use ratatui::crossterm::execute;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::chat::{Compared, Front, Input, Line, Numbers, Running, state_text, texts};
use keys::{Outcome, press};
use model::{Model, Snapshot};
use view::Theme;

/// The terminal, and what it shows.
pub(crate) struct Screen {
    model: Model,
    terminal: DefaultTerminal,
    keys: UnboundedReceiver<TerminalEvent>,
    started: Instant,
    /// How long ago things were is shown in seconds.
    tick: Interval,
    theme: Theme,
    /// Whether the user has asked to leave: the second time they do not want to wait.
    leaving: bool,
}

impl Screen {
    /// Takes the terminal, until it is dropped.
    pub(crate) fn new(room: &str, own: &str) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        let (sender, keys) = unbounded_channel();
        // It waits for a key as long as the program runs; that keeps nothing alive.
        thread::Builder::new().name("keys".into()).spawn(move || {
            while let Ok(event) = read() {
                if sender.send(event).is_err() {
                    return;
                }
            }
        })?;
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let screen = Self {
            model: Model::new(room, own),
            terminal,
            keys,
            started: Instant::now(),
            tick,
            theme: Theme::new(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())),
            leaving: false,
        };
        execute!(stdout(), EnableBracketedPaste)?;
        Ok(screen)
    }

    fn draw(&mut self) -> io::Result<()> {
        self.model.now = self.started.elapsed();
        let Self { model, theme, .. } = self;
        let mut scroll = 0;
        self.terminal.draw(|frame| scroll = view::draw(frame, model, *theme))?;
        self.model.drawn(scroll);
        Ok(())
    }

    /// Takes what the terminal says; gives what follows for the session.
    fn take(&mut self, event: TerminalEvent, entered: bool) -> Option<Input> {
        match event {
            TerminalEvent::Key(key) => {
                let page = self.terminal.size().map_or(10, |size| usize::from(size.height) / 2);
                match press(&mut self.model, key, page) {
                    Outcome::Draw => None,
                    Outcome::Select => Some(Input::Nothing),
                    Outcome::Leave => Some(self.leave()),
                    Outcome::Entered(text) if text.trim() == "/part" => Some(self.leave()),
                    Outcome::Entered(text) if !entered && text.trim() != "/help" => {
                        self.model.editor.paste(&text);
                        let line = Line::Warning { text: "you are not in the room yet".into() };
                        self.model.line(&line);
                        None
                    }
                    Outcome::Entered(text) => Some(Input::Line(text)),
                }
            }
            TerminalEvent::Paste(text) => {
                match &mut self.model.search {
                    Some(search) => search.editor.paste(&text),
                    None => self.model.editor.paste(&text),
                }
                None
            }
            _ => None,
        }
    }

    fn leave(&mut self) -> Input {
        if std::mem::replace(&mut self.leaving, true) { Input::Quit } else { Input::End }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell of it.
        let _ = execute!(stdout(), DisableBracketedPaste);
        ratatui::restore();
    }
}

impl Front for Screen {
    fn event(&mut self, event: &Event) {
        self.model.now = self.started.elapsed();
        self.model.event(event);
    }

    fn show(&mut self, line: &Line) -> Result<()> {
        self.model.line(line);
        Ok(())
    }

    fn compared(&mut self, compared: &Compared) {
        self.model.compared.clone_from(compared);
    }

    fn help(&mut self) -> Result<()> {
        self.model.open_help();
        Ok(())
    }

    async fn input(&mut self, entered: bool) -> Result<Input> {
        loop {
            tokio::select! {
                event = self.keys.recv() => {
                    let Some(event) = event else { return Ok(Input::Quit) };
                    if let Some(input) = self.take(event, entered) {
                        return Ok(input);
                    }
                }
                _ = self.tick.tick() => {}
            }
            self.draw()?;
        }
    }

    async fn refresh(&mut self, handle: &Handle<Mpenc>, numbers: &mut Numbers) -> Result<()> {
        let selected = self.model.selected().map(|(_, message)| message.id);
        let asked = handle.query(move |session| snapshot(session, selected)).await;
        // The session may be gone already; what was seen last stays.
        if let Ok((mut seen, waiting)) = asked {
            let waiting = waiting.into_iter();
            seen.waiting =
                waiting.map(|(local, readers, text)| (numbers.of(local), readers, text)).collect();
            self.model.seen = seen;
        }
        Ok(self.draw()?)
    }

    async fn over(&mut self, why: &str) -> Result<()> {
        self.model.line(&Line::Warning { text: why.to_owned() });
        self.model.over = true;
        self.model.help = None;
        self.model.deselect();
        self.draw()?;
        while let Some(event) = self.keys.recv().await {
            if let TerminalEvent::Key(key) = event {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Enter | KeyCode::Esc => break,
                    KeyCode::Char('c' | 'd') if control => break,
                    KeyCode::PageUp | KeyCode::PageDown | KeyCode::Up | KeyCode::Down => {
                        press(&mut self.model, key, 10);
                    }
                    _ => {}
                }
            }
            self.draw()?;
        }
        Ok(())
    }
}

type Waiting = Vec<(LocalId, Vec<String>, String)>;

/// What the session proves now.
fn snapshot(session: &MpencSession, selected: Option<MessageId>) -> (Snapshot, Waiting) {
    let log = session.messages();
    let unacked: BTreeMap<MessageId, Vec<String>> = session
        .unacked()
        .filter(|id| log.line(id).is_some())
        .map(|id| (id, texts(&session.unacked_by(&id))))
        .collect();
    let mut members = texts(session.members());
    members.sort();
    let running = session.operation_progress().map(|progress| Running {
        contributed: texts(&progress.contributed),
        confirmed: texts(&progress.confirmed),
        awaited: texts(&progress.awaited),
    });
    let ancestors: BTreeSet<MessageId> =
        selected.map(|id| log.ancestors(&id).map(|line| line.id).collect()).unwrap_or_default();
    let seen = Snapshot {
        state: state_text(session.state()).into(),
        joined: session.state() == State::Joined,
        members,
        room: texts(session.channel_members()),
        unacked,
        waiting: Vec::new(),
        unconfirmed: texts(&session.history_unconfirmed_by()),
        running,
        ancestors,
    };
    let waiting = session.waiting();
    let waiting = waiting.map(|w| (w.local, texts(w.readers), w.text.to_owned())).collect();
    (seen, waiting)
}
