//! Scripts: Rhai, checked at build, run from their text within limits (docs/decisions/0006-scripts.md).
//!
//! A script sees the names it is given, `state` with `get`, `set`, `delete` and `has`, and `random()`. It has no modules,
//! files, clock or `eval`; `print` and `debug` go nowhere, a flow's log is written by its `log` nodes. What it changes in
//! `state` is handed back as a list, for the engine to carry out when the script was good to its end. Closures capture
//! nothing: shared values are what makes Rhai panic on data that holds itself.

mod engine;
mod state;
mod values;

pub use state::StateChange;

use crate::budget::Budget;
use greentic_types::Value;
use rhai::{Dynamic, Scope};
use state::State;

/// Bytes of a script's text. Parsing takes time with every run.
pub const MAX_SCRIPT: usize = 64 * 1024;

/// Why a script can't be compiled, and where: lines and columns from 1.
#[cfg(feature = "compile")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct ScriptSyntaxError {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Why a script stopped. The message may hold data: it is for the flow and its author, not for a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the script failed at line {line}: {message}")]
pub struct ScriptError {
    /// From 1; 0 when no place can be told.
    pub line: usize,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScriptOutcome {
    /// The last expression.
    pub value: Value,
    /// In the order they were made.
    pub state: Vec<StateChange>,
}

#[cfg(feature = "compile")]
pub fn check(text: &str) -> Result<(), ScriptSyntaxError> {
    if text.len() > MAX_SCRIPT {
        let message = format!("a script has at most {MAX_SCRIPT} bytes");
        return Err(ScriptSyntaxError { line: 1, column: 1, message });
    }
    match engine::restricted().compile(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let at = error.position();
            let (line, column) = (at.line().unwrap_or(1), at.position().unwrap_or(1));
            Err(ScriptSyntaxError { line, column, message: error.err_type().to_string() })
        }
    }
}

/// Runs a script. `scope` is a map: its members are the script's variables, but for `state`, which becomes the object
/// with methods. The same arguments give the same outcome.
pub fn run(text: &str, scope: &Value, seed: u64) -> Result<ScriptOutcome, ScriptError> {
    if text.len() > MAX_SCRIPT {
        return Err(ScriptError { line: 0, message: format!("a script has at most {MAX_SCRIPT} bytes") });
    }
    let mut engine = engine::restricted();
    engine::add_random(&mut engine, seed);
    let state = State::new(scope.get("state"));
    let mut variables = Scope::new();
    if let Value::Map(members) = scope {
        for (name, value) in members.iter().filter(|(name, _)| *name != "state") {
            variables.push_dynamic(name.as_str(), values::to_dynamic(value));
        }
    }
    variables.push("state", state.clone());
    let result = engine
        .compile(text)
        .map_err(|error| failure(error.position(), &error.err_type().to_string()))
        .and_then(|script| {
            let result = engine.eval_ast_with_scope::<Dynamic>(&mut variables, &script);
            result.map_err(|error| failure(error.position(), &engine::message(&error)))
        })?;
    let value = values::to_value(&result, &mut Budget::default())
        .map_err(|message| ScriptError { line: 0, message: format!("its result {message}") })?;
    Ok(ScriptOutcome { value, state: state.changes() })
}

