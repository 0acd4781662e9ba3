//! `flow run`: a chat with an app at the terminal, without a server and without a network.

use super::app;
use super::paint::{Paint, harmless};
use crate::chat::shown::{self, Control};
use crate::chat::{Act, Chat, Outside, Speaker, duration};
use crate::output;
use clap::Args;
use greentic_flow::engine::{
    Ending, Failure, FailureKind, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse, LogLevel, LogLine,
};
use greentic_types::Value;
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const ERROR_MESSAGE: &str = "Sorry, something went wrong. Please try again.";

const HELP: &str = "1 or /press 1 works a button, /wait 1h lets time pass, /event TYPE {…} lets an event happen, \
                    /state shows the session, /quit ends";

#[derive(Args)]
pub struct Run {
    /// A flow (.ygtc) or a pack directory
    path: PathBuf,
    /// The flow to begin in, where the pack has several
    #[arg(long)]
    flow: Option<String>,
    /// Say this and end; may be given several times, and takes what a line of the chat takes
    #[arg(long, value_name = "TEXT")]
    say: Vec<String>,
    /// One JSON object for each turn, for machines
    #[arg(long)]
    json: bool,
    /// The user's language
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    /// The user's id
    #[arg(long, default_value = "user")]
    user: String,
}

impl Run {
    pub fn run(&self) -> anyhow::Result<()> {
        let (app, begin) = app::load(&self.path, self.flow.as_deref())?;
        let mut seed = [0_u8; 8];
        getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let speaker = Speaker { user: self.user.clone(), locale: self.locale.clone() };
        let chat = Chat {
            app: &app,
            begin,
            config: &app.config,
            outside: Unavailable,
            speaker,
            record: None,
            now_ms: now_ms(),
            seed: u64::from_le_bytes(seed),
            error_message: ERROR_MESSAGE,
            turns: 0,
        };
        let mut talk = Talk { chat, paint: Paint::of_stdout(), json: self.json, controls: Vec::new() };
        if !self.say.is_empty() {
            for line in &self.say {
                talk.echo(line);
                talk.line(line);
            }
            return Ok(());
        }
        let typed = std::io::stdin().is_terminal();
        if typed {
            output::note(HELP);
        }
        talk.read(typed)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

struct Talk<'a> {
    chat: Chat<'a, Unavailable>,
    paint: Paint,
    json: bool,
    /// What can be pressed now.
    controls: Vec<Control>,
}

impl Talk<'_> {
    /// Until the input ends or somebody quits.
    fn read(&mut self, typed: bool) -> anyhow::Result<()> {
        let mut lines = std::io::stdin().lock().lines();
        loop {
            if typed && !self.json {
                output::prompt(&self.paint.bold("you> "))?;
            }
            let Some(line) = lines.next().transpose()? else { return Ok(()) };
            if line.trim() == "/quit" {
                return Ok(());
            }
            if !typed {
                self.echo(&line);
            }
            self.line(&line);
        }
    }

    /// What a terminal shows of its own accord.
    fn echo(&self, line: &str) {
        if !self.json {
            output::line(&format!("{} {}", self.paint.bold("you>"), harmless(line)));
        }
    }

    fn line(&mut self, line: &str) {
        match self.meant(line) {
            Ok(Meant::Act(act)) => {
                let ending = self.chat.act(&act);
                self.controls = shown::controls(&ending.replies);
                self.show(line, &ending);
            }
            Ok(Meant::Wait(ms)) => self.chat.wait(ms),
            Ok(Meant::State) => {
                let state = self.chat.record.as_ref().map(|record| Value::Map(record.state.clone()).to_json());
                output::line(&harmless(&state.unwrap_or_else(|| json!({})).to_string()));
            }
            Ok(Meant::Help) => output::note(HELP),
            Err(problem) => output::note(&problem),
        }
    }

