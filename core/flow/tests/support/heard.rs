//! What others see of a turn: the user what was said, the bus what was published, the operator what stands on the standard
//! error. The same, whether the engine ran natively or in the edge component.

use super::World;
use greentic_flow::engine::{Ending, LogLevel, LogLine};
use greentic_types::{Message, Reply, Value};
use std::fmt::Write;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    pub replies: Vec<Reply>,
    /// Type and payload.
    pub events: Vec<(String, serde_json::Value)>,
    /// As the edge component writes it: logs, notes, and why the turn failed.
    pub operator: String,
    /// The code of that failure.
    pub failed: Option<&'static str>,
}

impl World {
    /// A turn, natively.
    pub fn hear(&mut self, message: &Message) -> Heard {
        let ending = self.turn(message);
        let operator = told(&ending);
        Heard {
            replies: ending.replies,
            events: ending.events.into_iter().map(|event| (event.event_type, event.payload.to_json())).collect(),
            operator,
            failed: ending.error.map(|error| error.kind.code()),
        }
    }
}

fn told(ending: &Ending) -> String {
    let logs = ending.logs.iter().map(line);
    let failure = ending.error.iter().map(|error| format!("flow failed: {error}"));
    logs.chain(ending.notes.iter().cloned()).chain(failure).fold(String::new(), |mut all, line| {
        writeln!(all, "{line}").unwrap();
        all
    })
}

fn line(line: &LogLine) -> String {
    let level = match line.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let message = line.message.escape_debug();
    let told = format!("{level}: flow `{}`, node `{}`: {message}", line.flow, line.node);
    if line.fields == Value::Null { told } else { format!("{told} {}", line.fields.to_json()) }
}
