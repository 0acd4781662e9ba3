//! Triggers: which message begins a flow, and where.

use super::{Loader, Placed};
use crate::finding::Finding;
use crate::ir::{Trigger, TriggerKind};
use crate::yaml::Node;
use greentic_types::nearest;

/// Kinds of the language (spec/flow.md) that this version does not have yet.
const LATER: [&str; 5] = ["event", "timer", "block_action", "slash_command", "setup"];

const KEYS: &[&str] = &["type", "target"];
const MESSAGE_KEYS: &[&str] = &["type", "target", "pattern"];

/// In the order they are tried: as in the file, `default` last wherever it stands.
pub fn triggers(list: &Node, loader: &mut Loader<'_>) -> Vec<Placed<Trigger<'static>>> {
    let items = loader.list(list, "`triggers`");
    if items.is_empty() {
        loader.error("shape", list.at, "a flow has at least one trigger, or it would never run");
    }
    let mut triggers: Vec<_> = items.iter().filter_map(|item| trigger(item, loader)).collect();
    // Where a trigger is missing, nothing can be said of what is reached.
    loader.graph_complete &= !items.is_empty() && triggers.len() == items.len();
    triggers.sort_by_key(|trigger| trigger.item.kind == TriggerKind::Default);
    triggers
}

fn trigger(item: &Node, loader: &mut Loader<'_>) -> Option<Placed<Trigger<'static>>> {
    let fields = loader.open_fields(item, "a trigger")?;
    let named = loader.required(&fields, "type")?;
    let (kind, known) = match loader.scalar(named, "a trigger's type")?.text.as_str() {
        "message" => (TriggerKind::Message, MESSAGE_KEYS),
        "callback_query" => (TriggerKind::CallbackQuery, KEYS),
        "default" => (TriggerKind::Default, KEYS),
        later if LATER.contains(&later) => {
            loader.error("not-yet", named.at, format!("the trigger `{later}` is not supported by this version yet"));
            return None;
        }
        unknown => {
            let near = nearest(unknown, ["message", "callback_query", "default"].into_iter().chain(LATER));
            let finding = Finding::error("unknown-type", named.at, format!("there is no trigger `{unknown}`"));
            loader.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
            return None;
        }
    };
    let fields = loader.fields(item, "a trigger of this type", known)?;
    let pattern = fields.get("pattern");
    let wanted = pattern.is_some();
    let pattern = pattern.and_then(|pattern| loader.pattern(pattern));
    let target = loader.required(&fields, "target").and_then(|target| loader.target(target));
    if wanted && pattern.is_none() {
        return None;
    }
    Some(Placed { item: Trigger { kind, pattern, target: target? }, at: item.at })
}
