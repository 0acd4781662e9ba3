//! Data as templates and expressions see it: reached by path, borrowed from where it is kept.
//!
//! No map of "everything a node may see" is ever built: [`Data::root`] is asked for the first segment and the rest is
//! walked. A path that leads nowhere is null. Paths are plain text with dots; `items[0].name` is written
//! `items.0.name` by the parser.

use crate::budget::{Budget, RenderError};
use greentic_types::{Action, Attachment, Message, MessageKind, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Where paths begin. An engine's scope, or a test's.
pub trait Data {
    fn root(&self, name: &str) -> Option<Datum<'_>>;

    /// The one clock of the turn, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64 {
        0
    }

    /// What dates, numbers and translated texts are written in.
    fn locale(&self) -> &str {
        "en"
    }

    /// The translated text of that key.
    fn translated(&self, _key: &str) -> Option<&str> {
        None
    }
}

/// Names that begin a path in a running flow (spec/flow.md, "Data a node sees"). An output can't have one of them.
#[cfg(feature = "compile")]
pub const ROOTS: [&str; 17] = [
    "message",
    "user_id",
    "channel_id",
    "session_id",
    "tenant_id",
    "locale",
    "attachments",
    "callback_data",
    "action_id",
    "state",
    "flow",
    "config",
    "entry",
    "in",
    "prev",
    "node",
    "error",
];

/// Names that hold too, unless an output of the flow has the same name: `output: response` is old and common.
#[cfg(feature = "compile")]
pub const YIELDING_ROOTS: [&str; 5] = ["event", "input", "parameters", "response", "vars"];

/// One value, borrowed. The message's parts are their own variants, so that nobody copies them to look at one.
#[derive(Debug, Clone)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(&'a [Value]),
    Map(&'a BTreeMap<String, Value>),
    Message(&'a Message),
    /// `in` and `entry` where data was handed to the flow beside the message: its members come first.
    Entry(&'a Message, &'a BTreeMap<String, Value>),
    Action(&'a Action),
    Attachments(&'a [Attachment]),
    Attachment(&'a Attachment),
}

/// What paths of one template or expression are resolved against: first the block's own item, then outwards, then the
/// data. So `{{name}}` in an `#each` means the item's `name` where it has one.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub data: &'a dyn Data,
    pub locals: Option<&'a Locals<'a>>,
}

/// What a block adds.
pub struct Locals<'a> {
    pub this: Datum<'a>,
    /// Inside `#each`.
    pub turn: Option<Iteration<'a>>,
    pub outer: Option<&'a Locals<'a>>,
}

/// What `#each` knows of its item.
#[derive(Debug, Clone, Copy)]
pub struct Iteration<'a> {
    /// `@index`.
    pub index: usize,
    /// `@last`.
    pub last: bool,
    /// `@key`, over a map.
    pub key: Option<&'a str>,
}

impl<'a> Locals<'a> {
    /// Of a block, or a node's own data, that repeats nothing.
    pub fn of(this: Datum<'a>, outer: Option<&'a Locals<'a>>) -> Self {
        Locals { this, turn: None, outer }
    }
}

impl<'a> View<'a> {
    pub fn of(data: &'a dyn Data) -> Self {
        View { data, locals: None }
    }

    /// `../` steps out of one block; `@root` out of all of them.
    pub fn lookup(&self, path: &str) -> Datum<'a> {
        let (mut view, mut path) = (*self, path);
        while let Some(rest) = path.strip_prefix("../") {
            view.locals = view.locals.and_then(|locals| locals.outer);
            path = rest;
        }
        if let Some(rest) = path.strip_prefix("@root.") {
            (view.locals, path) = (None, rest);
        }
        let mut segments = path.split('.');
        let root = segments.next().unwrap_or_default();
        segments.fold(view.first(root), Datum::member)
    }

    fn first(&self, name: &str) -> Datum<'a> {
        let mut next = self.locals;
        while let Some(locals) = next {
            if name == "this" {
                return locals.this.clone();
            }
            let found = match (name.starts_with('@'), &locals.turn) {
                (true, Some(turn)) => turn.own(name),
                (true, None) => None,
                (false, _) => locals.this.own(name),
            };
            if let Some(found) = found {
                return found;
            }
            next = locals.outer;
        }
        self.data.root(name).unwrap_or(Datum::Null)
    }
}

