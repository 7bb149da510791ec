//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::complete::{candidates, common};
use super::editor::Editor;
use super::model::{Model, Search};

/// What follows from a key, besides a change of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The screen is to be drawn again.
    Draw,
    /// Another message is selected.
    Select,
    /// This was entered.
    Entered(String),
    /// The user wants to leave.
    Leave,
}

/// What `/help` tells of keys.
pub(crate) const HELP: [&str; 8] = [
    "Enter sends; Alt+Enter or Ctrl+J begins another line; Tab completes commands and names.",
    "Up, with nothing typed, selects messages: what its author had not seen is dimmed.",
    "Esc ends that. Ctrl+P and Ctrl+N bring back what you entered. F1 shows this.",
    "PageUp and PageDown scroll; Ctrl+End goes to the newest. Ctrl+F searches.",
    "✓ all have acked a message; · not yet; ! overdue; ✗ they are gone and never did; … queued.",
    "≠ \"history differs\": one of its author and readers was told another one than you, or told two.",
    "↑ on a message: it was not written in view of the line above, or not to the members of now.",
    "Ctrl+C removes what is typed; with nothing typed it leaves, as /part does.",
];

/// Takes a key.
pub(crate) fn press(model: &mut Model, key: KeyEvent, page: usize) -> Outcome {
    if key.kind == KeyEventKind::Release {
        return Outcome::Draw;
    }
    let offers = core::mem::take(&mut model.offers);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt =
        key.modifiers.contains(KeyModifiers::ALT) || key.modifiers.contains(KeyModifiers::SHIFT);
    if scrolls_help(model, key.code, page) {
        return Outcome::Draw;
    }
    match key.code {
        KeyCode::F(1) => model.open_help(),
        KeyCode::PageUp => model.scroll = model.scroll.saturating_add(page),
        KeyCode::PageDown => model.scroll = model.scroll.saturating_sub(page),
        KeyCode::End if control => {
            model.scroll = 0;
            model.deselect();
            return Outcome::Select;
        }
        KeyCode::Esc => {
            model.search = None;
            model.deselect();
            return Outcome::Select;
        }
        KeyCode::Char('f') if control => {
            model.help = None;
            model.search = Some(Search::default());
        }
        KeyCode::Enter if model.search.is_some() => {
            model.find();
            return Outcome::Select;
        }
        KeyCode::Char('c') if control => {
            let editor = editor(model);
            if editor.is_empty() {
                return Outcome::Leave;
            }
            editor.clear();
        }
        KeyCode::Char('d') if control => {
            if model.editor.is_empty() {
                return Outcome::Leave;
            }
            model.editor.delete();
        }
        KeyCode::Enter if alt => editor(model).insert('\n'),
        KeyCode::Char('j') if control => editor(model).insert('\n'),
        KeyCode::Enter => {
            model.help = None;
            model.scroll = 0;
            model.deselect();
            return Outcome::Entered(model.editor.enter());
        }
        KeyCode::Tab => complete(model, offers),
        KeyCode::Up => {
            if model.search.is_none() && model.editor.is_empty() {
                model.select_above();
                return Outcome::Select;
            }
            editor(model).up();
        }
        KeyCode::Down => {
            if model.selected().is_some() {
                model.select_below();
                return Outcome::Select;
            }
            editor(model).down();
        }
        code => edit(editor(model), code, control),
    }
    Outcome::Draw
}

/// Whether the help is shown, and the key scrolls or ends it. Whatever else is typed goes where it
/// always does.
fn scrolls_help(model: &mut Model, code: KeyCode, page: usize) -> bool {
    let idle = model.editor.is_empty();
    let Some(above) = &mut model.help else { return false };
    match code {
        KeyCode::PageUp => *above = above.saturating_sub(page),
        KeyCode::PageDown => *above = above.saturating_add(page),
        KeyCode::Up if idle => *above = above.saturating_sub(1),
        KeyCode::Down if idle => *above = above.saturating_add(1),
        KeyCode::Esc | KeyCode::F(1) => model.help = None,
        _ => return false,
    }
    true
}

fn editor(model: &mut Model) -> &mut Editor {
    match &mut model.search {
        Some(search) => {
            search.nothing = false;
            &mut search.editor
        }
        None => &mut model.editor,
    }
}

fn edit(editor: &mut Editor, code: KeyCode, control: bool) {
    match code {
        KeyCode::Char('a') if control => editor.home(),
        KeyCode::Char('e') if control => editor.end(),
        KeyCode::Char('n') if control => editor.later(),
        KeyCode::Char('p') if control => editor.earlier(),
        KeyCode::Char('u') if control => editor.clear(),
        KeyCode::Char('w') if control => editor.delete_word(),
        KeyCode::Char(c) if !control => editor.insert(c),
        KeyCode::Backspace => editor.backspace(),
        KeyCode::Delete => editor.delete(),
        KeyCode::Left => editor.left(),
        KeyCode::Right => editor.right(),
        KeyCode::Home => editor.home(),
        KeyCode::End => editor.end(),
        _ => {}
    }
}

fn complete(model: &mut Model, before: Vec<String>) {
    let mut names = model.seen.members.clone();
    names.extend(model.seen.room.iter().filter(|name| !model.seen.members.contains(name)).cloned());
    names.retain(|name| *name != model.own);
    let (octets, candidates) = candidates(model.editor.before(), &names);
    let shared = common(&candidates);
    if shared.len() > octets || candidates.len() == 1 {
        model.editor.complete(octets, shared);
    } else if before.is_empty() {
        model.offers = candidates;
    }
}
