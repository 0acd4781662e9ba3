//! What a step expects, and whether something that came is it.

use super::part::{Part, Problem};
use crate::chat::shown;
use greentic_flow::Pattern;
use greentic_flow::engine::{Ending, Event};
use greentic_types::{Reply, Value};
use serde_json::Value as Json;

/// One thing that is expected to come, in its turn.
#[derive(Debug, Clone)]
pub enum Expectation {
    Reply {
        text: Option<Wanted>,
        buttons: Option<Vec<String>>,
        card: Option<String>,
    },
    Event {
        event_type: String,
        payload: Option<Json>,
    },
    /// The turn fails so, and nothing in the flow takes care of it.
    Error(String),
    /// What the session remembers afterwards, by dotted paths.
    State(Vec<(String, Json)>),
}

#[derive(Debug, Clone)]
pub enum Wanted {
    Exactly(String),
    Contains(String),
    Matches(String, Pattern),
}

/// One thing that came.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    Reply(Reply),
    Event(Event),
    Error(String),
}

/// What a turn came to, in the order that is told: replies, events, the failure.
pub fn came(ending: &Ending) -> Vec<Came> {
    let replies = ending.replies.iter().cloned().map(Came::Reply);
    let events = ending.events.iter().cloned().map(Came::Event);
    let error = ending.error.iter().map(|error| Came::Error(error.kind.code().to_owned()));
    replies.chain(events).chain(error).collect()
}

const KEYS: [&str; 9] = ["text", "contains", "matches", "buttons", "card", "event", "payload", "error", "state"];

/// A text, or a map.
pub fn expectation(part: &Part<'_>) -> Result<Expectation, Problem> {
    if let Some(text) = part.value.as_str() {
        let text = Some(Wanted::Exactly(text.trim_end().to_owned()));
        return Ok(Expectation::Reply { text, buttons: None, card: None });
    }
    part.keys(&KEYS)?;
    let has = |keys: &[&str]| keys.iter().filter(|key| part.get(key).is_some()).count();
    let kinds = [
        has(&["event"]),
        has(&["error"]),
        has(&["state"]),
        has(&["text", "contains", "matches", "buttons", "card"]).min(1),
    ];
    if kinds.iter().sum::<usize>() != 1 {
        return Err(part.problem("expect one thing: a reply, an `event`, an `error` or a `state`"));
    }
    if part.get("payload").is_some() && part.get("event").is_none() {
        return Err(part.problem("`payload` belongs to `event`"));
    }
    if let Some(event) = part.get("event") {
        let payload = part.get("payload").map(|payload| payload.value.clone());
        return Ok(Expectation::Event { event_type: event.text()?.to_owned(), payload });
    }
    if let Some(error) = part.get("error") {
        return Ok(Expectation::Error(error.text()?.to_owned()));
    }
    if let Some(state) = part.get("state") {
        let members = state.entries()?.map(|(path, part)| (path.to_owned(), part.value.clone()));
        return Ok(Expectation::State(members.collect()));
    }
    reply(part)
}

fn reply(part: &Part<'_>) -> Result<Expectation, Problem> {
    let mut texts = ["text", "contains", "matches"].into_iter().filter_map(|key| part.get(key).map(|text| (key, text)));
    let (text, second) = (texts.next(), texts.next());
    if second.is_some() {
        return Err(part.problem("expect one of `text`, `contains`, `matches`"));
    }
    let text = match text {
        None => None,
        Some(("text", text)) => Some(Wanted::Exactly(text.text()?.trim_end().to_owned())),
        Some(("contains", text)) => Some(Wanted::Contains(text.text()?.to_owned())),
        Some((_, text)) => {
            let source = text.text()?;
            let pattern = Pattern::new(source).map_err(|problem| text.problem(&problem))?;
            Some(Wanted::Matches(source.to_owned(), pattern))
        }
    };
    let buttons = match part.get("buttons") {
        None => None,
        Some(list) => Some(list.items()?.map(|item| item.text().map(str::to_owned)).collect::<Result<_, _>>()?),
    };
    let card = part.get("card").map(|card| card.text().map(str::to_owned)).transpose()?;
    Ok(Expectation::Reply { text, buttons, card })
}

impl Wanted {
    fn is(&self, text: &str) -> bool {
        match self {
            // A block of YAML ends with a line break that no reply has.
            Wanted::Exactly(wanted) => text.trim_end() == wanted,
            Wanted::Contains(part) => text.contains(part),
            Wanted::Matches(_, pattern) => pattern.is_in(text),
        }
    }
}

