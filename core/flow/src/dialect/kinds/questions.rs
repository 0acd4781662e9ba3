//! `questions` and `qa.process`: a form, asked one question after another.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::Fields;
use crate::dialect::table::{Kind, MILLISECONDS, Rest, Table, key};
use crate::ir::{AnswerType, Choice, NodeKind, Question, Questions, Reply, Text};
use crate::yaml::{Content, Node};
use std::collections::BTreeSet;

const MAX_QUESTIONS: usize = 100;
const MAX_CHOICES: usize = 100;

/// Names of the answer types, with those that public forms have for them.
const ANSWER_TYPES: &[&str] = &[
    "text", "string", "number", "float", "integer", "int", "boolean", "bool", "date", "email", "choice", "enum",
    "select",
];

static CHOICE: Table = Table {
    what: "a choice",
    keys: &[
        key("label", Kind::Template, "What stands on the button.").required().or(&["title"]),
        key("value", Kind::Text, "What the answer is then; the label when absent.").or(&["id"]),
    ],
    rest: Rest::Refused,
};

static QUESTION: Table = Table {
    what: "a question",
    keys: &[
        key("id", Kind::Name, "The answer's name in the result.").required().or(&["name"]),
        key("prompt", Kind::Template, "What is asked.").required().or(&["text", "title", "question"]),
        key("answer_type", Kind::OneOf(ANSWER_TYPES), "`text` when absent.").or(&["type"]),
        key("required", Kind::Flag, "`true` when absent. Otherwise an empty answer takes the default, or null."),
        key("optional", Kind::Flag, "The opposite of `required`."),
        key(
            "choices",
            Kind::List(&Kind::Either(&[Kind::Template, Kind::Table(&CHOICE)])),
            "Offered as buttons; the answer is one of them.",
        )
        .or(&["options", "enum", "enum_values"]),
        key("default", Kind::Literal, "Taken for an empty answer."),
        key("pattern", Kind::Pattern, "What a text has to match."),
        key("max_words", Kind::Whole(1, 100_000), "Words of a text."),
        key("min", Kind::Number(-1e300, 1e300), "The smallest number.").or(&["minimum"]),
        key("max", Kind::Number(-1e300, 1e300), "The largest number.").or(&["maximum"]),
        key("min_length", Kind::Whole(0, 1_000_000), "Characters of a text."),
        key("max_length", Kind::Whole(1, 1_000_000), "Characters of a text."),
        key("error", Kind::Template, "Said in place of the reason why an answer was not taken.").or(&["error_message"]),
        key("when", Kind::Expression, "When it does not hold, the question is not asked."),
    ],
    rest: Rest::Refused,
};

pub static TABLE: Table = Table {
    what: "a `questions`",
    keys: &[
        key("welcome", Kind::Template, "Said before the first question.").or(&["welcome_template"]),
        key("questions", Kind::List(&Kind::Table(&QUESTION)), "Asked one after another.").or(&["fields"]),
        key("timeout", MILLISECONDS, "Milliseconds after which an answer comes too late."),
        key("on_timeout", Kind::Target, "Where a late answer goes on."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let welcome = loader.template_at(config, "welcome");
    let timeout_ms = loader.whole(config, "timeout").map(u64::from);
    let on_timeout = loader.optional_target(config.get("on_timeout"));
    let Some(node) = config.get("questions") else {
        if !config.has("welcome") {
            loader.error("missing-key", given.at(), "a form needs the key `questions` or `welcome`");
            return None;
        }
        // A form that asks nothing is a greeting.
        return Some(NodeKind::Reply(Reply { message: Some(welcome?), ..Reply::default() }).into());
    };
    let mut ids = BTreeSet::new();
    let mut questions = Vec::new();
    for item in loader.filled_list(node, "`questions`", MAX_QUESTIONS) {
        // Answers so far are read by their bare names.
        questions.extend(loader.given_names(|loader| question(item, &mut ids, loader)));
    }
    Some(NodeKind::Questions(Box::new(Questions { questions, welcome, timeout_ms, on_timeout })).into())
}

fn question(item: &Node, ids: &mut BTreeSet<String>, loader: &mut Loader<'_>) -> Option<Question<'static>> {
    let fields = loader.fields(item, &QUESTION)?;
    let id = fields.get("id").and_then(|node| Some((loader.name(node, "a question's id")?, node.at)));
    if let Some((id, at)) = id
        && !ids.insert(id.to_owned())
    {
        loader.error("duplicate-id", at, format!("there is a question `{id}` already"));
    }
    let choices = fields.get("choices").map(|node| choices(node, loader));
    let answer_type = match loader.word(&fields, "answer_type") {
        Some(word) => answer_type(word),
        None if choices.is_some() => AnswerType::Choice,
        None => AnswerType::Text,
    };
    if answer_type == AnswerType::Choice && choices.is_none() {
        loader.error("missing-key", fields.at, "a question of this type needs the key `choices`");
    }
    let required = required(&fields, loader);
    let prompt = loader.template_at(&fields, "prompt");
    Some(Question {
        answer_type,
        required,
        choices,
        default: fields.get("default").map(|node| loader.literal(node)),
        pattern: fields.get("pattern").and_then(|node| loader.pattern(node)),
        max_words: loader.whole(&fields, "max_words"),
        min: loader.number(&fields, "min"),
        max: loader.number(&fields, "max"),
        min_length: loader.whole(&fields, "min_length"),
        max_length: loader.whole(&fields, "max_length"),
        error: loader.template_at(&fields, "error"),
        when: fields.get("when").and_then(|node| loader.expression(node)),
        id: id?.0.into(),
        prompt: prompt?,
    })
}

fn required(fields: &Fields<'_>, loader: &mut Loader<'_>) -> bool {
    match (loader.flag(fields, "required"), loader.flag(fields, "optional")) {
        (Some(required), Some(optional)) if required == optional => {
            loader.error("bad-value", fields.at, "`required` and `optional` say the opposite of each other");
            required
        }
        (required, optional) => required.unwrap_or(!optional.unwrap_or_default()),
    }
}

fn answer_type(word: &str) -> AnswerType {
    match word {
        "number" | "float" => AnswerType::Number,
        "integer" | "int" => AnswerType::Integer,
        "boolean" | "bool" => AnswerType::Boolean,
        "date" => AnswerType::Date,
        "email" => AnswerType::Email,
        "choice" | "enum" | "select" => AnswerType::Choice,
        _ => AnswerType::Text,
    }
}

fn choices(node: &Node, loader: &mut Loader<'_>) -> Vec<Choice<'static>> {
    let items = loader.filled_list(node, "`choices`", MAX_CHOICES);
    items.iter().filter_map(|item| choice(item, loader)).collect()
}

/// A bare text is its own value.
fn choice(item: &Node, loader: &mut Loader<'_>) -> Option<Choice<'static>> {
    if !matches!(item.content, Content::Map(_)) {
        let label = loader.template(item, "a choice")?;
        return Some(Choice { label, value: item.as_text()?.into() });
    }
    let fields = loader.fields(item, &CHOICE)?;
    let label = loader.template_at(&fields, "label");
    let value = loader.text(&fields, "value").or_else(|| fields.get("label")?.as_text());
    Some(Choice { label: label?, value: Text::from(value?) })
}
