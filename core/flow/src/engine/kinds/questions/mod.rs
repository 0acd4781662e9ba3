//! `questions` and `qa.process`: one question after another, each answer looked at before the next is asked.
//!
//! While they are asked, `node.<id>` holds the answers so far; that is all a session has to remember. A question that
//! was passed over has the answer null.

mod answer;
mod words;

use super::wait;
use crate::budget::{Budget, check_depth};
use crate::data::{Data, Datum, Locals, View};
use crate::engine::error::Fault;
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::Turn;
use crate::expr;
use crate::ir::{Question, Questions};
use crate::template::render;
use answer::Refusal;
use greentic_types::{Button, Reply, Value};
use std::collections::BTreeMap;

pub fn run(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, asked: &Questions<'_>) -> Result<Outcome, Fault> {
    if let Some(welcome) = &asked.welcome {
        let text = render(welcome, View::of(&turn.scope()), &mut Budget::default())?;
        turn.push((!text.is_empty()).then(|| Reply { text, ..Reply::default() }))?;
    }
    next(turn, visit, asked, BTreeMap::new())
}

/// Takes the user's answer, or says what is wrong with it and asks again.
pub fn resume(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, asked: &Questions<'_>) -> Result<Outcome, Fault> {
    if let Some(late) = wait::late(turn, asked.on_timeout)? {
        return Ok(late);
    }
    let mut answers = match turn.memory.results.remove(visit.node.id.as_str()) {
        Some(Value::Map(answers)) => answers,
        _ => BTreeMap::new(),
    };
    // The same question as the one that was asked: what its `when` saw has not changed since.
    let Some(question) = open(turn, asked, &mut answers)? else { return Ok(done(answers)) };
    match answer::read(question, wait::answer(turn.inputs.message))? {
        Ok(value) => {
            check_depth(&value)?;
            answers.insert(question.id.as_str().to_owned(), value);
            next(turn, visit, asked, answers)
        }
        Err(refusal) => {
            ask(turn, question, &answers, Some(refusal))?;
            Ok(pause(turn, visit, asked, answers))
        }
    }
}

fn next(
    turn: &mut Turn<'_>,
    visit: &Visit<'_, '_>,
    asked: &Questions<'_>,
    mut answers: BTreeMap<String, Value>,
) -> Result<Outcome, Fault> {
    let Some(question) = open(turn, asked, &mut answers)? else { return Ok(done(answers)) };
    ask(turn, question, &answers, None)?;
    Ok(pause(turn, visit, asked, answers))
}

fn done(answers: BTreeMap<String, Value>) -> Outcome {
    Outcome::Done { value: Value::Map(answers), said: true }
}

fn pause(
    turn: &mut Turn<'_>,
    visit: &Visit<'_, '_>,
    asked: &Questions<'_>,
    answers: BTreeMap<String, Value>,
) -> Outcome {
    turn.memory.results.insert(visit.node.id.as_str().to_owned(), Value::Map(answers));
    Outcome::Next(turn.wait_at(visit.index, asked.timeout_ms))
}

/// The first question that has no answer and is to be asked; those passed over get theirs.
fn open<'q, 'b>(
    turn: &Turn<'_>,
    asked: &'q Questions<'b>,
    answers: &mut BTreeMap<String, Value>,
) -> Result<Option<&'q Question<'b>>, Fault> {
    for question in &asked.questions {
        if answers.contains_key(question.id.as_str()) {
            continue;
        }
        let wanted = match &question.when {
            Some(when) => {
                let scope = turn.scope();
                let locals = Locals::of(Datum::Map(answers), None);
                expr::condition(when, View { data: &scope, locals: Some(&locals) })?
            }
            None => true,
        };
        if wanted {
            return Ok(Some(question));
        }
        answers.insert(question.id.as_str().to_owned(), Value::Null);
    }
    Ok(None)
}

/// One reply: what was wrong with the last answer, where there was one, and the question.
fn ask(
    turn: &mut Turn<'_>,
    question: &Question<'_>,
    answers: &BTreeMap<String, Value>,
    refusal: Option<Refusal>,
) -> Result<(), Fault> {
    let mut budget = Budget::default();
    let scope = turn.scope();
    let locals = Locals::of(Datum::Map(answers), None);
    let view = View { data: &scope, locals: Some(&locals) };
    let mut text = render(&question.prompt, view, &mut budget)?;
    if let Some(refusal) = refusal {
        let reason = match &question.error {
            Some(error) => render(error, view, &mut budget)?,
            None => words::reason(&refusal, scope.locale()),
        };
        text = format!("{reason}\n{text}");
    }
    let mut row = Vec::new();
    for choice in question.choices.iter().flatten() {
        let label = render(&choice.label, view, &mut budget)?;
        row.push(Button { label, value: choice.value.as_str().to_owned(), url: None });
    }
    let buttons = if row.is_empty() { Vec::new() } else { vec![row] };
    turn.push(Some(Reply { text, buttons, ..Reply::default() }))?;
    Ok(())
}