    fn meant(&self, line: &str) -> Result<Meant, String> {
        let line = line.trim();
        if let Some(control) = line.parse::<usize>().ok().and_then(|number| self.numbered(number)) {
            return Ok(Meant::Act(Act::Press(control.value.clone())));
        }
        let Some(command) = line.strip_prefix('/').filter(|rest| !rest.is_empty()) else {
            return Ok(Meant::Act(Act::Say(line.to_owned())));
        };
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        match name {
            "press" => self.press(rest).map(Meant::Act),
            "wait" => duration::parse(rest).map(Meant::Wait),
            "state" => Ok(Meant::State),
            "help" => Ok(Meant::Help),
            "event" => {
                let (event_type, payload) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if event_type.is_empty() {
                    return Err("name the event: `/event order.shipped {\"number\": 7}`".to_owned());
                }
                let (event_type, payload) = (event_type.to_owned(), payload.trim().to_owned());
                Ok(Meant::Act(Act::Event { event_type, payload }))
            }
            name => Ok(Meant::Act(Act::Command { name: name.to_owned(), rest: rest.to_owned() })),
        }
    }

    fn numbered(&self, number: usize) -> Option<&Control> {
        self.controls.get(number.checked_sub(1)?)
    }

    /// A control by its number or its label.
    fn press(&self, wanted: &str) -> Result<Act, String> {
        let by_number = wanted.parse().ok().and_then(|number| self.numbered(number));
        let found = by_number.or_else(|| self.controls.iter().find(|control| control.label == wanted));
        match (found, self.controls.as_slice()) {
            (Some(control), _) => Ok(Act::Press(control.value.clone())),
            (None, []) => Err("there is nothing to press".to_owned()),
            (None, controls) => {
                let labels: Vec<String> = (1..).zip(controls).map(|(n, one)| format!("[{n}] {}", one.label)).collect();
                Err(harmless(&format!("there is no `{wanted}` to press, only {}", labels.join("  "))))
            }
        }
    }

    fn show(&self, line: &str, ending: &Ending) {
        if self.json {
            output::line(&json_of(line, ending, self.chat.waits()).to_string());
            return;
        }
        let mut number = 1;
        for reply in &ending.replies {
            let mut before = self.paint.bold("bot>");
            for line in shown::lines(reply, number) {
                output::line(format!("{before} {}", harmless(&line)).trim_end());
                "    ".clone_into(&mut before);
            }
            number += shown::controls(std::slice::from_ref(reply)).len();
        }
        let aside = |text: String| output::line(&self.paint.dim(&format!("   . {}", harmless(&text))));
        ending.events.iter().map(shown::event).for_each(aside);
        ending.logs.iter().map(log).for_each(aside);
        ending.notes.iter().cloned().for_each(aside);
        if let Some(error) = &ending.error {
            output::line(&self.paint.red(&format!("   ! {}", harmless(&error.to_string()))));
        }
    }
}

enum Meant {
    Act(Act),
    Wait(u64),
    State,
    Help,
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

fn log(line: &LogLine) -> String {
    let fields = if line.fields == Value::Null { String::new() } else { format!(" {}", line.fields.to_json()) };
    format!("{}: {}{fields}", level(line.level), line.message)
}

fn json_of(line: &str, ending: &Ending, waits: bool) -> serde_json::Value {
    let events = ending.events.iter().map(|event| json!({ "type": event.event_type, "payload": event.payload }));
    let logs = ending.logs.iter().map(
        |line| json!({ "level": level(line.level), "node": line.node, "message": line.message, "fields": line.fields }),
    );
    let error = ending.error.as_ref().map(|error| {
        let (code, line) = (error.kind.code(), error.line);
        json!({ "code": code, "flow": error.flow, "node": error.node, "line": line, "detail": error.detail })
    });
    json!({
        "input": line,
        "replies": ending.replies,
        "events": events.collect::<Vec<_>>(),
        "logs": logs.collect::<Vec<_>>(),
        "notes": ending.notes,
        "error": error,
        "waits": waits,
    })
}

/// Nothing beside the flows is there. The flow is told, so that its `on_error` can be tried.
struct Unavailable;

const WAY_OUT: &str = "is not available in `flow run`: use `flow test` with fakes";

impl Outside for Unavailable {
    fn invoke(&mut self, component: &str, _: &str, _: &str) -> Result<Option<String>, Failure> {
        Err(Failure { kind: FailureKind::Failed, message: format!("the component `{component}` {WAY_OUT}") })
    }

    fn http(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let detail = format!("{} {} {WAY_OUT}", request.method, request.url);
        Err(HttpFailure { kind: HttpFailureKind::Refused, detail })
    }

    fn text(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}
