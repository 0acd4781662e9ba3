//! Whole conversations: each `flows/NAME.ygtc` is compiled and talked to as `flows/NAME.txt` says.
//!
//! What comes first, a line each: `components: a b`, `flows: a b` (further flows of the pack, by their files' names),
//! `config: {json}`, `secret: name = value`, `text: locale/key = text`. All files of `flows/assets` are the pack's.
//!
//! What is said: `> text` a message, `>@ de text` one in that language, `>/ command text` a command, `>! value` a button
//! pressed, `>= id value` the control of that id, `>* type text` an event (or `timer`, or `setup`).
//!
//! What is to come: `< text` the next reply's text (`\n` for a line), `[label=value, …]` its buttons row by row, `{json}` its
//! platform members, `card {json}` its card, `file kind reference` its attachment, `typing`; `^ type {json}` the next
//! event, `? METHOD url body` the next request, `! code` the turn fails so, `~ text` a line for the operator holds this.
//!
//! What the world does: `+ ms` time passes, `@ version` the pack is replaced, `: component.operation = answer` and
//! `:! component.operation = message` what a component will answer, `:x component.operation = message` that it is stopped,
//! `% status body` and `%! timeout|unreachable|refused` what the network answers next.

use super::heard::Heard;
use super::{World, message};
use greentic_flow::engine::{Failure, FailureKind, HttpFailure, HttpFailureKind, HttpRequest};
use greentic_flow::{Context, compile, flow_name};
use greentic_types::{Action, Message, MessageKind, Reply, Value};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// Who runs a turn: the engine here, or the component.
pub type Drive<'d> = &'d mut dyn FnMut(&mut World, &Message) -> Heard;

/// Plays one transcript of a folder to its end.
pub fn run(folder: &Path, name: &str, drive: Drive<'_>) {
    let transcript = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    let world = world(folder, name, &transcript);
    let mut talk = Talk {
        name: name.to_owned(),
        line: 0,
        world,
        drive,
        heard: Heard::default(),
        replies: VecDeque::new(),
        events: VecDeque::new(),
        requests: VecDeque::new(),
        shown: None,
    };
    for (number, line) in (1..).zip(transcript.lines()) {
        talk.line = number;
        talk.play(line);
    }
    talk.nothing_left();
}

/// Values of the lines that begin so.
fn stated<'t>(transcript: &'t str, sign: &'t str) -> impl Iterator<Item = &'t str> {
    transcript.lines().filter_map(move |line| line.strip_prefix(sign)).map(str::trim)
}

fn words<'t>(transcript: &'t str, sign: &'t str) -> Vec<&'t str> {
    stated(transcript, sign).flat_map(str::split_whitespace).collect()
}

fn pairs(transcript: &str, sign: &str) -> BTreeMap<String, String> {
    let pairs = stated(transcript, sign).map(|line| line.split_once(" = ").unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Files of further flows that a transcript needs.
pub fn further_flows(transcript: &str) -> Vec<&str> {
    words(transcript, "flows:")
}

fn world(folder: &Path, name: &str, transcript: &str) -> World {
    let files = std::iter::once(name).chain(further_flows(transcript));
    let texts: Vec<String> =
        files.map(|file| std::fs::read_to_string(folder.join(format!("{file}.ygtc"))).unwrap()).collect();
    let names: Vec<String> = texts.iter().map(|text| flow_name(text).unwrap()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let components = words(transcript, "components:");
    let assets = assets(folder);
    let assets: BTreeMap<&str, &[u8]> = assets.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let context =
        Context { components: Some(&components), flows: Some(&names), assets: Some(&assets), ..Context::default() };
    let compiled = texts.iter().map(|text| compile(text, &context).unwrap_or_else(|findings| panic!("{findings:#?}")));
    let mut world = World::new(compiled.collect());
    if let Some(config) = stated(transcript, "config:").next() {
        world.config = Value::from_json(&serde_json::from_str(config).unwrap());
    }
    world.secrets = pairs(transcript, "secret:");
    world.texts = pairs(transcript, "text:");
    world
}

fn assets(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder.join("assets")).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()));
    named.collect()
}

struct Talk<'d> {
    name: String,
    line: usize,
    world: World,
    drive: Drive<'d>,
    heard: Heard,
    /// What was heard and not yet told in the transcript.
    replies: VecDeque<Reply>,
    events: VecDeque<(String, serde_json::Value)>,
    requests: VecDeque<HttpRequest>,
    shown: Option<Reply>,
}

