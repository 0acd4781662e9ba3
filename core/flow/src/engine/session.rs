//! Between a turn and the session record: what a waiting flow remembers, and what is written back.

use super::enter::Called;
use super::scope::Memory;
use crate::ir::StateAction;
use greentic_session::{Frame, Record, Wait};
use greentic_types::Value;
use std::collections::BTreeMap;

/// The parts of a frame's variables. One map each, so that no name of a flow's author can meet one of ours.
const FLOW: &str = "flow";
const RESULTS: &str = "node";
const OUTPUTS: &str = "output";
const PREVIOUS: &str = "prev";
const INPUT: &str = "input";
const ERROR: &str = "error";
/// Only in the frame of a flow that has not begun.
const BEGIN: &str = "begin";
const CONTEXT: &str = "context";

/// A frame that goes on at `node`, the index of the `wait` itself: whoever resumes needs the node's record anyway, to
/// know where a timeout leads.
pub fn frame(flow: &str, node: u32, memory: &mut Memory) -> Frame {
    let mut variables = BTreeMap::new();
    for (name, part) in [
        (FLOW, std::mem::take(&mut memory.variables)),
        (RESULTS, std::mem::take(&mut memory.results)),
        (OUTPUTS, std::mem::take(&mut memory.outputs)),
    ] {
        if !part.is_empty() {
            variables.insert(name.to_owned(), Value::Map(part));
        }
    }
    if let Some(id) = memory.previous.take() {
        variables.insert(PREVIOUS.to_owned(), Value::Text(id));
    }
    for (name, part) in [(INPUT, std::mem::take(&mut memory.input)), (ERROR, std::mem::take(&mut memory.error))] {
        if part != Value::Null {
            variables.insert(name.to_owned(), part);
        }
    }
    Frame { flow: flow.to_owned(), node, variables }
}

/// Takes back what [`frame`] kept.
pub fn remember(frame: Frame, memory: &mut Memory) {
    let mut variables = frame.variables;
    let mut map = |name: &str| match variables.remove(name) {
        Some(Value::Map(map)) => map,
        _ => BTreeMap::new(),
    };
    memory.variables = map(FLOW);
    memory.results = map(RESULTS);
    memory.outputs = map(OUTPUTS);
    memory.previous = match variables.remove(PREVIOUS) {
        Some(Value::Text(id)) => Some(id),
        _ => None,
    };
    memory.input = variables.remove(INPUT).unwrap_or_default();
    memory.error = variables.remove(ERROR).unwrap_or_default();
}

/// A frame of a flow that begins when the ones above it are over.
pub fn defer(called: Called) -> Frame {
    let entrypoint = called.entrypoint.map_or(Value::Null, Value::Text);
    let parts = [(BEGIN, entrypoint), (INPUT, called.input), (CONTEXT, Value::Map(called.context))];
    let variables = parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
    Frame { flow: called.flow, node: 0, variables }
}

/// Takes back what [`defer`] kept; any other frame is given back.
pub fn deferred(mut frame: Frame) -> Result<Called, Frame> {
    let entrypoint = match frame.variables.remove(BEGIN) {
        Some(Value::Text(name)) => Some(name),
        Some(_) => None,
        None => return Err(frame),
    };
    let context = match frame.variables.remove(CONTEXT) {
        Some(Value::Map(context)) => context,
        _ => BTreeMap::new(),
    };
    let input = frame.variables.remove(INPUT).unwrap_or_default();
    Ok(Called { flow: frame.flow, entrypoint, input, context })
}

/// The record as a turn found it, and what became of it.
#[derive(Debug, Default)]
pub struct Session {
    pub existed: bool,
    /// Whether the turn changed anything that is kept.
    pub changed: bool,
    pub created_ms: u64,
    pub updated_ms: u64,
    pub revision: u64,
}

/// What is written back: none when nothing changed. A locale alone is reason to write only where there is a record
/// already, or every passer-by would leave one.
pub fn record(
    session: &Session,
    memory: &mut Memory,
    wait: Option<Wait>,
    locale: Option<&str>,
    now_ms: u64,
) -> Option<Record> {
    let new_locale = locale.filter(|locale| Some(*locale) != memory.locale.as_deref());
    let changed = session.changed || (session.existed && new_locale.is_some());
    if !changed {
        return None;
    }
    Some(Record {
        state: std::mem::take(&mut memory.state),
        wait,
        locale: new_locale.map(str::to_owned).or_else(|| memory.locale.take()),
        created_ms: if session.existed { session.created_ms } else { now_ms },
        // A turn's clock is when its message came, and messages may run in another order than they came in.
        updated_ms: now_ms.max(session.updated_ms),
        revision: session.revision.saturating_add(1),
    })
}

/// Sets a variable of the flow.
pub fn assign(name: &str, value: Value, memory: &mut Memory) {
    set(name, value, &mut memory.variables);
}

