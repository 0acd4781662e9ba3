//! Plays one conversation, up to the first step that goes another way than expected: what follows it would only follow
//! from it.

use super::diff;
use super::expect::{Expectation, came, remembered};
use super::fakes::Fakes;
use super::file::{Conversation, Deed, Step};
use crate::chat::shown::{self, Control};
use crate::chat::{Act, App, Chat, Speaker};
use greentic_flow::engine::Ending;
use greentic_types::Value;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// When every conversation begins: Monday, 5 January 2026, 09:00 UTC. The same in each run, so that dates can be expected.
const BEGINNING_MS: u64 = 1_767_603_600_000;

/// Whatever is random is the same in each run.
const SEED: u64 = 42;

/// Where a conversation went another way.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// From 1.
    pub step: usize,
    /// What happened in it.
    pub about: String,
    /// Lines of a unified diff: `-` was expected, `+` came.
    pub diff: Vec<String>,
    /// What was reached for and not faked.
    pub missing: Vec<String>,
}

impl Failure {
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.diff.is_empty() {
            lines.extend(["--- expected".to_owned(), "+++ came".to_owned()]);
        }
        lines.push(format!("@@ step {}: {} @@", self.step, self.about));
        lines.extend(self.diff.iter().cloned());
        lines.extend(self.missing.iter().map(|what| format!("  not faked: {what}")));
        lines
    }
}

/// None: it went as expected.
pub fn play(conversation: Conversation, app: &App, begin: usize) -> Option<Failure> {
    let config = config(&app.config, &conversation.config);
    let Conversation { user, locale, texts, mut fakes, steps, .. } = conversation;
    fakes.texts = texts;
    let mut chat = Chat {
        app,
        begin,
        config: &config,
        outside: fakes,
        speaker: Speaker { user, locale },
        record: None,
        now_ms: BEGINNING_MS,
        seed: SEED,
        // A failure is told as one.
        error_message: "",
        turns: 0,
    };
    let mut controls: Vec<Control> = Vec::new();
    for (number, step) in (1..).zip(&steps) {
        let fail = |diff: Vec<String>, missing: Vec<String>| {
            Some(Failure { step: number, about: step.deed.to_string(), diff, missing })
        };
        let act = match &step.deed {
            Deed::Wait { ms, .. } => {
                chat.wait(*ms);
                continue;
            }
            Deed::Act(act) => act.clone(),
            Deed::Press { label, with } => match press(&controls, label, with) {
                Ok(act) => act,
                Err(problem) => return fail(problem, Vec::new()),
            },
        };
        let ending = chat.act(&act);
        controls = shown::controls(&ending.replies);
        let diff = difference(step, &ending, &chat);
        let missing = std::mem::take(&mut chat.outside.missing);
        if !diff.is_empty() || !missing.is_empty() {
            return fail(diff, missing);
        }
    }
    None
}

/// A control of what was said last, by its label or else by what it carries. What was written into its card goes with it.
fn press(controls: &[Control], wanted: &str, with: &Map<String, Json>) -> Result<Act, Vec<String>> {
    let by_label = controls.iter().find(|control| control.label == wanted);
    let Some(control) = by_label.or_else(|| controls.iter().find(|control| control.value == wanted)) else {
        let there = controls.iter().map(|control| format!("+[{}]", control.label));
        return Err(std::iter::once(format!("-[{wanted}]")).chain(there).collect());
    };
    if with.is_empty() {
        return Ok(Act::Press(control.value.clone()));
    }
    let mut members = match serde_json::from_str(&control.value) {
        Ok(Json::Object(members)) => members,
        _ => Map::from_iter([("action".to_owned(), Json::from(control.value.clone()))]),
    };
    members.extend(with.clone());
    Ok(Act::Press(Json::Object(members).to_string()))
}

