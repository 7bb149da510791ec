//! Draws the [`Model`]: conversation, members, the selected message, one line that sums up, and what
//! is typed.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Padding, Paragraph};

use super::keys;
use super::model::{
    Item, Level, Message, Model, Presence, Progress, Standing, ago, counted, names, names_within,
};
use crate::chat::{HELP, Name, Printable, parents_in_words};
use textwrap::core::display_width;

/// From this width on, the members have a pane of their own.
const WIDE: u16 = 72;

/// How wide that is.
const MEMBERS: u16 = 24;

/// How many lines of input are shown, at most.
const INPUT: usize = 6;

/// How things look. Only what terminals know by name, so that it fits a light background as well as
/// a dark one; without colours (`NO_COLOR`) nothing is lost but emphasis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    colours: bool,
}

impl Theme {
    pub(crate) const fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn level(self, level: Level) -> Style {
        let (colour, modifier) = match level {
            Level::Note => return Style::new().add_modifier(Modifier::DIM),
            Level::Warning => (Color::Magenta, Modifier::empty()),
            Level::Alarm => (Color::Red, Modifier::BOLD),
        };
        let style = Style::new().add_modifier(modifier);
        if self.colours { style.fg(colour) } else { style }
    }

    fn standing(self, standing: &Standing) -> Style {
        match standing {
            Standing::Open => Style::new().add_modifier(Modifier::DIM),
            Standing::Acked if self.colours => Style::new().fg(Color::Green),
            Standing::Acked => Style::new(),
            Standing::Overdue(_) | Standing::Unreachable(_) => self.level(Level::Warning),
        }
    }
}

/// As wide as the commands in the help.
const BESIDE_COMMANDS: &str = "                 ";

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws everything. Gives how far what is shown is scrolled in fact: how many lines of the
/// conversation are below the window, or of the help above it.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) -> usize {
    let area = frame.area();
    let wide = area.width >= WIDE;
    let input_lines = input(model).text().split('\n').count().clamp(1, INPUT);
    let input_height = u16::try_from(input_lines.saturating_add(1)).unwrap_or(2);
    let detail_height = if model.selected().is_some() && area.height >= 12 { 5 } else { 0 };
    let (level, text) = model.summary();
    // What is not well may be more than fits into one line.
    let sum_lines = wrap(&text, usize::from(area.width), "", "");
    let sum_height = if sum_lines.len() > 1 && area.height >= 12 { 2 } else { 1 };
    let [top, middle, detail, sum, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(detail_height),
        Constraint::Length(sum_height),
        Constraint::Length(input_height),
    ])
    .areas(area);
    let [conversation, _, members] = Layout::horizontal([
        Constraint::Min(10),
        Constraint::Length(u16::from(wide)),
        Constraint::Length(if wide { MEMBERS } else { 0 }),
    ])
    .areas(middle);
    draw_top(frame, top, model, wide);
    let scroll = match model.help {
        Some(above) => draw_help(frame, middle, above),
        None => draw_conversation(frame, conversation, model, theme),
    };
    if wide && model.help.is_none() {
        draw_members(frame, members, model, theme);
    }
    if let Some((_, message)) = model.selected()
        && detail_height > 0
    {
        draw_detail(frame, detail, model, message, theme);
    }
    let style = if level == Level::Note { Style::new() } else { theme.level(level) };
    let mut sum_lines: Vec<Line<'static>> =
        sum_lines.into_iter().map(|line| Line::styled(line, style)).collect();
    sum_lines.truncate(usize::from(sum_height));
    if let Some(last) = sum_lines.last_mut().filter(|_| scroll > 0 && model.help.is_none()) {
        last.push_span(Span::styled(format!(" ↓{scroll} more"), DIM));
    }
    frame.render_widget(Paragraph::new(sum_lines), sum);
    draw_input(frame, bottom, model, theme);
    scroll
}