fn failure(at: rhai::Position, message: &str) -> ScriptError {
    ScriptError { line: at.line().unwrap_or_default(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn outcome(text: &str) -> Result<ScriptOutcome, ScriptError> {
        let scope = json!({
            "message": "hi",
            "input": {"email": "a@b.c", "items": [{"name": "x", "price": 2.5, "qty": 2}, {"name": "y", "price": 1, "qty": 3}]},
            "state": {"visit_count": 2, "user": {"name": "Ann"}},
        });
        run(text, &Value::from_json(&scope), 7)
    }

    fn value(text: &str) -> serde_json::Value {
        outcome(text).unwrap_or_else(|error| panic!("{text}: {error}")).value.to_json()
    }

    #[test]
    fn results_are_the_last_expression() {
        for (text, expected) in [
            ("1 + 2", json!(3)),
            ("message + \"!\"", json!("hi!")),
            ("let x = 2; if x > 1 { \"big\" } else { \"small\" }", json!("big")),
            ("let t = 0.0; for item in input.items { t += item.price * item.qty; } t", json!(8.0)),
            ("#{ valid: input.email.contains(\"@\"), n: [1, 2] }", json!({"valid": true, "n": [1, 2]})),
            ("[1, 2, 3].filter(|x| x > 1).map(|x| x * 2)", json!([4, 6])),
            ("[1, 2].reduce(|a, b| a + b, 0)", json!(3)),
            ("fn twice(x) { x * 2 } twice(4)", json!(8)),
            ("let r = (); try { throw \"no\"; } catch (e) { r = #{ error: e }; } r", json!({"error": "no"})),
            ("\"Hello World\".to_upper().sub_string(0, 5)", json!("HELLO")),
            ("let o = #{a: 1, b: 2}; [o.keys(), o.values(), o.contains(\"a\")]", json!([["a", "b"], [1, 2], true])),
            ("let x = 1;", json!(null)),
            ("'c'", json!("c")),
            ("return 5; 6", json!(5)),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn state_is_read_and_changes_are_handed_back() {
        let text = "let n = state.get(\"visit_count\") + 1; state.set(\"visit_count\", n); state.delete(\"user.name\"); \
                    state.extra = #{ a: 1 }; [n, state.get(\"visit_count\"), state.extra.a, state.get(\"user.name\"), \
                    state.get(\"none\", 9), state.has(\"extra\"), state[\"visit_count\"]]";
        let outcome = outcome(text).unwrap();
        assert_eq!(outcome.value.to_json(), json!([3, 3, 1, null, 9, true, 3]));
        let keys: Vec<_> = outcome.state.iter().map(|change| (change.key.as_str(), change.value.is_some())).collect();
        assert_eq!(keys, [("visit_count", true), ("user.name", false), ("extra", true)]);
    }

    #[test]
    fn errors_have_a_place() {
        let error = check("let x = 1;\nlet y = ;").unwrap_err();
        assert_eq!((error.line, error.column), (2, 9));
        assert!(check("let x = 1; x").is_ok());
        assert_eq!(outcome("let a = 1;\n\nmissing_function(a)").unwrap_err().line, 3);
        assert_eq!(outcome("throw \"stop\"").unwrap_err().message, "stop");
        assert!(check("import \"x\" as y;").is_err());
        assert!(check("eval(\"1\")").is_err());
    }

    #[test]
    fn nothing_runs_for_ever_or_grows_for_ever() {
        for text in [
            "loop {}",
            "let x = 0; while true { x += 1; }",
            "fn f(x) { f(x + 1) } f(0)",
            "let s = \"x\"; loop { s += s; }",
            "let a = [1]; loop { a += a; }",
            "let m = #{}; for i in 0..100000 { m[i.to_string()] = i; }",
            "let a = []; loop { a.push(a); }",
            "let a = []; a.pad(100000000, 0);",
            "for i in 0..1000 { state.set(\"k\" + i, i); }",
            "let s = \"\"; s.pad(10000000, \"x\"); s",
        ] {
            assert!(outcome(text).is_err(), "{text}");
        }
        assert!(check(&"(".repeat(10_000)).is_err());
        assert!(check(&" ".repeat(MAX_SCRIPT + 1)).is_err());
    }

    #[test]
    fn chance_comes_from_the_seed() {
        let text = "[random(), random(1, 6), random(3, 3)]";
        let run = |seed| run(text, &Value::Map(Default::default()), seed).unwrap().value;
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let Value::List(list) = run(3) else { panic!() };
        assert!(
            matches!(list.as_slice(), [Value::Float(a), Value::Int(1..=6), Value::Int(3)] if (0.0..1.0).contains(a))
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,48}", seed in any::<u64>()) {
            let _ = check(&text);
            let _ = run(&text, &Value::Null, seed);
        }

        #[test]
        fn no_script_of_rhais_words_panics(words in prop::collection::vec(prop::sample::select(vec![
            "let x = ", "x", "[", "]", "#{", "}", "{", "(", ")", "a: ", "|y| ", "state", ".get(\"a\")", ".set(\"a\", x)", ";",
            "for i in ", "0..9", "while ", "loop ", "break", "1", "2.5", "\"s\"", " + ", " == ", "fn f(n) ", "f(1)", "if ",
            "this", ".x", ", ", "throw ", "try ", " catch ", "return ", "random()", "message", ".map(", "?.", "switch x ",
        ]), 0..24)) {
            let text = words.concat();
            let _ = run(&text, &Value::Map([("message".to_owned(), Value::Text("m".into()))].into()), 1);
        }
    }
}
