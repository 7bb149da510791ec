//! The line that is being typed: several lines, if need be.

use std::mem;

use textwrap::core::display_width;

/// How many inputs are remembered.
const REMEMBERED: usize = 200;

/// What is typed, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Editor {
    text: String,
    /// In octets, at the beginning of a character.
    at: usize,
    /// What was entered before, oldest first.
    history: Vec<String>,
    /// Which of them is shown, and what was typed before it was.
    recalled: Option<(usize, String)>,
}

impl Editor {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The line and the column of the cursor, in lines that are not wrapped.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        let before = self.before();
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count(), display_width(line))
    }

    pub(crate) fn insert(&mut self, c: char) {
        self.text.insert(self.at, c);
        self.at = self.at.saturating_add(c.len_utf8());
    }

    /// What comes from a clipboard; what would end the lines twice is left out.
    pub(crate) fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        self.text.insert_str(self.at, &text);
        self.at = self.at.saturating_add(text.len());
    }

    /// Puts this in the place of the last so many octets before the cursor.
    pub(crate) fn complete(&mut self, octets: usize, with: &str) {
        let from = self.at.saturating_sub(octets);
        if self.text.is_char_boundary(from) {
            self.text.replace_range(from..self.at, with);
            self.at = from.saturating_add(with.len());
        }
    }

    pub(crate) fn backspace(&mut self) {
        if let Some(c) = self.before().chars().next_back() {
            self.at = self.at.saturating_sub(c.len_utf8());
            self.text.remove(self.at);
        }
    }

    pub(crate) fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// Removes the word before the cursor.
    pub(crate) fn delete_word(&mut self) {
        let kept = self.before().trim_end();
        let from = kept
            .char_indices()
            .rfind(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at.saturating_add(c.len_utf8()));
        self.text.replace_range(from..self.at, "");
        self.at = from;
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.at = 0;
        self.recalled = None;
    }

    pub(crate) fn left(&mut self) {
        if let Some(c) = self.before().chars().next_back() {
            self.at = self.at.saturating_sub(c.len_utf8());
        }
    }

    pub(crate) fn right(&mut self) {
        if let Some(c) = self.after().chars().next() {
            self.at = self.at.saturating_add(c.len_utf8());
        }
    }

    /// To the beginning of the line.
    pub(crate) fn home(&mut self) {
        self.at = self.before().rfind('\n').map_or(0, |at| at.saturating_add(1));
    }

    /// To the end of the line.
    pub(crate) fn end(&mut self) {
        let rest = self.after().find('\n').unwrap_or(self.after().len());
        self.at = self.at.saturating_add(rest);
    }

    /// To the line above; says whether there is one.
    pub(crate) fn up(&mut self) -> bool {
        let (line, column) = self.cursor();
        let Some(above) = line.checked_sub(1) else { return false };
        self.go(above, column);
        true
    }

    /// To the line below; says whether there is one.
    pub(crate) fn down(&mut self) -> bool {
        let (line, column) = self.cursor();
        if !self.after().contains('\n') {
            return false;
        }
        self.go(line.saturating_add(1), column);
        true
    }

    fn go(&mut self, line: usize, column: usize) {
        let mut start = 0_usize;
        for (number, text) in self.text.split('\n').enumerate() {
            if number == line {
                let mut width = 0_usize;
                let before = text.char_indices().find(|(_, c)| {
                    width = width.saturating_add(textwrap::core::display_width(&c.to_string()));
                    width > column
                });
                let at = before.map_or(text.len(), |(at, _)| at);
                self.at = start.saturating_add(at);
                return;
            }
            start = start.saturating_add(text.len()).saturating_add(1);
        }
    }

    /// What was entered before this.
    pub(crate) fn earlier(&mut self) {
        let (number, typed) = match self.recalled.take() {
            Some(recalled) => recalled,
            None => (self.history.len(), self.text.clone()),
        };
        let number = number.saturating_sub(1).min(self.history.len());
        if let Some(text) = self.history.get(number) {
            self.text.clone_from(text);
            self.at = self.text.len();
            self.recalled = Some((number, typed));
        }
    }

    /// What was entered after this; at last, what was being typed.
    pub(crate) fn later(&mut self) {
        let Some((number, typed)) = self.recalled.take() else { return };
        let number = number.saturating_add(1);
        if let Some(text) = self.history.get(number) {
            self.text.clone_from(text);
            self.recalled = Some((number, typed));
        } else {
            self.text = typed;
        }
        self.at = self.text.len();
    }

    /// Takes what was typed.
    pub(crate) fn enter(&mut self) -> String {
        let text = mem::take(&mut self.text);
        (self.at, self.recalled) = (0, None);
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            if self.history.len() == REMEMBERED {
                self.history.remove(0);
            }
            self.history.push(text.clone());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        text.chars().for_each(|c| editor.insert(c));
        editor
    }

    #[test]
    fn letters_go_where_the_cursor_is() {
        let mut editor = typed("schön");
        editor.left();
        editor.left();
        editor.backspace();
        editor.insert('o');
        assert_eq!((editor.text(), editor.cursor()), ("scoön", (0, 3)));
        editor.delete();
        editor.end();
        editor.insert('!');
        editor.home();
        editor.insert('¡');
        assert_eq!(editor.text(), "¡scon!");
    }

    #[test]
    fn words_are_removed_whole() {
        let mut editor = typed("one two  ");
        editor.delete_word();
        assert_eq!(editor.text(), "one ");
        editor.delete_word();
        assert_eq!(editor.text(), "");
        editor.delete_word();
        editor.backspace();
        editor.delete();
        assert_eq!(editor, Editor::default());
    }

    #[test]
    fn a_text_of_several_lines_is_walked_through() {
        let mut editor = Editor::default();
        editor.paste("first\r\n漢字 x\rlast one");
        assert_eq!(editor.text(), "first\n漢字 x\nlast one");
        assert_eq!(editor.cursor(), (2, 8));
        assert!(editor.up());
        assert_eq!(editor.cursor(), (1, 6));
        editor.left();
        editor.left();
        assert!(editor.up());
        assert_eq!(editor.cursor(), (0, 4));
        assert!(!editor.up());
        assert!(editor.down());
        assert_eq!(editor.cursor(), (1, 4), "between the characters");
        assert!(editor.down());
        assert!(!editor.down());
    }

    #[test]
    fn what_was_entered_comes_back() {
        let mut editor = typed("one");
        assert_eq!(editor.enter(), "one");
        typed("two").text().chars().for_each(|c| editor.insert(c));
        editor.enter();
        assert!(editor.is_empty());
        editor.insert('x');
        editor.earlier();
        assert_eq!(editor.text(), "two");
        editor.earlier();
        editor.earlier();
        assert_eq!(editor.text(), "one");
        editor.later();
        editor.later();
        assert_eq!(editor.text(), "x", "nothing typed is lost");
        editor.later();
        assert_eq!(editor.text(), "x");
    }

    #[test]
    fn a_beginning_is_completed() {
        let mut editor = typed("/inc bob");
        editor.home();
        (0..4).for_each(|_| editor.right());
        editor.complete(3, "include");
        assert_eq!((editor.text(), editor.before()), ("/include bob", "/include"));
    }
}
