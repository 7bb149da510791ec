//! What the screen shows, at two sizes, and what keys do to it.

use std::time::Duration;

use mpenc::MessageId;
use mpenc::{Dialect, MemberId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::keys::{Outcome, press};
use super::model::{Item, Level, Message, Model, Standing};
use super::view::{Theme, draw};
use crate::chat::{Line, Running};

fn id(number: u8) -> MessageId {
    MessageId::from_hash(Dialect::DOCUMENT, &[number; 32])
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn message(number: u8, author: &str, text: &str, standing: Standing) -> Message {
    let readers = strings(&["ann", "bob", "carol"]);
    Message {
        id: id(number),
        number: usize::from(number),
        author: author.to_owned(),
        text: text.to_owned(),
        readers: readers.into_iter().filter(|reader| reader != author).collect(),
        parents_back: if number == 1 { Vec::new() } else { vec![1] },
        former: false,
        at: Duration::from_secs(u64::from(number)),
        standing,
    }
}

/// A conversation in which something of everything has happened.
fn model() -> Model {
    let mut model = Model::new("tea", "ann");
    model.now = Duration::from_secs(60);
    model.seen.state = "you are a member".into();
    model.seen.joined = true;
    model.seen.members = strings(&["ann", "bob", "carol"]);
    model.seen.room = strings(&["ann", "carol", "dan"]);
    model.compared.same.insert("carol".into());
    model.line(&Line::Note { text: "you are in the room".into() });
    model.push(message(1, "ann", "who is for tea?", Standing::Acked));
    model.push(message(2, "bob", "me", Standing::Acked));
    let mut concurrent = message(3, "carol", "I am,\nand for biscuits", Standing::Open);
    concurrent.parents_back = vec![2];
    model.push(concurrent);
    model.line(&Line::Accepted {
        operation: "exclude".into(),
        by: "carol".into(),
        include: Vec::new(),
        exclude: strings(&["dan"]),
        joins: false,
    });
    model.seen.running = Some(Running {
        contributed: strings(&["ann", "bob", "carol"]),
        confirmed: strings(&["ann", "carol"]),
        awaited: strings(&["bob"]),
    });
    let overdue = Standing::Overdue(strings(&["bob"]));
    let mut former =
        message(4, "ann", "is anybody there at all, or am I talking to myself?", overdue);
    former.readers.push("dan".to_owned());
    former.former = true;
    model.push(former);
    model.seen.unacked.insert(id(3), strings(&["bob", "ann"]));
    model.seen.unacked.insert(id(4), strings(&["bob"]));
    model.seen.waiting.push((1, strings(&["bob"]), "about carol".into()));
    model.seen.ancestors = [id(1)].into();
    model
}

fn shown(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| _ = draw(frame, model, Theme::new(true))).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_wide_screen() {
    let mut model = model();
    model.editor.paste("and what do\nyou say?");
    insta::assert_snapshot!(shown(&model, 90, 24));
}

#[test]
fn whose_key_was_compared_stands_below_the_name() {
    let mut model = model();
    model.compared.changed.insert("bob".into());
    let screen = shown(&model, 90, 24);
    for sign in ["‼ key has changed", "✓ verified"] {
        assert_eq!(screen.matches(sign).count(), 1, "{screen}");
    }
    assert!(!screen.contains("key not compared"), "{screen}");
}

#[test]
fn a_small_screen() {
    insta::assert_snapshot!(shown(&model(), 60, 15));
}

/// The selected message is in view, with all that is known of it, and what its author had not seen is
/// dimmed.
#[test]
fn a_selected_message() {
    let mut model = model();
    for _ in 0..2 {
        let outcome = press(&mut model, KeyCode::Up.into(), 10);
        assert_eq!(outcome, Outcome::Select);
    }
    insta::assert_snapshot!(shown(&model, 90, 24));
    let mut terminal = Terminal::new(TestBackend::new(90, 24)).unwrap();
    terminal.draw(|frame| _ = draw(frame, &model, Theme::new(false))).unwrap();
    let buffer = terminal.backend().buffer();
    let dimmed = |text: &str| {
        let row = (0..24).find(|&row| {
            let line: String = (0..90).map(|at| buffer[(at, row)].symbol()).collect();
            line.contains(text)
        });
        let row = row.unwrap_or_else(|| panic!("{text} is not there"));
        buffer[(9, row)].modifier.contains(Modifier::DIM)
    };
    // All of the selected message is marked, also what is said of it, to the end of its lines.
    let marked = |row| (2..65).all(|at| buffer[(at, row)].modifier.contains(Modifier::REVERSED));
    let rows: Vec<u16> = (1..20).filter(|&row| marked(row)).collect();
    assert_eq!(rows, [7, 8]);
    assert!(!dimmed("who is for tea?"), "its author had seen it");
    assert!(dimmed("bob: me"));
    assert!(dimmed("is anybody there"));
}

#[test]
fn the_summary_says_the_worst_and_names_nobody_without_evidence() {
    let mut model = model();
    assert_eq!(
        model.summary(),
        (
            Level::Warning,
            "1 message not seen by bob for 56 s · 1 message waiting for readers".to_owned()
        )
    );
    // Our own ack may be late, too: that is not that we have not seen it.
    let mut late = Model::new("tea", "ann");
    late.now = Duration::from_secs(60);
    late.seen.joined = true;
    late.push(message(5, "bob", "hello", Standing::Overdue(strings(&["ann", "carol"]))));
    late.seen.unacked.insert(id(5), strings(&["ann", "carol"]));
    assert_eq!(late.summary().1, "1 message not seen by carol for 55 s");
    late.seen.unacked.insert(id(5), strings(&["ann"]));
    assert_eq!(late.summary().1, "1 message not acked by you for 55 s");
    let carol = MemberId::new(Dialect::DOCUMENT, "carol").unwrap();
    let fault = mpenc::session::HistoryFault::Unknown {
        theirs: mpenc_order::PacketId::from_bytes([1; 32]),
        ours: mpenc_order::PacketId::from_bytes([2; 32]),
    };
    let mismatch = mpenc::Event::OrderMismatch { member: carol, fault };
    model.event(&mismatch);
    model.event(&mismatch);
    let (level, text) = model.summary();
    assert_eq!(level, Level::Alarm);
    assert!(text.starts_with(
        "the server told you and carol different things, or carol only says so · 1 message"
    ));
    model.event(&mpenc::Event::LeftChannel);
    assert_eq!(model.summary().0, Level::Warning, "a new session, a new start");
    let calm = Model::new("tea", "ann");
    assert_eq!(calm.summary(), (Level::Note, String::new()));
}

/// Members are fresh, quiet, or expired; messages whose readers were told another history say so.
#[test]
fn what_members_prove_and_who_was_told_another_history() {
    let member = |name| MemberId::new(Dialect::DOCUMENT, name).unwrap();
    let mut model = model();
    let screen = shown(&model, 90, 24);
    assert!(
        screen.contains("│ carol · fresh") && screen.contains("│   quiet for 56 s"),
        "{screen}"
    );
    model.event(&mpenc::Event::MemberExpired {
        member: member("carol"),
        since: mpenc::session::Instant::new(Duration::ZERO),
    });
    model.now = Duration::from_secs(70);
    assert!(shown(&model, 90, 24).contains("│   expired 10 s ago"));
    let fault = mpenc::session::HistoryFault::Unknown {
        theirs: mpenc_order::PacketId::from_bytes([1; 32]),
        ours: mpenc_order::PacketId::from_bytes([2; 32]),
    };
    model.event(&mpenc::Event::OrderMismatch { member: member("dan"), fault });
    insta::assert_snapshot!(shown(&model, 90, 24));
    let (include, exclude, remain) = (vec![], vec![member("dan")], vec![member("ann")]);
    let id = mpenc_order::PacketId::from_bytes([3; 32]);
    let (operation, author) = (mpenc_greet::Operation::Exclude, member("ann"));
    model.event(&mpenc::Event::Members { id, remain, include, exclude, operation, author });
    assert!(!shown(&model, 90, 24).contains("history differs"), "he is no member any more");
}

/// Whoever tells two stories is named as such; their messages from there on may not be what others
/// have, and all others are as they were.
#[test]
fn messages_of_whoever_told_two_stories_may_not_be_what_others_have() {
    let mut model = model();
    let author = MemberId::new(Dialect::DOCUMENT, "carol").unwrap();
    model.push(message(5, "carol", "and more", Standing::Acked));
    model.forked(&author, &id(3));
    let screen = shown(&model, 90, 24);
    for line in ["≠ [3] carol", "≠ [5] carol", "✓ [2] bob", "history differs: carol told two"]
    {
        assert!(screen.contains(line), "{line} is not in {screen}");
    }
    assert_eq!(screen.matches("history differs: carol").count(), 3, "{screen}");
    assert_eq!(model.summary().0, Level::Alarm);
    let (include, exclude, remain) = (vec![], vec![author.clone()], vec![]);
    let id = mpenc_order::PacketId::from_bytes([3; 32]);
    let operation = mpenc_greet::Operation::Exclude;
    model.event(&mpenc::Event::Members { id, remain, include, exclude, operation, author });
    assert_eq!(model.summary().0, Level::Warning, "they are no member any more");
    assert!(shown(&model, 90, 24).contains("≠ [3] carol"), "what they wrote stays in doubt");
}

/// `NO_COLOR`: what colours say is said by signs and words, too.
#[test]
fn without_colours_there_are_none() {
    let mut model = model();
    model.event(&mpenc::Event::MemberExpired {
        member: MemberId::new(Dialect::DOCUMENT, "carol").unwrap(),
        since: mpenc::session::Instant::new(Duration::ZERO),
    });
    let coloured = |colours| {
        let mut terminal = Terminal::new(TestBackend::new(90, 24)).unwrap();
        terminal.draw(|frame| _ = draw(frame, &model, Theme::new(colours))).unwrap();
        let cells = terminal.backend().buffer().content().to_vec();
        cells.iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert_eq!(coloured(false), 0);
    assert!(coloured(true) > 0);
}

#[test]
fn names_that_do_not_fit_are_counted() {
    let names = strings(&["ann", "bob", "carol lee", "dan"]);
    let within = |columns| super::model::names_within(&names, columns);
    assert_eq!(within(26), "ann, bob, \"carol lee\", dan");
    assert_eq!(within(25), "ann, bob and 2 more");
    assert_eq!(within(18), "ann and 3 more");
    assert_eq!(within(0), "ann and 3 more");
    assert_eq!(super::model::names_within(&names[..1], 0), "ann");
}

#[test]
fn an_overdue_message_that_all_have_acked_is_nothing_to_tell() {
    let mut model = model();
    model.event(&mpenc::Event::FullyAcked(id(4)));
    model.event(&mpenc::Event::FullyAcked(id(3)));
    model.seen.unacked.clear();
    model.seen.waiting.clear();
    assert_eq!(model.summary(), (Level::Note, "everything acked".to_owned()));
}

#[test]
fn while_a_change_runs_the_input_says_to_whom_a_text_goes() {
    let mut model = model();
    model.seen.running = Some(Running {
        contributed: strings(&["ann", "bob", "carol"]),
        confirmed: strings(&["ann"]),
        awaited: strings(&["bob", "carol"]),
    });
    for (width, height) in [(90, 24), (60, 15)] {
        let screen = shown(&model, width, height);
        assert!(screen.contains(" to bob, carol, as long as the change runs ─"), "{screen}");
    }
    let screen = shown(&model, 90, 24);
    let bar = "* ██████░░░░ all contributed, ann confirmed (1 of 3);";
    assert!(screen.contains(bar), "{screen}");
    model.seen.running = Some(Running { awaited: strings(&["ann"]), ..Running::default() });
    assert!(shown(&model, 90, 24).contains("* ░░░░░░░░░░ awaiting ann"));
    model.seen.running = None;
    assert!(!shown(&model, 90, 24).contains('░'), "it is done");
}

fn type_in(model: &mut Model, text: &str) {
    for c in text.chars() {
        assert_eq!(press(model, KeyCode::Char(c).into(), 10), Outcome::Draw);
    }
}

fn control(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

#[test]
fn what_is_typed_is_entered_and_nothing_of_it_gets_lost() {
    let mut model = model();
    type_in(&mut model, "one");
    model.push(message(5, "bob", "in between", Standing::Open));
    press(&mut model, KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT), 10);
    type_in(&mut model, "two");
    let entered = press(&mut model, KeyCode::Enter.into(), 10);
    assert_eq!(entered, Outcome::Entered("one\ntwo".to_owned()));
    type_in(&mut model, "three");
    assert_eq!(press(&mut model, control('c'), 10), Outcome::Draw);
    assert_eq!(press(&mut model, control('c'), 10), Outcome::Leave);
}

#[test]
fn tab_completes_and_offers() {
    let mut model = model();
    type_in(&mut model, "/exc");
    press(&mut model, KeyCode::Tab.into(), 10);
    type_in(&mut model, "c");
    press(&mut model, KeyCode::Tab.into(), 10);
    assert_eq!(model.editor.text(), "/exclude carol ");
    model.seen.room.push("dave".into());
    type_in(&mut model, "da");
    press(&mut model, KeyCode::Tab.into(), 10);
    assert_eq!(model.offers, ["dan ", "dave "]);
    type_in(&mut model, "v");
    assert!(model.offers.is_empty());
}

#[test]
fn a_search_goes_upwards_and_says_when_there_is_nothing() {
    let mut model = model();
    press(&mut model, control('f'), 10);
    type_in(&mut model, "BISCUITS");
    press(&mut model, KeyCode::Enter.into(), 10);
    assert_eq!(model.selected().unwrap().1.number, 3);
    press(&mut model, KeyCode::Enter.into(), 10);
    assert!(model.search.as_ref().unwrap().nothing);
    assert_eq!(model.selected().unwrap().1.number, 3);
    press(&mut model, KeyCode::Esc.into(), 10);
    assert!(model.search.is_none() && model.selected().is_none());
    assert!(model.editor.is_empty(), "what is looked for is not sent");
}

/// Whatever is typed and resized, drawing is possible, and names and texts command nothing.
#[test]
fn nothing_that_others_write_commands_the_terminal() {
    let mut model = model();
    model.push(message(5, "e\u{202e}ve", "\u{1b}[2J \u{7}漢字 \u{200f}x\n\n", Standing::Open));
    for (width, height) in [(1, 1), (5, 3), (20, 8), (72, 12), (200, 60)] {
        let screen = shown(&model, width, height);
        assert!(!screen.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{200f}']), "{screen}");
    }
}

/// The help takes the place of the conversation, from its beginning; all of it can be read in a small
/// window, and what is typed meanwhile is not lost.
#[test]
fn help_is_read_from_its_beginning() {
    let mut model = model();
    model.scroll = 3;
    model.open_help();
    insta::assert_snapshot!(shown(&model, 90, 24));
    insta::assert_snapshot!(shown(&model, 60, 15));
    let mut terminal = Terminal::new(TestBackend::new(60, 15)).unwrap();
    let mut read = String::new();
    let mut above = None;
    while above != model.help {
        above = model.help;
        let mut scroll = 0;
        terminal.draw(|frame| scroll = draw(frame, &model, Theme::new(true))).unwrap();
        model.drawn(scroll);
        let page = terminal.backend().to_string();
        assert!(!page.contains("who is for tea?"), "{page}");
        read.push_str(&page);
        press(&mut model, KeyCode::PageDown.into(), 7);
    }
    for command in crate::chat::COMMANDS {
        assert!(command == "/help" || read.contains(command), "{command} is not in {read}");
    }
    for key in ["Ctrl+F searches", "≠", "Ctrl+C removes", "Esc: back"] {
        assert!(read.contains(key), "{key} is not in {read}");
    }
    press(&mut model, KeyCode::Up.into(), 7);
    assert!(model.selected().is_none(), "it scrolls the help");
    type_in(&mut model, "/who");
    press(&mut model, KeyCode::Esc.into(), 7);
    assert_eq!((model.help, model.editor.text()), (None, "/who"));
    assert!(shown(&model, 90, 24).contains("who is for tea?"));
    model.editor.clear();
    press(&mut model, KeyCode::F(1).into(), 7);
    assert_eq!((model.help, model.scroll), (Some(0), 3));
    type_in(&mut model, "hello");
    let entered = press(&mut model, KeyCode::Enter.into(), 7);
    assert_eq!((entered, model.help), (Outcome::Entered("hello".to_owned()), None));
}

/// What one reads stays where it is while messages come, and the newest is in view otherwise.
#[test]
fn messages_that_come_do_not_move_what_is_read() {
    let mut model = Model::new("tea", "ann");
    for number in 0..50 {
        model.items.push(Item::Notice(Level::Note, format!("number {number}")));
    }
    let mut terminal = Terminal::new(TestBackend::new(60, 15)).unwrap();
    let mut picture = |model: &mut Model| {
        let mut scroll = 0;
        terminal.draw(|frame| scroll = draw(frame, model, Theme::new(true))).unwrap();
        model.drawn(scroll);
        terminal.backend().to_string()
    };
    let top = |picture: &str| picture.lines().nth(1).unwrap().to_owned();
    assert!(picture(&mut model).contains("number 49 "));
    press(&mut model, KeyCode::PageUp.into(), 7);
    let read = top(&picture(&mut model));
    assert!(read.contains("* number 32 "), "{read}");
    let long = "a text that is too long for one line, as are texts of people who talk a lot";
    model.push(message(1, "bob", long, Standing::Open));
    let after = picture(&mut model);
    assert_eq!(top(&after), read);
    assert!(after.contains("↓9 more"), "{after}");
    // The help is shown in between.
    model.open_help();
    picture(&mut model);
    model.push(message(2, "bob", "more", Standing::Open));
    picture(&mut model);
    press(&mut model, KeyCode::Esc.into(), 7);
    assert_eq!(top(&picture(&mut model)), read);
    for _ in 0..2 {
        press(&mut model, KeyCode::PageDown.into(), 7);
    }
    assert!(picture(&mut model).contains("[2] bob: more"));
    model.push(message(3, "bob", "the newest", Standing::Open));
    assert!(picture(&mut model).contains("[3] bob: the newest"));
}

#[test]
fn long_conversations_scroll_to_their_beginning_and_no_further() {
    let mut model = Model::new("tea", "ann");
    for number in 0..200 {
        model.items.push(Item::Notice(Level::Note, format!("number {number}")));
    }
    model.scroll = 10_000;
    let mut terminal = Terminal::new(TestBackend::new(60, 15)).unwrap();
    let mut scroll = 0;
    terminal.draw(|frame| scroll = draw(frame, &model, Theme::new(true))).unwrap();
    assert_eq!(scroll, 200 - 11);
    assert!(terminal.backend().to_string().contains("number 0 "));
}