fn difference(step: &Step, ending: &Ending, chat: &Chat<'_, Fakes>) -> Vec<String> {
    // A failure that was not expected is one even where everything else may come.
    let expected = match (&step.expect, &ending.error) {
        (None, None) => return Vec::new(),
        (None, Some(error)) => return vec![format!("+fails: {error}")],
        (Some(expected), _) => expected,
    };
    let is_state = |expectation: &&Expectation| matches!(expectation, Expectation::State(_));
    let coming: Vec<&Expectation> = expected.iter().filter(|one| !is_state(one)).collect();
    let mut lines = diff::lines(&coming, &came(ending)).unwrap_or_default();
    if let (Some(error), false) = (&ending.error, lines.is_empty()) {
        lines.push(format!("  {error}"));
    }
    let state = Value::Map(chat.record.as_ref().map(|record| record.state.clone()).unwrap_or_default());
    for expectation in expected.iter().filter(is_state) {
        let Expectation::State(members) = expectation else { continue };
        for (path, wanted) in members {
            let found = remembered(&state, path);
            if found != *wanted {
                lines.extend([format!("-state.{path} = {wanted}"), format!("+state.{path} = {found}")]);
            }
        }
    }
    lines
}

/// As a bundle lays its own over a pack's.
fn config(of_pack: &Value, over: &Map<String, Json>) -> Value {
    let mut config = match of_pack {
        Value::Map(members) => members.clone(),
        _ => BTreeMap::new(),
    };
    config.extend(over.iter().map(|(key, value)| (key.clone(), Value::from_json(value))));
    Value::Map(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_flow::{Context, compile};

    const FLOW: &str = "name: f\nversion: 1\ntriggers: [{type: callback_query, target: did}, {type: default, target: a}]\nnodes:\n  \
        - {id: a, type: http, config: {url: 'https://x.example/{{config.path}}'}, on_error: bad, next: b}\n  \
        - {id: b, type: state, config: {action: set, key: last, value: '{{message}}'}, next: c}\n  \
        - {id: c, type: reply, config: {message: 'Got {{http_response.body.n}}', buttons: [{label: Go, action: go}]}}\n  \
        - {id: did, type: reply, config: {message: 'did {{response.action}} {{response.name}}'}}\n  \
        - {id: bad, type: error, config: {message: no}}\n";

    fn played(steps: &str) -> Option<Failure> {
        let flows = vec![("f".to_owned(), compile(FLOW, &Context::default()).unwrap())];
        let app = App { flows, config: Value::from_json(&serde_json::json!({ "path": "pack" })) };
        let text = format!(
            "name: n\nconfig: {{path: own}}\nfakes: {{http: [{{url: 'https://x.example/own', answer: {{body: {{n: 7}}}}}}]}}\nsteps:\n{steps}"
        );
        play(Conversation::parse(&text).map_err(|problem| problem.0).unwrap(), &app, 0)
    }

    #[test]
    fn what_is_expected_passes() {
        let steps = "  - say: hi\n    expect: [{text: Got 7, buttons: [Go]}, {state: {last: hi}}]\n  \
                     - wait: 2h\n  - press: Go\n    with: {name: Ada}\n    expect: [did go Ada]\n";
        assert_eq!(played(steps), None);
    }

    #[test]
    fn what_is_not_is_a_diff() {
        let failure = played("  - say: hi\n    expect: [Got 8, {state: {last: x}}]\n").unwrap();
        let expected = ["-bot> Got 8", "+bot> Got 7", "+     [Go]", "-state.last = \"x\"", "+state.last = \"hi\""];
        assert_eq!((failure.step, failure.diff.as_slice()), (1, &expected.map(str::to_owned)[..]));
        assert_eq!(failure.lines()[2], "@@ step 1: say \"hi\" @@");
        let failure = played("  - say: hi\n  - press: Stop\n").unwrap();
        assert_eq!((failure.step, failure.diff), (2, vec!["-[Stop]".to_owned(), "+[Go]".to_owned()]));
    }
}
