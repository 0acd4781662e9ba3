//! Whole conversations: each `flows/NAME.ygtc` is compiled and talked to as `flows/NAME.txt` says.
//!
//! Lines of a transcript: `> text` a message, `>! value` a button pressed, `< text` the next reply's text (`\n` for a
//! line), `[label=value, …]` its buttons row by row, `{json}` its platform members, `! code` the turn fails so, `~ text`
//! a note holds this, `+ ms` time passes, `@ version` the pack is replaced, `: component.operation = answer` and
//! `:! component.operation = message` what a component will answer. `components: a b` comes first.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

mod support;

use greentic_flow::engine::{Ending, Failure, FailureKind};
use std::collections::VecDeque;
use support::World;

fn run(name: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows");
    let read = |ext: &str| std::fs::read_to_string(folder.join(format!("{name}.{ext}"))).unwrap();
    let transcript = read("txt");
    let components: Vec<&str> = transcript
        .lines()
        .find_map(|line| line.strip_prefix("components:"))
        .map(|line| line.split_whitespace().collect())
        .unwrap_or_default();
    let mut talk = Talk { world: World::of(&read("ygtc"), &components), ..Talk::new(name) };
    for (number, line) in (1..).zip(transcript.lines()) {
        talk.line = number;
        talk.play(line);
    }
    talk.nothing_left();
}

struct Talk {
    name: String,
    line: usize,
    world: World,
    ending: Ending,
    replies: VecDeque<greentic_types::Reply>,
    shown: Option<greentic_types::Reply>,
}

impl Talk {
    fn new(name: &str) -> Self {
        let empty = greentic_flow::Compiled {
            name: String::new(),
            head: Vec::new(),
            nodes: Vec::new(),
            components: Vec::new(),
            warnings: Vec::new(),
        };
        Talk {
            name: name.to_owned(),
            line: 0,
            world: World::new(empty),
            ending: Ending::default(),
            replies: VecDeque::new(),
            shown: None,
        }
    }

    fn place(&self) -> String {
        format!("{}.txt:{}", self.name, self.line)
    }

    fn nothing_left(&mut self) {
        assert!(self.replies.is_empty(), "{}: not said in the transcript: {:?}", self.place(), self.replies);
        assert_eq!(self.ending.error, None, "{}", self.place());
    }

    fn turn(&mut self, ending: Ending) {
        self.replies = ending.replies.clone().into();
        self.ending = ending;
        self.shown = None;
    }

    fn play(&mut self, line: &str) {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match sign {
            ">" => {
                self.nothing_left();
                let ending = self.world.say(rest);
                self.turn(ending);
            }
            ">!" => {
                self.nothing_left();
                let ending = self.world.press(rest);
                self.turn(ending);
            }
            "<" => {
                self.shown = self.replies.pop_front();
                let shown = self.shown.as_ref().map(|reply| reply.text.replace('\n', "\\n"));
                assert_eq!(shown.as_deref(), Some(rest), "{} {:?}", self.place(), self.ending);
            }
            "!" => {
                let error = self.ending.error.take().unwrap_or_else(|| panic!("{}: no error", self.place()));
                assert_eq!(error.kind.code(), rest, "{}: {error}", self.place());
            }
            "~" => {
                assert!(
                    self.ending.notes.iter().any(|note| note.contains(rest)),
                    "{}: {:?}",
                    self.place(),
                    self.ending
                );
            }
            "+" => self.world.now_ms += rest.parse::<u64>().unwrap(),
            "@" => self.world.pack_version = rest.to_owned(),
            ":" | ":!" => {
                let (component, answer) = rest.split_once(" = ").unwrap();
                let failure = Failure { kind: FailureKind::Failed, message: answer.to_owned() };
                let result = if sign == ":" { Ok(Some(answer.to_owned())) } else { Err(failure) };
                self.world.components.insert(component.to_owned(), result);
            }
            "" | "#" | "components:" => {}
            _ if line.starts_with('[') => {
                let rows = self.shown.iter().flat_map(|reply| &reply.buttons);
                let rows = rows.map(|row| {
                    let buttons = row.iter().map(|b| format!("{}={}", b.label, b.url.as_ref().unwrap_or(&b.value)));
                    format!("[{}]", buttons.collect::<Vec<_>>().join(", "))
                });
                assert_eq!(rows.collect::<Vec<_>>().join(" "), line, "{}", self.place());
            }
            _ if line.starts_with('{') => {
                let members = self.shown.as_ref().and_then(|reply| reply.passthrough.as_deref());
                assert_eq!(members, Some(line), "{}", self.place());
            }
            _ => panic!("{}: what does this mean?", self.place()),
        }
    }
}

#[test]
fn greeting() {
    run("greeting");
}

#[test]
fn order() {
    run("order");
}

#[test]
fn waiting() {
    run("waiting");
}

#[test]
fn components() {
    run("components");
}

/// A flow or a transcript without its test would be dead weight.
#[test]
fn every_flow_is_talked_to() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected =
        ["components", "greeting", "order", "waiting"].map(|name| [format!("{name}.txt"), format!("{name}.ygtc")]);
    assert_eq!(names, expected.concat().iter().map(std::ffi::OsString::from).collect::<Vec<_>>());
}
