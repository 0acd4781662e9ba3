//! Triggers of the list dialect: which message begins a flow, and where.

use super::table::{Kind, Rest, Table, key};
use super::{Loader, Placed};
use crate::cron;
use crate::finding::Finding;
use crate::ir::{Text, Trigger, TriggerKind};
use crate::yaml::Node;

const MAX_TRIGGERS: usize = 500;

/// A type of trigger, and what it takes.
pub struct TriggerType {
    pub name: &'static str,
    pub kind: TriggerKind,
    pub table: &'static Table,
}

const ABOUT_TYPE: &str = "What begins the flow.";
const ABOUT_TARGET: &str = "The node it begins at.";
const WHAT: &str = "a trigger of this type";

/// What any trigger has; its type says what else.
pub static ANY: Table =
    Table { what: "a trigger", keys: &[key("type", Kind::Text, ABOUT_TYPE).required()], rest: Rest::Any };

static PLAIN: Table = Table {
    what: WHAT,
    keys: &[key("type", Kind::Text, ABOUT_TYPE).required(), key("target", Kind::Target, ABOUT_TARGET).required()],
    rest: Rest::Refused,
};

static MATCHED: Table = Table {
    what: WHAT,
    keys: &[
        key("type", Kind::Text, ABOUT_TYPE).required(),
        key("target", Kind::Target, ABOUT_TARGET).required(),
        key("pattern", Kind::Pattern, "What has to be found in the text, or in what the control carries."),
    ],
    rest: Rest::Refused,
};

static ACTION: Table = Table {
    what: WHAT,
    keys: &[
        key("type", Kind::Text, ABOUT_TYPE).required(),
        key("target", Kind::Target, ABOUT_TARGET).required(),
        key("pattern", Kind::Pattern, "What has to be found in what the control carries."),
        key("action_id", Kind::Text, "The control's id; any when absent."),
    ],
    rest: Rest::Refused,
};

static EVENT: Table = Table {
    what: WHAT,
    keys: &[
        key("type", Kind::Text, ABOUT_TYPE).required(),
        key("target", Kind::Target, ABOUT_TARGET).required(),
        key("event_type", Kind::Text, "The event's type, as in `order.created`.").required(),
    ],
    rest: Rest::Refused,
};

static TIMER: Table = Table {
    what: WHAT,
    keys: &[
        key("type", Kind::Text, ABOUT_TYPE).required(),
        key("target", Kind::Target, ABOUT_TARGET).required(),
        key("cron", Kind::Text, "When: minute, hour, day, month, weekday; seconds may stand before them.").required(),
        key("timezone", Kind::Text, "As in `Europe/Berlin`; UTC when absent."),
    ],
    rest: Rest::Refused,
};

static COMMAND: Table = Table {
    what: WHAT,
    keys: &[
        key("type", Kind::Text, ABOUT_TYPE).required(),
        key("target", Kind::Target, ABOUT_TARGET).required(),
        key("command", Kind::Text, "The command, with or without `/`.").required(),
    ],
    rest: Rest::Refused,
};

pub static TYPES: &[TriggerType] = &[
    TriggerType { name: "message", kind: TriggerKind::Message, table: &MATCHED },
    TriggerType { name: "default", kind: TriggerKind::Default, table: &PLAIN },
    TriggerType { name: "event", kind: TriggerKind::Event, table: &EVENT },
    TriggerType { name: "timer", kind: TriggerKind::Timer, table: &TIMER },
    TriggerType { name: "callback_query", kind: TriggerKind::CallbackQuery, table: &MATCHED },
    TriggerType { name: "block_action", kind: TriggerKind::BlockAction, table: &ACTION },
    TriggerType { name: "slash_command", kind: TriggerKind::SlashCommand, table: &COMMAND },
    TriggerType { name: "setup", kind: TriggerKind::Setup, table: &PLAIN },
];

/// In the order they are tried: as in the file, `default` last wherever it stands.
pub fn triggers(list: &Node, loader: &mut Loader<'_>) -> Vec<Placed<Trigger<'static>>> {
    let items = loader.list(list, "`triggers`");
    if items.is_empty() {
        loader.error("shape", list.at, "a flow has at least one trigger, or it would never run");
    }
    if items.len() > MAX_TRIGGERS {
        loader.error("too-large", list.at, format!("a flow has at most {MAX_TRIGGERS} triggers"));
        loader.graph_complete = false;
        return Vec::new();
    }
    let mut triggers: Vec<_> = items.iter().filter_map(|item| trigger(item, loader)).collect();
    // Where a trigger is missing, nothing can be said of what is reached.
    loader.graph_complete &= !items.is_empty() && triggers.len() == items.len();
    triggers.sort_by_key(|trigger| trigger.item.kind == TriggerKind::Default);
    triggers
}

fn trigger(item: &Node, loader: &mut Loader<'_>) -> Option<Placed<Trigger<'static>>> {
    let any = loader.fields(item, &ANY)?;
    let named = any.get("type")?;
    let name = loader.scalar(named, "a trigger's type")?.text.as_str();
    let Some(kind) = TYPES.iter().find(|known| known.name == name) else {
        let near = loader.nearest(name, TYPES.iter().map(|known| known.name));
        let finding = Finding::error("unknown-type", named.at, format!("there is no trigger `{name}`"));
        loader.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
        return None;
    };
    let fields = loader.fields(item, kind.table)?;
    let has = |key: &str| kind.table.key(key).is_some();
    let target = fields.get("target").and_then(|target| loader.target(target));
    let mut trigger = Trigger { kind: kind.kind, target: target?, pattern: None, name: None, timezone: None };
    if has("pattern") {
        trigger.pattern = fields.get("pattern").and_then(|pattern| loader.pattern(pattern));
    }
    if let Some(key) = ["action_id", "event_type", "cron", "command"].into_iter().find(|key| has(key)) {
        trigger.name = loader.text(&fields, key).map(|text| Text::from(text.strip_prefix('/').unwrap_or(text)));
    }
    if kind.kind == TriggerKind::Timer {
        trigger.timezone = loader.text(&fields, "timezone").map(Text::from);
        if let Some(node) = fields.get("cron") {
            check_cron(node, loader);
        }
        if let Some(node) = fields.get("timezone") {
            check_timezone(node, loader);
        }
    }
    Some(Placed { item: trigger, at: item.at })
}

fn check_cron(node: &Node, loader: &mut Loader<'_>) {
    let Some(scalar) = loader.scalar(node, "`cron`") else { return };
    if let Err(error) = cron::check(&scalar.text) {
        let at = scalar.position(node.at, error.offset);
        loader.findings.push(Finding::error("bad-cron", at, error.message).maybe_hint(error.hint));
    }
}

fn check_timezone(node: &Node, loader: &mut Loader<'_>) {
    let Some(scalar) = loader.scalar(node, "`timezone`") else { return };
    if let Err(error) = cron::check_timezone(&scalar.text) {
        loader.findings.push(Finding::error("bad-cron", node.at, error.message).maybe_hint(error.hint));
    }
}