impl Talk<'_> {
    fn place(&self) -> String {
        format!("{}.txt:{}", self.name, self.line)
    }

    /// Requests may be left unsaid: not every transcript is about them.
    fn nothing_left(&self) {
        assert!(self.replies.is_empty(), "{}: not said in the transcript: {:?}", self.place(), self.replies);
        assert!(self.events.is_empty(), "{}: not told in the transcript: {:?}", self.place(), self.events);
        assert_eq!(self.heard.failed, None, "{}: {}", self.place(), self.heard.operator);
    }

    fn turn(&mut self, message: &Message) {
        let made = self.world.requests.len();
        self.heard = (self.drive)(&mut self.world, message);
        assert!(self.world.network.is_empty(), "{}: never asked for: {:?}", self.place(), self.world.network);
        self.replies = self.heard.replies.clone().into();
        self.events = self.heard.events.clone().into();
        self.requests = self.world.requests.iter().skip(made).cloned().collect();
        self.shown = None;
    }

    fn play(&mut self, line: &str) {
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        if sign.starts_with('>') {
            self.nothing_left();
            return self.turn(&said(sign, rest));
        }
        match sign {
            "+" => self.world.now_ms += rest.parse::<u64>().unwrap(),
            "@" => self.world.pack_version = rest.to_owned(),
            ":" | ":!" | ":x" => self.component(sign, rest),
            "%" | "%!" => self.network(sign, rest),
            "" | "#" | "components:" | "flows:" | "config:" | "secret:" | "text:" => {}
            _ => self.expect(sign, rest, line),
        }
    }

    fn component(&mut self, sign: &str, rest: &str) {
        let (component, answer) = rest.split_once(" = ").unwrap();
        let failure = |kind| Err(Failure { kind, message: answer.to_owned() });
        let result = match sign {
            ":" => Ok(Some(answer.to_owned())),
            ":!" => failure(FailureKind::Failed),
            _ => failure(FailureKind::Stopped),
        };
        self.world.components.insert(component.to_owned(), result);
    }

    /// The words of a failure are those that the edge component has for it.
    fn network(&mut self, sign: &str, rest: &str) {
        if sign == "%" {
            let (status, body) = rest.split_once(' ').unwrap_or((rest, ""));
            return self.world.answers(status.parse().unwrap(), body);
        }
        let (kind, detail) = match rest {
            "timeout" => (HttpFailureKind::Timeout, "no complete answer within the time limit"),
            "unreachable" => (HttpFailureKind::Unreachable, "the call failed: ErrorCode::ConnectionRefused"),
            "refused" => (HttpFailureKind::Refused, "the host refused the call: ErrorCode::HttpRequestDenied"),
            other => panic!("{}: the network can't do {other}", self.place()),
        };
        self.world.network.push_back(Err(HttpFailure { kind, detail: detail.to_owned() }));
    }

    fn expect(&mut self, sign: &str, rest: &str, line: &str) {
        let place = self.place();
        match sign {
            "<" => {
                self.shown = self.replies.pop_front();
                let shown = self.shown.as_ref().map(|reply| reply.text.replace('\n', "\\n"));
                assert_eq!(shown.as_deref(), Some(rest), "{place} {:?}", self.heard);
            }
            "!" => {
                let failed = self.heard.failed.take();
                assert_eq!(failed, Some(rest), "{place}: {}", self.heard.operator);
            }
            "~" => {
                let told = self.heard.operator.lines().any(|line| line.contains(rest));
                assert!(told, "{place}: {:?}", self.heard);
            }
            "^" => {
                let (event_type, payload) = rest.split_once(' ').unwrap();
                let payload = serde_json::from_str(payload).unwrap();
                assert_eq!(self.events.pop_front(), Some((event_type.to_owned(), payload)), "{place}");
            }
            "?" => self.request(rest),
            "card" => {
                let card = self.shown.as_ref().and_then(|reply| reply.card.as_deref());
                let card: Option<serde_json::Value> = card.map(|card| serde_json::from_str(card).unwrap());
                assert_eq!(card, serde_json::from_str(rest).unwrap(), "{place}");
            }
            "file" => {
                let files = self.shown.iter().flat_map(|reply| &reply.attachments);
                let files: Vec<String> = files.map(|file| format!("{} {}", file.kind, file.reference)).collect();
                assert_eq!(files, [rest], "{place}");
            }
            "typing" => assert!(self.shown.as_ref().is_some_and(|reply| reply.typing), "{place}"),
            _ if line.starts_with('[') => {
                let rows = self.shown.iter().flat_map(|reply| &reply.buttons);
                let rows = rows.map(|row| {
                    let buttons = row.iter().map(|b| format!("{}={}", b.label, b.url.as_ref().unwrap_or(&b.value)));
                    format!("[{}]", buttons.collect::<Vec<_>>().join(", "))
                });
                assert_eq!(rows.collect::<Vec<_>>().join(" "), line, "{place}");
            }
            _ if line.starts_with('{') => {
                let members = self.shown.as_ref().and_then(|reply| reply.passthrough.as_deref());
                assert_eq!(members, Some(line), "{place}");
            }
            _ => panic!("{place}: what does this mean?"),
        }
    }

    fn request(&mut self, expected: &str) {
        let request = self.requests.pop_front().unwrap_or_else(|| panic!("{}: no request", self.place()));
        let body = String::from_utf8(request.body.unwrap_or_default()).unwrap();
        let made = format!("{} {} {body}", request.method, request.url);
        assert_eq!(made.trim_end(), expected, "{}", self.place());
    }
}

fn said(sign: &str, rest: &str) -> Message {
    let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
    let pressed = |id: &str, value: &str| Message {
        kind: MessageKind::Interaction,
        action: Some(Action { id: id.to_owned(), value: value.to_owned() }),
        ..message("")
    };
    match sign {
        ">" => message(rest),
        ">@" => Message { locale: Some(first.to_owned()), ..message(others) },
        ">/" => Message { kind: MessageKind::Command, command: Some(format!("/{first}")), ..message(others) },
        ">!" => pressed("press-1", rest),
        ">=" => pressed(first, others),
        ">*" => Message { kind: MessageKind::Event, command: Some(first.to_owned()), ..message(others) },
        _ => panic!("{sign}: who says this?"),
    }
}