fn draw_top(frame: &mut Frame<'_>, area: Rect, model: &Model, wide: bool) {
    let mut text = format!(" {} · {}", Printable(&model.room), model.seen.state);
    if !wide && model.seen.joined {
        let fresh = |member: &&String| model.presence(member) == Presence::Fresh;
        let quiet = model.readers().iter().filter(|member| !fresh(member)).count();
        let quiet = if quiet > 0 { format!(" ({quiet} quiet)") } else { String::new() };
        let taken = display_width(&text).saturating_add(display_width(&quiet));
        let left = usize::from(area.width).saturating_sub(taken).saturating_sub(" with ".len());
        text.push_str(&format!(" with {}{quiet}", names_within(&model.readers(), left)));
    }
    let style = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(text).style(style), area);
}

/// The lines of an item, `width` wide.
fn lines_of(item: &Item, model: &Model, theme: Theme, width: usize) -> Vec<Line<'static>> {
    match item {
        Item::Message(message) => message_lines(message, model, theme, width),
        Item::Notice(level, text) => {
            let bullet = match level {
                Level::Note => "* ",
                Level::Warning => "! ",
                Level::Alarm => "‼ ",
            };
            let style = theme.level(*level);
            let wrapped = wrap(text, width, bullet, "  ");
            wrapped.into_iter().map(|text| Line::styled(text, style)).collect()
        }
    }
}

/// How far the running operation is. Everybody contributes, and then everybody confirms: the bar
/// counts both.
fn progress_lines(progress: &Progress, width: usize) -> Vec<Line<'static>> {
    let done = progress.contributed.saturating_add(progress.confirmed);
    let full = (done.saturating_mul(5) / progress.of).min(10);
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(10_usize.saturating_sub(full)));
    let wrapped = wrap(&format!("{bar} {}", progress.text), width, "* ", "  ");
    wrapped.into_iter().map(Line::raw).collect()
}