impl<'a> Iteration<'a> {
    fn own(&self, name: &str) -> Option<Datum<'a>> {
        match name {
            "@index" => i64::try_from(self.index).ok().map(Datum::Int),
            "@first" => Some(Datum::Bool(self.index == 0)),
            "@last" => Some(Datum::Bool(self.last)),
            "@key" => self.key.map(Datum::text),
            _ => None,
        }
    }
}

impl<'a> Datum<'a> {
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Datum::Null,
            Value::Bool(b) => Datum::Bool(*b),
            Value::Int(i) => Datum::Int(*i),
            Value::Float(f) => Datum::Float(*f),
            Value::Text(t) => Datum::Text(Cow::Borrowed(t)),
            Value::List(l) => Datum::List(l),
            Value::Map(m) => Datum::Map(m),
        }
    }

    pub fn text(text: &'a str) -> Self {
        Datum::Text(Cow::Borrowed(text))
    }

    pub fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Datum::Null, Datum::text)
    }

    /// The member of that name, `length` where there is no such member, else null.
    fn member(self, key: &str) -> Datum<'a> {
        match self.own(key) {
            Some(found) => found,
            None if key == "length" => self.length().map_or(Datum::Null, Datum::Int),
            None => Datum::Null,
        }
    }

    fn own(&self, key: &str) -> Option<Datum<'a>> {
        match self {
            Datum::Map(map) => map.get(key).map(Datum::of),
            Datum::List(_) | Datum::Attachments(_) => self.item(key.parse().ok()?),
            Datum::Message(message) => message_member(message, key),
            Datum::Entry(message, given) => given.get(key).map(Datum::of).or_else(|| message_member(message, key)),
            Datum::Action(action) => match key {
                "id" => Some(Datum::text(&action.id)),
                "value" => Some(Datum::text(&action.value)),
                _ => None,
            },
            Datum::Attachment(attachment) => attachment_member(attachment, key),
            Datum::Null | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) | Datum::Text(_) => None,
        }
    }

    /// The item at a place of a list.
    pub fn item(&self, index: usize) -> Option<Datum<'a>> {
        match self {
            Datum::List(list) => list.get(index).map(Datum::of),
            Datum::Attachments(list) => list.get(index).map(Datum::Attachment),
            _ => None,
        }
    }

    fn length(&self) -> Option<i64> {
        let length = match self {
            Datum::Text(text) => text.chars().count(),
            Datum::List(list) => list.len(),
            Datum::Map(map) => map.len(),
            Datum::Attachments(list) => list.len(),
            _ => return None,
        };
        i64::try_from(length).ok()
    }

    /// Handlebars' idea of truth: false, null, zero, and whatever is empty are false.
    pub fn truthy(&self) -> bool {
        match self {
            Datum::Null => false,
            Datum::Bool(b) => *b,
            Datum::Int(i) => *i != 0,
            Datum::Float(f) => *f != 0.0 && !f.is_nan(),
            Datum::Text(text) => !text.is_empty(),
            Datum::List(list) => !list.is_empty(),
            Datum::Map(map) => !map.is_empty(),
            Datum::Attachments(list) => !list.is_empty(),
            Datum::Message(_) | Datum::Entry(..) | Datum::Action(_) | Datum::Attachment(_) => true,
        }
    }

    /// Equal in type and value; whole and broken numbers are one type.
    pub fn equals(&self, other: &Datum<'_>) -> bool {
        match (self, other) {
            (Datum::Null, Datum::Null) => true,
            (Datum::Bool(a), Datum::Bool(b)) => a == b,
            (Datum::Int(a), Datum::Int(b)) => a == b,
            (Datum::Text(a), Datum::Text(b)) => a == b,
            (Datum::List(a), Datum::List(b)) => a == b,
            (Datum::Map(a), Datum::Map(b)) => a == b,
            (Datum::Message(a), Datum::Message(b)) => a == b,
            (Datum::Entry(a, given), Datum::Entry(b, other)) => a == b && given == other,
            (Datum::Action(a), Datum::Action(b)) => a == b,
            (Datum::Attachments(a), Datum::Attachments(b)) => a == b,
            (Datum::Attachment(a), Datum::Attachment(b)) => a == b,
            (a, b) => matches!((a.number(), b.number()), (Some(a), Some(b)) if a == b),
        }
    }

    /// Numbers by size, text by code point; none across types.
    pub fn order(&self, other: &Datum<'_>) -> Option<Ordering> {
        match (self, other) {
            (Datum::Int(a), Datum::Int(b)) => Some(a.cmp(b)),
            (Datum::Text(a), Datum::Text(b)) => Some(a.cmp(b)),
            (a, b) => a.number()?.partial_cmp(&b.number()?),
        }
    }

    /// A text holds a part, a list an equal item, a map a key.
    pub fn contains(&self, needle: &Datum<'_>) -> bool {
        match (self, needle) {
            (Datum::Text(text), Datum::Text(part)) => text.contains(part.as_ref()),
            (Datum::List(list), needle) => list.iter().any(|item| Datum::of(item).equals(needle)),
            (Datum::Map(map), Datum::Text(key)) => map.contains_key(key.as_ref()),
            _ => false,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Datum::Int(i) => Some(*i as f64),
            Datum::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// An owned copy, paid for.
    pub fn to_value(&self, budget: &mut Budget) -> Result<Value, RenderError> {
        Ok(match self {
            Datum::Null => Value::Null,
            Datum::Bool(b) => Value::Bool(*b),
            Datum::Int(i) => Value::Int(*i),
            Datum::Float(f) => Value::Float(*f),
            Datum::Text(text) => {
                budget.take(text.len())?;
                Value::Text(text.clone().into_owned())
            }
            Datum::List(list) => {
                list.iter().try_for_each(|item| budget.take_value(item))?;
                Value::List(list.to_vec())
            }
            Datum::Map(map) => {
                map.values().try_for_each(|item| budget.take_value(item))?;
                Value::Map((*map).clone())
            }
            Datum::Attachments(list) => {
                let items = list.iter().map(|item| Datum::Attachment(item).to_value(budget));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Datum::Message(_) => self.members(MESSAGE_MEMBERS, budget)?,
            Datum::Entry(message, given) => {
                let mut all = Datum::Message(message).to_value(budget)?;
                if let Value::Map(map) = &mut all {
                    given.values().try_for_each(|item| budget.take_value(item))?;
                    map.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                all
            }
            Datum::Action(_) => self.members(&["id", "value"], budget)?,
            Datum::Attachment(_) => self.members(ATTACHMENT_MEMBERS, budget)?,
        })
    }

    fn members(&self, names: &[&str], budget: &mut Budget) -> Result<Value, RenderError> {
        let mut map = BTreeMap::new();
        for name in names {
            if let Some(member) = self.own(name) {
                map.insert((*name).to_owned(), member.to_value(budget)?);
            }
        }
        Ok(Value::Map(map))
    }

    /// Appends it as text: null is nothing, lists and maps are JSON.
    pub fn write(&self, out: &mut String, budget: &mut Budget) -> Result<(), RenderError> {
        match self {
            Datum::Null => Ok(()),
            Datum::Bool(b) => push(out, if *b { "true" } else { "false" }, budget),
            Datum::Int(i) => push(out, &i.to_string(), budget),
            Datum::Float(f) => push(out, &f.to_string(), budget),
            Datum::Text(text) => push(out, text, budget),
            _ => {
                let value = self.to_value(budget)?;
                push(out, &json(&value)?, budget)
            }
        }
    }
}

pub fn push(out: &mut String, text: &str, budget: &mut Budget) -> Result<(), RenderError> {
    budget.take(text.len())?;
    out.push_str(text);
    Ok(())
}

pub fn json(value: &Value) -> Result<String, RenderError> {
    serde_json::to_string(value).map_err(|error| RenderError::Malformed(error.to_string()))
}

/// `entry.*`. What a provider notes for itself (`reply_context`, `acknowledgement`) is not a flow's to see.
const MESSAGE_MEMBERS: &[&str] = &[
    "action",
    "attachments",
    "command",
    "conversation",
    "delivery_id",
    "kind",
    "locale",
    "message_id",
    "text",
    "thread",
    "timestamp",
    "user",
    "user_name",
];

const ATTACHMENT_MEMBERS: &[&str] = &["kind", "mime_type", "name", "reference", "size"];

fn message_member<'a>(message: &'a Message, key: &str) -> Option<Datum<'a>> {
    Some(match key {
        "action" => message.action.as_ref().map_or(Datum::Null, Datum::Action),
        "attachments" => Datum::Attachments(&message.attachments),
        "command" => Datum::optional(message.command.as_deref()),
        "conversation" => Datum::text(&message.conversation),
        "delivery_id" => Datum::text(&message.delivery_id),
        "kind" => Datum::text(kind_name(message.kind)),
        "locale" => Datum::optional(message.locale.as_deref()),
        "message_id" => Datum::optional(message.message_id.as_deref()),
        "text" => Datum::text(&message.text),
        "thread" => Datum::optional(message.thread.as_deref()),
        "timestamp" => integer(message.timestamp),
        "user" => Datum::text(&message.user),
        "user_name" => Datum::optional(message.user_name.as_deref()),
        _ => return None,
    })
}

fn attachment_member<'a>(attachment: &'a Attachment, key: &str) -> Option<Datum<'a>> {
    Some(match key {
        "kind" => Datum::text(&attachment.kind),
        "mime_type" => Datum::optional(attachment.mime_type.as_deref()),
        "name" => Datum::optional(attachment.name.as_deref()),
        "reference" => Datum::text(&attachment.reference),
        "size" => attachment.size.map_or(Datum::Null, integer),
        _ => return None,
    })
}

