//! `state` inside a script: reads what the session has, keeps what is changed for the engine to carry out.

use super::values;
use crate::budget::{Budget, MAX_KEY_SEGMENTS};
use greentic_types::Value;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Position};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Changes of one run, so that a loop does not fill memory with them.
const MAX_CHANGES: usize = 256;

const MAX_KEY: usize = 256;

#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// A dotted path below `state`.
    pub key: String,
    /// None: it is deleted.
    pub value: Option<Value>,
}

#[derive(Debug, Default)]
struct Store {
    values: BTreeMap<String, Value>,
    budget: Budget,
    changes: Vec<StateChange>,
}

/// A handle, as scripts pass values around by copying them.
#[derive(Debug, Clone)]
pub struct State(Rc<RefCell<Store>>);

type Outcome<T> = Result<T, Box<EvalAltResult>>;

impl State {
    pub fn new(values: Option<&Value>) -> Self {
        let values = match values {
            Some(Value::Map(values)) => values.clone(),
            _ => BTreeMap::new(),
        };
        State(Rc::new(RefCell::new(Store { values, ..Store::default() })))
    }

    pub fn register(engine: &mut Engine) {
        engine.register_type_with_name::<State>("state");
        engine.register_fn("get", |state: &mut State, key: &str| state.get(key));
        engine.register_fn("get", |state: &mut State, key: &str, fallback: Dynamic| {
            let found = state.get(key);
            if found.is_unit() { fallback } else { found }
        });
        engine.register_fn("has", |state: &mut State, key: &str| state.has(key));
        engine.register_fn("contains", |state: &mut State, key: &str| state.has(key));
        engine.register_fn("set", |state: &mut State, key: &str, value: Dynamic| state.change(key, Some(&value)));
        engine.register_fn("delete", |state: &mut State, key: &str| state.change(key, None));
        engine.register_fn("remove", |state: &mut State, key: &str| state.change(key, None));
        engine.register_indexer_get(|state: &mut State, key: ImmutableString| state.get(&key));
        engine.register_indexer_set(|state: &mut State, key: ImmutableString, value: Dynamic| {
            state.change(&key, Some(&value))
        });
    }

    /// What the script changed. Other handles find nothing from here on.
    pub fn changes(&self) -> Vec<StateChange> {
        self.0.take().changes
    }

    fn get(&self, key: &str) -> Dynamic {
        let store = self.0.borrow();
        found(&store.values, key).map_or(Dynamic::UNIT, values::to_dynamic)
    }

    fn has(&self, key: &str) -> bool {
        found(&self.0.borrow().values, key).is_some()
    }

    fn change(&self, key: &str, value: Option<&Dynamic>) -> Outcome<()> {
        if key.is_empty() || key.len() > MAX_KEY || key.split('.').count() > MAX_KEY_SEGMENTS {
            let message = format!("a key of `state` has 1 to {MAX_KEY} bytes and at most {MAX_KEY_SEGMENTS} segments");
            return Err(fault(message));
        }
        let mut store = self.0.borrow_mut();
        if store.changes.len() == MAX_CHANGES {
            return Err(fault(format!("a script changes `state` at most {MAX_CHANGES} times")));
        }
        let value = match value {
            Some(value) => {
                let value = values::to_value(value, &mut store.budget);
                Some(value.map_err(|message| fault(format!("the value for `{key}` {message}")))?)
            }
            None => None,
        };
        put(&mut store.values, key, value.clone());
        store.changes.push(StateChange { key: key.to_owned(), value });
        Ok(())
    }
}

fn found<'v>(values: &'v BTreeMap<String, Value>, key: &str) -> Option<&'v Value> {
    let mut segments = key.split('.');
    let first = values.get(segments.next()?)?;
    segments.try_fold(first, |value, segment| value.get(segment))
}

/// As the engine will do it: maps are made on the way, and what is no map gives way to one.
fn put(values: &mut BTreeMap<String, Value>, key: &str, value: Option<Value>) {
    let mut map = values;
    let mut segments = key.split('.').peekable();
    while let Some(segment) = segments.next() {
        if segments.peek().is_none() {
            match value {
                Some(value) => map.insert(segment.to_owned(), value),
                None => map.remove(segment),
            };
            return;
        }
        if value.is_none() && !matches!(map.get(segment), Some(Value::Map(_))) {
            return;
        }
        let next = map.entry(segment.to_owned()).or_insert(Value::Null);
        if !matches!(next, Value::Map(_)) {
            *next = Value::Map(BTreeMap::new());
        }
        let Value::Map(inner) = next else { return };
        map = inner;
    }
}

fn fault(message: String) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(message.into(), Position::NONE))
}