/// Does what a `state` node says and gives its result: what is there now, for `delete` what was there.
pub fn act(action: StateAction, key: &str, value: Option<Value>, memory: &mut Memory, session: &mut Session) -> Value {
    match action {
        StateAction::Get => get(key, &memory.state).cloned().unwrap_or_default(),
        StateAction::Set => {
            let value = value.unwrap_or_default();
            if get(key, &memory.state) != Some(&value) {
                session.changed = true;
                set(key, value.clone(), &mut memory.state);
            }
            value
        }
        StateAction::Delete => {
            let removed = delete(key, &mut memory.state);
            session.changed |= removed.is_some();
            removed.unwrap_or_default()
        }
    }
}

fn get<'s>(key: &str, state: &'s BTreeMap<String, Value>) -> Option<&'s Value> {
    let mut segments = key.split('.');
    let first = state.get(segments.next()?)?;
    segments.try_fold(first, |value, segment| value.get(segment))
}

/// What stands in the way and is no map is replaced by one.
fn set(key: &str, value: Value, state: &mut BTreeMap<String, Value>) {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (key, None),
    };
    let Some(rest) = rest else {
        state.insert(first.to_owned(), value);
        return;
    };
    let inner = state.entry(first.to_owned()).or_default();
    if !matches!(inner, Value::Map(_)) {
        *inner = Value::Map(BTreeMap::new());
    }
    if let Value::Map(map) = inner {
        set(rest, value, map);
    }
}

fn delete(key: &str, state: &mut BTreeMap<String, Value>) -> Option<Value> {
    match key.split_once('.') {
        None => state.remove(key),
        Some((first, rest)) => match state.get_mut(first)? {
            Value::Map(map) => delete(rest, map),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act_on(memory: &mut Memory, action: StateAction, key: &str, value: Option<i64>) -> (Value, bool) {
        let mut session = Session::default();
        let value = act(action, key, value.map(Value::Int), memory, &mut session);
        (value, session.changed)
    }

    #[test]
    fn state_is_a_tree_and_only_change_counts() {
        let mut memory = Memory::default();
        assert_eq!(act_on(&mut memory, StateAction::Set, "a.b", Some(1)), (Value::Int(1), true));
        assert_eq!(act_on(&mut memory, StateAction::Set, "a.b", Some(1)), (Value::Int(1), false));
        assert_eq!(act_on(&mut memory, StateAction::Get, "a.b", None), (Value::Int(1), false));
        assert_eq!(act_on(&mut memory, StateAction::Set, "a.b.c", Some(2)), (Value::Int(2), true));
        assert_eq!(act_on(&mut memory, StateAction::Get, "a.b.c", None), (Value::Int(2), false));
        assert!(act_on(&mut memory, StateAction::Delete, "a.b", None).1);
        assert_eq!(act_on(&mut memory, StateAction::Delete, "a.b", None), (Value::Null, false));
        assert_eq!(act_on(&mut memory, StateAction::Get, "x.y", None), (Value::Null, false));
    }

    #[test]
    fn a_frame_gives_back_what_it_took() {
        let mut memory = Memory { variables: [("v".to_owned(), Value::Int(1))].into(), ..Memory::default() };
        memory.keep("ask".to_owned(), Some("answer".to_owned()), Value::Text("yes".into()));
        let kept = frame("main", 3, &mut memory);
        assert!(memory.results.is_empty());
        remember(kept, &mut memory);
        assert_eq!(memory.variables.get("v"), Some(&Value::Int(1)));
        assert_eq!(memory.results.get("ask"), Some(&Value::Text("yes".into())));
        assert_eq!(memory.outputs.get("answer"), Some(&Value::Text("ask".into())));
        assert_eq!(memory.previous.as_deref(), Some("ask"));
    }

    #[test]
    fn a_flow_that_has_not_begun_is_told_from_one_that_has() {
        let called = Called {
            flow: "later".to_owned(),
            entrypoint: Some("side".to_owned()),
            input: Value::Int(3),
            context: [("v".to_owned(), Value::Int(1))].into(),
        };
        assert_eq!(deferred(defer(called.clone())), Ok(called));
        let begun = frame("main", 3, &mut Memory::default());
        assert_eq!(deferred(begun.clone()), Err(begun));
    }

    #[test]
    fn a_locale_alone_makes_no_record() {
        let mut memory = Memory::default();
        let stranger = Session::default();
        assert_eq!(record(&stranger, &mut memory, None, Some("de"), 5), None);
        let known = Session { existed: true, created_ms: 1, revision: 7, ..Session::default() };
        let written = record(&known, &mut memory, None, Some("de"), 5).unwrap();
        assert_eq!((written.created_ms, written.updated_ms, written.revision), (1, 5, 8));
        let later = Session { updated_ms: 9, changed: true, ..known };
        assert_eq!(record(&later, &mut Memory::default(), Some(Wait::default()), None, 5).unwrap().updated_ms, 9);
        assert_eq!(written.locale.as_deref(), Some("de"));
    }
}
