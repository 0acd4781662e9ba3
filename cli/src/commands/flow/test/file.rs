//! A conversation as its author wrote it, in YAML. Every key is obeyed or refused, with the nearest known one.

use super::expect::{Expectation, expectation};
use super::fakes::Fakes;
use super::part::{Part, Problem};
use crate::chat::{Act, duration};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// Bytes of one file.
const MAX_BYTES: usize = 1024 * 1024;

/// Keys that say what happens in a step; each step has one of them.
const ACTS: [&str; 5] = ["say", "press", "command", "event", "wait"];

pub struct Conversation {
    pub name: String,
    /// None for the flow that a host would begin in.
    pub flow: Option<String>,
    pub user: String,
    pub locale: Option<String>,
    /// Laid over pack.toml's, as a bundle's is.
    pub config: Map<String, Json>,
    /// Translated texts by their keys.
    pub texts: BTreeMap<String, String>,
    pub fakes: Fakes,
    pub steps: Vec<Step>,
}

pub struct Step {
    pub deed: Deed,
    /// None: whatever comes is right.
    pub expect: Option<Vec<Expectation>>,
}

pub enum Deed {
    Act(Act),
    /// A control by its label, with what the user wrote into its card.
    Press {
        label: String,
        with: Map<String, Json>,
    },
    Wait {
        ms: u64,
        written: String,
    },
}

impl Conversation {
    pub fn parse(text: &str) -> Result<Conversation, Problem> {
        if text.len() > MAX_BYTES {
            return Err(Problem(format!("it is larger than {MAX_BYTES} bytes")));
        }
        // `say: yes` is a word, and `no` is one: booleans are `true` and `false` alone, as in flows.
        let options = serde_saphyr::options! { strict_booleans: true };
        let json: Json =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| Problem(error.to_string()))?;
        let root = Part::root(&json);
        root.keys(&["name", "flow", "user", "locale", "config", "texts", "fakes", "steps"])?;
        let text_of = |part: Part<'_>| part.text().map(str::to_owned);
        let conversation = Conversation {
            name: root.required("name")?.text()?.to_owned(),
            flow: root.get("flow").map(text_of).transpose()?,
            user: root.get("user").map(text_of).transpose()?.unwrap_or_else(|| "user".to_owned()),
            locale: root.get("locale").map(text_of).transpose()?,
            config: root.get("config").map(|part| part.map().cloned()).transpose()?.unwrap_or_default(),
            texts: match root.get("texts") {
                Some(part) => part
                    .entries()?
                    .map(|(key, part)| Ok((key.to_owned(), text_of(part)?)))
                    .collect::<Result<_, Problem>>()?,
                None => BTreeMap::new(),
            },
            fakes: root.get("fakes").map(|part| Fakes::parse(&part)).transpose()?.unwrap_or_default(),
            steps: root.required("steps")?.items()?.map(|part| step(&part)).collect::<Result<_, _>>()?,
        };
        if conversation.steps.is_empty() {
            return Err(root.required("steps")?.problem("a conversation has at least one step"));
        }
        Ok(conversation)
    }
}

fn step(part: &Part<'_>) -> Result<Step, Problem> {
    part.keys(&["say", "press", "with", "command", "event", "payload", "wait", "expect"])?;
    let mut acts = ACTS.iter().filter_map(|key| part.get(key).map(|act| (*key, act)));
    let one = || part.problem(&format!("a step has exactly one of {}", ACTS.join(", ")));
    let (Some((key, act)), None) = (acts.next(), acts.next()) else { return Err(one()) };
    for (beside, owner) in [("with", "press"), ("payload", "event")] {
        if let (Some(stray), true) = (part.get(beside), key != owner) {
            return Err(stray.problem(&format!("`{beside}` belongs to `{owner}`")));
        }
    }
    let deed = match key {
        "say" => Deed::Act(Act::Say(act.text()?.to_owned())),
        "press" => {
            let with = part.get("with").map(|with| with.map().cloned()).transpose()?.unwrap_or_default();
            Deed::Press { label: act.text()?.to_owned(), with }
        }
        "command" => {
            let text = act.text()?;
            let text = text.strip_prefix('/').unwrap_or(text);
            let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            Deed::Act(Act::Command { name: name.to_owned(), rest: rest.trim().to_owned() })
        }
        "event" => {
            // Data as it would come from the bus; a bare text, as of a timer, stays one.
            let payload = match part.get("payload") {
                None => String::new(),
                Some(payload) => payload.value.as_str().map_or_else(|| payload.value.to_string(), str::to_owned),
            };
            Deed::Act(Act::Event { event_type: act.text()?.to_owned(), payload })
        }
        _ => {
            let written = act.text()?.to_owned();
            let ms = duration::parse(&written).map_err(|problem| act.problem(&problem))?;
            Deed::Wait { ms, written }
        }
    };
    let expect = match part.get("expect") {
        None => None,
        Some(expect) => Some(expect.items()?.map(|part| expectation(&part)).collect::<Result<Vec<_>, _>>()?),
    };
    if let (Deed::Wait { .. }, Some(_)) = (&deed, &expect) {
        return Err(part.problem("nothing is said while time passes: let a step follow"));
    }
    Ok(Step { deed, expect })
}