impl Expectation {
    /// Whether it is the thing that came. Not asked of `State`, which is no thing that comes.
    pub fn is(&self, came: &Came) -> bool {
        match (self, came) {
            (Expectation::Reply { text, buttons, card }, Came::Reply(reply)) => {
                text.as_ref().is_none_or(|text| text.is(&reply.text))
                    && buttons.as_ref().is_none_or(|wanted| *wanted == labels(reply))
                    && card.as_ref().is_none_or(|part| reply.card.as_ref().is_some_and(|card| card.contains(part)))
            }
            (Expectation::Event { event_type, payload }, Came::Event(event)) => {
                let given = event.payload.to_json();
                event.event_type == *event_type && payload.as_ref().is_none_or(|payload| *payload == given)
            }
            (Expectation::Error(code), Came::Error(came)) => code == came,
            _ => false,
        }
    }

    /// As a diff shows it.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Expectation::Reply { text, buttons, card } => {
                let mut lines = match text {
                    None => Vec::new(),
                    Some(Wanted::Exactly(text)) if text.is_empty() => vec!["bot>".to_owned()],
                    Some(Wanted::Exactly(text)) => text.lines().map(|line| format!("bot> {line}")).collect(),
                    Some(Wanted::Contains(part)) => vec![format!("bot> … {part} …")],
                    Some(Wanted::Matches(source, _)) => vec![format!("bot> /{source}/")],
                };
                lines.extend(card.iter().map(|part| format!("bot> | … {part} …")));
                lines.extend(buttons.iter().map(|labels| format!("     {}", shown_labels(labels))));
                lines
            }
            Expectation::Event { event_type, payload } => {
                let payload = payload.as_ref().map_or_else(|| "…".to_owned(), Json::to_string);
                vec![format!("event {event_type} {payload}")]
            }
            Expectation::Error(code) => vec![format!("fails: {code}")],
            Expectation::State(members) => {
                members.iter().map(|(path, value)| format!("state.{path} = {value}")).collect()
            }
        }
    }
}

impl Came {
    pub fn lines(&self) -> Vec<String> {
        match self {
            Came::Reply(reply) => {
                let bare = Reply { buttons: Vec::new(), ..reply.clone() };
                let mut lines: Vec<String> = shown::lines(&bare, 1).iter().map(|line| format!("bot> {line}")).collect();
                if !reply.buttons.is_empty() {
                    lines.push(format!("     {}", shown_labels(&labels(reply))));
                }
                lines
            }
            Came::Event(event) => vec![shown::event(event)],
            Came::Error(code) => vec![format!("fails: {code}")],
        }
    }
}

/// All labels of a reply, links among them.
fn labels(reply: &Reply) -> Vec<String> {
    reply.buttons.iter().flatten().map(|button| button.label.clone()).collect()
}

fn shown_labels(labels: &[String]) -> String {
    labels.iter().map(|label| format!("[{label}]")).collect::<Vec<_>>().join(" ")
}

/// What the session has at a dotted path; null where there is nothing.
pub fn remembered(state: &Value, path: &str) -> Json {
    path.split('.').try_fold(state, |value, name| value.get(name)).map_or(Json::Null, Value::to_json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted(json: Json) -> Expectation {
        expectation(&Part::root(&json)).map_err(|problem| problem.0).unwrap()
    }

    #[test]
    fn replies_are_compared_by_what_is_named() {
        let reply = json!({ "text": "Hello, Ada", "buttons": [[{ "label": "Yes", "value": "y" }, { "label": "No" }]] });
        let reply = Came::Reply(serde_json::from_value(reply).unwrap());
        for (json, expected) in [
            (json!("Hello, Ada"), true),
            (json!("Hello, Ada\n"), true),
            (json!("Hello"), false),
            (json!({ "contains": "Ada" }), true),
            (json!({ "matches": "^Hello, [A-Z]" }), true),
            (json!({ "matches": "^Ada" }), false),
            (json!({ "text": "Hello, Ada", "buttons": ["Yes", "No"] }), true),
            (json!({ "buttons": ["Yes"] }), false),
            (json!({ "card": "Hello" }), false),
            (json!({ "event": "x" }), false),
        ] {
            assert_eq!(wanted(json.clone()).is(&reply), expected, "{json}");
        }
        assert_eq!(reply.lines(), ["bot> Hello, Ada", "     [Yes] [No]"]);
        for json in [json!({}), json!({ "text": "a", "event": "b" }), json!({ "text": "a", "contains": "b" }), json!(3)]
        {
            assert!(expectation(&Part::root(&json)).is_err(), "{json}");
        }
    }

    #[test]
    fn state_is_read_by_paths() {
        let state = Value::from_json(&json!({ "a": { "b": 1 } }));
        assert_eq!((remembered(&state, "a.b"), remembered(&state, "a.c.d")), (json!(1), Json::Null));
    }
}