fn integer(number: u64) -> Datum<'static> {
    i64::try_from(number).map_or(Datum::Float(number as f64), Datum::Int)
}

fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Message => "message",
        MessageKind::Interaction => "interaction",
        MessageKind::Command => "command",
        MessageKind::Edited => "edited",
        MessageKind::Deleted => "deleted",
        MessageKind::Reaction => "reaction",
        MessageKind::Joined => "joined",
        MessageKind::Left => "left",
        MessageKind::Receipt => "receipt",
        MessageKind::Typing => "typing",
        MessageKind::Event => "event",
    }
}

/// A value as data: its members are the roots.
impl Data for Value {
    fn root(&self, name: &str) -> Option<Datum<'_>> {
        self.get(name).map(Datum::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json(&serde_json::from_str(json).unwrap())
    }

    fn shown(json: &str, path: &str) -> String {
        let data = value(json);
        let mut out = String::new();
        View::of(&data).lookup(path).write(&mut out, &mut Budget::default()).unwrap();
        out
    }

    #[test]
    fn paths_reach_members_items_and_lengths() {
        let data = r#"{"a":{"b":[1,{"c":"é!"}],"length":"own"},"f":2.5,"w":3.0}"#;
        for (path, expected) in [
            ("a.b.0", "1"),
            ("a.b.1.c", "é!"),
            ("a.b.1.c.length", "2"),
            ("a.b.length", "2"),
            ("a.length", "own"),
            ("a.b.7", ""),
            ("a.b.c.d", ""),
            ("nowhere.at.all", ""),
            ("", ""),
            ("f", "2.5"),
            ("w", "3"),
            ("a.b", r#"[1,{"c":"é!"}]"#),
        ] {
            assert_eq!(shown(data, path), expected, "{path}");
        }
    }

    #[test]
    fn the_items_own_members_come_before_the_data() {
        let data = value(r#"{"name":"outer","only":"data","item":{"name":"inner"}}"#);
        let item = value(r#"{"name":"inner"}"#);
        let turn = Iteration { index: 3, last: true, key: Some("k") };
        let locals = Locals { this: Datum::of(&item), turn: Some(turn), outer: None };
        let view = View { data: &data, locals: Some(&locals) };
        assert!(view.lookup("name").equals(&Datum::text("inner")));
        assert!(view.lookup("this.name").equals(&Datum::text("inner")));
        assert!(view.lookup("only").equals(&Datum::text("data")));
        assert!(view.lookup("@index").equals(&Datum::Int(3)));
        assert!(view.lookup("@last").equals(&Datum::Bool(true)));
        assert!(view.lookup("@key").equals(&Datum::text("k")));
        assert!(view.lookup("@first").equals(&Datum::Bool(false)));
        let inner = Locals::of(Datum::Null, Some(&locals));
        let inside = View { data: &data, locals: Some(&inner) };
        assert!(inside.lookup("../this.name").equals(&Datum::text("inner")));
        assert!(inside.lookup("../../name").equals(&Datum::text("outer")));
        assert!(inside.lookup("@root.name").equals(&Datum::text("outer")));
    }

    #[test]
    fn comparing_across_types_is_false_and_numbers_are_one_type() {
        assert!(Datum::Int(3).equals(&Datum::Float(3.0)));
        assert!(!Datum::Int(3).equals(&Datum::text("3")));
        assert_eq!(Datum::Int(3).order(&Datum::text("3")), None);
        assert_eq!(Datum::Int(3).order(&Datum::Float(3.5)), Some(Ordering::Less));
        assert_eq!(Datum::Float(f64::NAN).order(&Datum::Int(0)), None);
        assert!(Datum::Null.equals(&Datum::Null));
    }
}