impl std::fmt::Display for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Deed::Act(Act::Say(text)) => write!(f, "say {text:?}"),
            Deed::Act(Act::Press(value)) => write!(f, "press {value:?}"),
            Deed::Act(Act::Command { name, rest }) => write!(f, "command {:?}", format!("/{name} {rest}").trim_end()),
            Deed::Act(Act::Event { event_type, .. }) => write!(f, "event {event_type}"),
            Deed::Press { label, .. } => write!(f, "press {label:?}"),
            Deed::Wait { written, .. } => write!(f, "wait {written}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(text: &str) -> String {
        Conversation::parse(text).err().unwrap().to_string()
    }

    #[test]
    fn a_conversation() {
        let text = "name: n\nflow: main\nfakes:\n  components: {shout: {data: X}}\nsteps:\n  - say: hi\n    expect: [Hello]\n  \
                    - press: Go\n    with: {a: 1}\n  - command: /start abc\n  - {event: tick, payload: {n: 1}}\n  - wait: 2h\n";
        let parsed = Conversation::parse(text).map_err(|problem| problem.to_string()).unwrap();
        let steps: Vec<String> = parsed.steps.iter().map(|step| step.deed.to_string()).collect();
        assert_eq!(steps, ["say \"hi\"", "press \"Go\"", "command \"/start abc\"", "event tick", "wait 2h"]);
        assert_eq!(parsed.steps[0].expect.as_ref().unwrap().len(), 1);
        assert!(parsed.steps[1].expect.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("name: n\nstpes: []", "unknown key `stpes`; did you mean `steps`?"),
            ("name: n\nsteps: []", "steps: a conversation has at least one step"),
            ("steps: [{say: x}]", "the key `name` is missing"),
            ("name: n\nsteps: [{sya: x}]", "steps[1]: unknown key `sya`; did you mean `say`?"),
            (
                "name: n\nsteps: [{say: x, press: y}]",
                "steps[1]: a step has exactly one of say, press, command, event, wait",
            ),
            ("name: n\nsteps: [{say: x, with: {}}]", "steps[1].with: `with` belongs to `press`"),
            ("name: n\nsteps: [{wait: long}]", "steps[1].wait: `long` is no time: write it as in `45s`, `2h`, `1d12h`"),
            (
                "name: n\nsteps: [{say: x, expect: [{txt: a}]}]",
                "steps[1].expect[1]: unknown key `txt`; did you mean `text`?",
            ),
            ("name: n\nsteps: [{say: x, expect: [{matches: '('}]}]", "steps[1].expect[1].matches: "),
            (
                "name: n\nsteps: [{say: x}]\nfakes: {http: [{url: x, anser: {}}]}",
                "fakes.http[1]: unknown key `anser`; did you mean `answer`?",
            ),
        ] {
            assert!(problem(text).starts_with(expected), "{text}: {}", problem(text));
        }
        let broken = problem("name: n\nsteps: ]");
        assert!(broken.contains("line 2") || broken.contains("2:"), "{broken}");
    }

    proptest! {
        #[test]
        fn no_text_panics(words in prop::collection::vec(prop::sample::select(vec![
            "name: n\n", "steps:\n", "  - say: x\n", "    expect: [a]\n", "fakes: {}\n", "- ", "[", "{", ": ", "\n",
        ]), 0..12)) {
            let _ = Conversation::parse(&words.concat());
        }
    }
}
