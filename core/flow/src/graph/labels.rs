//! Words in the drawing: what a node does, what begins the flow.

use super::{Drawn, Shape};
use crate::ir::{CallMode, Node, NodeKind, Routing, StateAction, Trigger, TriggerKind};

/// A longer label makes a drawing unreadable.
const MAX_LABEL: usize = 80;

pub fn drawn(node: &Node<'_>) -> Drawn {
    let waits = matches!(node.routing, Routing::Arms { waits: true, .. });
    let shape = match &node.kind {
        NodeKind::Wait { .. } | NodeKind::Questions(_) => Shape::Waiting,
        _ if waits => Shape::Waiting,
        NodeKind::Branch => Shape::Choice,
        NodeKind::Call { .. } => Shape::Call,
        _ => Shape::Plain,
    };
    Drawn { id: node.id.as_str().to_owned(), what: what(&node.kind), shape }
}

fn what(kind: &NodeKind<'_>) -> String {
    let word = match kind {
        NodeKind::Reply(_) => "reply",
        NodeKind::Template { .. } => "template",
        NodeKind::Branch => "branch",
        NodeKind::State { action, key, .. } => {
            let action = match action {
                StateAction::Get => "get",
                StateAction::Set => "set",
                StateAction::Delete => "delete",
            };
            return format!("{action} state.{}", key.as_str());
        }
        NodeKind::Wait { .. } => "wait",
        NodeKind::Component { component, operation, .. } => {
            let dot = if operation.is_empty() { "" } else { "." };
            return format!("{}{dot}{}", component.as_str(), operation.as_str());
        }
        NodeKind::Script { .. } => "script",
        NodeKind::Http(_) => "http",
        NodeKind::Llm(_) => "llm",
        NodeKind::Event { .. } => "event",
        NodeKind::Card { .. } => "adaptive-card",
        NodeKind::Search { .. } => "fast2flow",
        NodeKind::Call { flow, mode, .. } => {
            let verb = match mode {
                CallMode::Return => "call",
                CallMode::Goto => "go to",
                CallMode::After => "afterwards",
            };
            return format!("{verb} {}", flow.as_str());
        }
        NodeKind::Emit { .. } => "emit.response",
        NodeKind::Log { .. } => "log",
        NodeKind::Config { .. } => "config",
        NodeKind::Error { .. } => "error",
        NodeKind::Questions(_) => "questions",
        NodeKind::Variable { name, .. } => return format!("set flow.{}", name.as_str()),
    };
    word.to_owned()
}

pub fn trigger(trigger: &Trigger<'_>, pattern: Option<&str>) -> String {
    let word = match trigger.kind {
        TriggerKind::Message => "message",
        TriggerKind::CallbackQuery => "callback_query",
        TriggerKind::Default => "default",
        TriggerKind::Event => "event",
        TriggerKind::Timer => "timer",
        TriggerKind::BlockAction => "block_action",
        TriggerKind::SlashCommand => "slash_command",
        TriggerKind::Setup => "setup",
    };
    let name = trigger.name.iter().map(|name| name.as_str().to_owned());
    let zone = trigger.timezone.iter().map(|zone| zone.as_str().to_owned());
    let pattern = pattern.iter().map(|pattern| format!("/{pattern}/"));
    std::iter::once(word.to_owned()).chain(name).chain(zone).chain(pattern).collect::<Vec<_>>().join(" ")
}

/// One line of bounded length.
pub fn line(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(MAX_LABEL) {
        words.truncate(end);
        words.push('…');
    }
    words
}