fn wrap(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let options =
        textwrap::Options::new(width.max(8)).initial_indent(first).subsequent_indent(rest);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

fn message_lines(
    message: &Message,
    model: &Model,
    theme: Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let related = model.is_related(message);
    let selected = model.selected().is_some_and(|(_, other)| other.id == message.id);
    let head = format!("[{}] {}: ", message.number, Name(&message.author));
    let mut texts: Vec<String> = Vec::new();
    for (at, text) in message.text.split('\n').enumerate() {
        let printable = Printable(text).to_string();
        let (line, indent) =
            if at == 0 { (format!("{head}{printable}"), "  ") } else { (printable, "    ") };
        texts.extend(wrap(&line, width, indent, "    "));
    }
    let tail = format!("{}{}", stands(message, model), marks(message));
    let fits = texts
        .last()
        .is_some_and(|last| display_width(last).saturating_add(display_width(&tail)) < width);
    let count = texts.len();
    let mark = if selected { Modifier::REVERSED } else { Modifier::empty() };
    let style = if related { Style::new() } else { DIM }.add_modifier(mark);
    let tail_style = if selected { style } else { DIM };
    let differs = !model.differing(message).is_empty();
    let sign = match message.standing {
        _ if differs => "≠",
        Standing::Acked => "✓",
        Standing::Open => "·",
        Standing::Overdue(_) => "!",
        Standing::Unreachable(_) => "✗",
    };
    let mut lines = Vec::new();
    for (at, text) in texts.into_iter().enumerate() {
        let mut spans = Vec::new();
        let mut rest = text.as_str();
        if at == 0 {
            let standing = theme.standing(&message.standing);
            spans.push(Span::styled(
                sign,
                if differs { theme.level(Level::Alarm) } else { standing },
            ));
            spans.push(Span::raw(" "));
            rest = rest.get(2..).unwrap_or_default();
            if let Some(body) = rest.strip_prefix(head.as_str()) {
                spans.push(Span::styled(head.clone(), style.patch(BOLD)));
                rest = body;
            }
        }
        spans.push(Span::styled(rest.to_owned(), style));
        if fits && at.saturating_add(1) == count {
            spans.push(Span::styled(tail.clone(), tail_style));
        }
        lines.push(Line::from(spans));
    }
    if !fits && !tail.is_empty() {
        let wrapped = wrap(tail.trim_start(), width, "    ", "    ");
        lines.extend(wrapped.into_iter().map(|text| Line::from(Span::styled(text, tail_style))));
    }
    if selected {
        // All of it is marked, to the end of each line.
        for line in &mut lines {
            let rest = width.saturating_sub(line.width());
            line.push_span(Span::styled(" ".repeat(rest), Style::new().add_modifier(mark)));
        }
    }
    lines
}

/// How far a message is; nothing, once all is well with it.
fn stands(message: &Message, model: &Model) -> String {
    let mut stands = match &message.standing {
        Standing::Acked => String::new(),
        Standing::Unreachable(missing) => format!("  never {}", names(missing)),
        Standing::Overdue(_) => {
            format!("  {}, not {}", state_of(message, model), names(model.missing(message)))
        }
        Standing::Open => format!("  {}", state_of(message, model)),
    };
    let differing = model.differing(message);
    if !differing.is_empty() {
        stands.push_str(&format!("  history differs: {}", names(&differing)));
    }
    stands
}

/// How far a message is, in few words.
fn state_of(message: &Message, model: &Model) -> String {
    let missing = model.missing(message);
    let readers = message.readers.len();
    let acked = readers.saturating_sub(missing.len());
    let count = format!("acked by {acked} of {readers}");
    match &message.standing {
        Standing::Acked => "fully acked".to_owned(),
        Standing::Open if acked == 0 => "sent".to_owned(),
        Standing::Open => count,
        Standing::Overdue(_) => format!("overdue, {count}"),
        Standing::Unreachable(_) => format!("never fully acked, {count}"),
    }
}

/// What is not as it looks: parents that are not the line above, readers who are not the members.
fn marks(message: &Message) -> String {
    let mut marks = String::new();
    if let Some(parents) = parents_in_words(message.number, &message.parents_back) {
        marks.push_str(&format!("  ↑ {parents}"));
    }
    if message.former {
        marks.push_str("  ↑ among the members before the change");
    }
    marks
}

/// Draws the end of the conversation, or what the scrolling asks for; a selected message is always
/// in view. Gives how many lines below the window there are.
fn draw_conversation(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) -> usize {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let selected = model.selected().map(|(at, _)| at);
    let mut lines: VecDeque<Line<'static>> = VecDeque::new();
    let waiting = model.seen.waiting.iter().rev().flat_map(|(number, readers, text)| {
        let text = format!("({number}) queued for {}: {}", names(readers), Printable(text));
        wrap(&text, width, "… ", "    ").into_iter().rev().map(|text| Line::styled(text, DIM))
    });
    waiting.for_each(|line| lines.push_front(line));
    if let Some(progress) = model.progress() {
        let of_progress = progress_lines(&progress, width).into_iter().rev();
        of_progress.for_each(|line| lines.push_front(line));
    }
    let mut scroll = model.scroll;
    if scroll > 0 {
        // Whoever reads what was before goes on reading there while messages come.
        let new = model.items.iter().skip(model.items_drawn);
        let new = new.map(|item| lines_of(item, model, theme, width).len());
        scroll = new.fold(scroll, usize::saturating_add);
    }
    let mut fixed = selected.is_none();
    for (at, item) in model.items.iter().enumerate().rev() {
        if fixed && lines.len() >= scroll.saturating_add(height) {
            break;
        }
        let below = lines.len();
        let of_item = lines_of(item, model, theme, width);
        let above = below.saturating_add(of_item.len());
        of_item.into_iter().rev().for_each(|line| lines.push_front(line));
        if selected == Some(at) {
            scroll = scroll.min(below).max(above.saturating_sub(height));
            fixed = true;
        }
    }
    let scroll = scroll.min(lines.len().saturating_sub(height));
    let end = lines.len().saturating_sub(scroll);
    let start = end.saturating_sub(height);
    let shown: Vec<Line<'static>> = lines.into_iter().skip(start).take(height).collect();
    // The newest line stands at the bottom.
    let gap = u16::try_from(height.saturating_sub(shown.len())).unwrap_or(0);
    let at =
        Rect { y: area.y.saturating_add(gap), height: area.height.saturating_sub(gap), ..area };
    frame.render_widget(Paragraph::new(shown), at);
    scroll
}

/// Draws the help from one of its lines on. Gives which it is in fact: the last page is a full one.
fn draw_help(frame: &mut Frame<'_>, area: Rect, above: usize) -> usize {
    let block = Block::new().borders(Borders::TOP);
    let inner = block.inner(area);
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    // What a command does stands beside it, also where that takes more than a line.
    let beside = if width < 40 { "  " } else { BESIDE_COMMANDS };
    let lines: Vec<String> = HELP
        .iter()
        .flat_map(|line| wrap(line, width, "", if line.starts_with('/') { beside } else { "  " }))
        .chain([String::new()])
        .chain(keys::HELP.iter().flat_map(|line| wrap(line, width, "", "  ")))
        .collect();
    let above = above.min(lines.len().saturating_sub(height));
    let (from, end) = (above.saturating_add(1), above.saturating_add(height).min(lines.len()));
    let more = if end < lines.len() { "PageDown: more · " } else { "" };
    let title = format!(" help, lines {from} to {end} of {} · {more}Esc: back ", lines.len());
    let shown: Vec<Line<'_>> = lines.into_iter().skip(above).map(Line::raw).collect();
    frame.render_widget(Paragraph::new(shown).block(block.title(title)), area);
    above
}

fn draw_members(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let title = counted(model.seen.members.len(), "member");
    let block = Block::new().borders(Borders::LEFT).padding(Padding::left(1));
    let block = block.title(format!(" {title} "));
    let width = usize::from(block.inner(area).width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for member in &model.seen.members {
        let you = if *member == model.own { " (you)" } else { "" };
        let (style, fresh, quiet) = match model.presence(member) {
            _ if *member == model.own => (Style::new(), "", None),
            Presence::Fresh => (Style::new(), " · fresh", None),
            Presence::Quiet(time) => (Style::new(), "", Some(format!("quiet for {}", ago(time)))),
            Presence::Expired(time) => (DIM, "", Some(format!("expired {} ago", ago(time)))),
        };
        // A name that is too long goes on below: what is cut off could be what tells two apart.
        let name = wrap(&format!("{}{you}", Name(member)), width, "", "");
        lines.extend(name.into_iter().map(|part| Line::styled(part, style)));
        if let Some(last) = lines.last_mut() {
            last.push_span(Span::styled(fresh, DIM));
        }
        if *member != model.own {
            lines.push(if model.compared.changed.contains(member) {
                Line::styled("  ‼ key has changed", theme.level(Level::Alarm))
            } else if model.compared.same.contains(member) {
                Line::raw("  ✓ verified")
            } else {
                Line::styled("  key not compared", DIM)
            });
        }
        if let Some(quiet) = quiet {
            lines.push(Line::styled(format!("  {quiet}"), theme.level(Level::Warning)));
        }
        if *member != model.own && !model.seen.room.contains(member) {
            lines.push(Line::styled("  not in the room*", DIM));
        }
    }
    let others: Vec<&String> =
        model.seen.room.iter().filter(|name| !model.seen.members.contains(name)).collect();
    if !others.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled("in the room*", DIM));
        let others =
            others.iter().flat_map(|name| wrap(&Name(name).to_string(), width, "  ", "  "));
        lines.extend(others.map(|part| Line::styled(part, DIM)));
    }
    if lines.iter().any(|line| line.to_string().ends_with('*')) {
        lines.push(Line::default());
        lines.push(Line::styled("* says the server", DIM));
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// What is known of the selected message.
fn draw_detail(frame: &mut Frame<'_>, area: Rect, model: &Model, message: &Message, theme: Theme) {
    let parents = match message.parents_back[..] {
        [] => "before anything was seen here".to_owned(),
        ref parents => {
            let numbers = parents.iter().rev().map(|back| message.number.saturating_sub(*back));
            let numbers: Vec<String> = numbers.map(|number| format!("[{number}]")).collect();
            format!("after {}", numbers.join(", "))
        }
    };
    let missing = model.missing(message);
    let acked: Vec<String> =
        message.readers.iter().filter(|reader| !missing.contains(reader)).cloned().collect();
    let mut wrote = message.readers.clone();
    wrote.push(message.author.clone());
    let come: Vec<String> =
        model.seen.members.iter().filter(|member| !wrote.contains(member)).cloned().collect();
    let gone: Vec<String> =
        wrote.iter().filter(|name| !model.seen.members.contains(name)).cloned().collect();
    let mut readers = format!("readers: {}", names(&message.readers));
    if !gone.is_empty() {
        readers.push_str(&format!("; no members now: {}", names(&gone)));
    }
    if !come.is_empty() {
        readers.push_str(&format!("; members now, and no readers: {}", names(&come)));
    }
    let since = ago(model.now.saturating_sub(message.at));
    let status = match &message.standing {
        Standing::Acked => Span::raw("acked by all of them"),
        standing if missing.is_empty() => {
            Span::styled(format!("acked by {}", names(&acked)), theme.standing(standing))
        }
        standing => {
            let by = if acked.is_empty() {
                "acked by nobody".to_owned()
            } else {
                format!("acked by {}", names(&acked))
            };
            let what = match standing {
                Standing::Unreachable(_) => "who are gone, and never did:",
                _ => "not by",
            };
            let text = format!("{by}; {what} {}, for {since}", names(missing));
            Span::styled(text, theme.standing(standing))
        }
    };
    let lines = vec![
        Line::raw(format!("written by {} {parents}; shown {since} ago", Name(&message.author))),
        Line::raw(readers),
        Line::from(status),
    ];
    let mut title = format!(" [{}] {}", message.number, state_of(message, model));
    let differing = model.differing(message);
    if !differing.is_empty() {
        title.push_str(&format!(" · history differs: {}", names(&differing)));
    }
    title.push(' ');
    let block = Block::new().borders(Borders::TOP).title(title);
    let text = Paragraph::new(lines).block(block).wrap(ratatui::widgets::Wrap { trim: true });
    frame.render_widget(text, area);
}

fn input(model: &Model) -> &super::editor::Editor {
    model.search.as_ref().map_or(&model.editor, |search| &search.editor)
}

fn draw_input(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let title = if model.over {
        " the session is over · Enter closes ".to_owned()
    } else if let Some(search) = &model.search {
        let nothing = if search.nothing { ": nothing above" } else { "" };
        format!(" search{nothing} · Enter: next above · Esc: back ")
    } else if !model.offers.is_empty() {
        format!(" {} ", model.offers.concat())
    } else if !model.seen.joined {
        format!(" {} · /help ", model.seen.state)
    } else {
        let progress = model.progress();
        let until = if progress.is_some() { ", as long as the change runs" } else { "" };
        let columns = usize::from(area.width).saturating_sub(" to  ".len());
        let to = names_within(&model.readers(), columns.saturating_sub(display_width(until)));
        format!(" to {to}{until} ")
    };
    let style = if model.over { theme.level(Level::Warning) } else { Style::new() };
    let block = Block::new().borders(Borders::TOP).title(Span::styled(title, style));
    let inner = block.inner(area);
    let editor = input(model);
    let (line, column) = editor.cursor();
    let (width, height) = (usize::from(inner.width).max(1), usize::from(inner.height).max(1));
    let first = line.saturating_sub(height.saturating_sub(1));
    let left = column.saturating_sub(width.saturating_sub(1));
    let text: Vec<Line<'_>> = editor.text().split('\n').skip(first).map(Line::raw).collect();
    let scrolled = u16::try_from(left).unwrap_or(0);
    frame.render_widget(Paragraph::new(text).block(block).scroll((0, scrolled)), area);
    let x = inner.x.saturating_add(u16::try_from(column.saturating_sub(left)).unwrap_or(0));
    let y = inner.y.saturating_add(u16::try_from(line.saturating_sub(first)).unwrap_or(0));
    if !model.over {
        frame.set_cursor_position(Position::new(x, y));
    }
}
