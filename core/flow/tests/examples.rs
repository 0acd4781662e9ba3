//! The guide and the reference: every flow in `docs/flows.md` compiles with nothing to remark, in the one canonical form and
//! in both dialects where both can say it; `docs/flow-reference.md` is what the loaders' tables say. That the guide's
//! conversations go as they stand there is tested with the real program (`tests/tests/flow_commands.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

use greentic_flow::{Compiled, Context, Dialect, compile, flow_name, format, reference_markdown};

const GUIDE: &str = include_str!("../../../docs/flows.md");

/// Fenced blocks: language, name and text.
fn blocks() -> Vec<(&'static str, &'static str, &'static str)> {
    let fenced = GUIDE.split("\n```").skip(1).step_by(2);
    fenced
        .map(|block| {
            let (info, text) = block.split_once('\n').unwrap();
            let (language, name) = info.split_once(' ').unwrap_or((info, ""));
            (language, name, text)
        })
        .collect()
}

fn flows() -> Vec<(&'static str, &'static str)> {
    let blocks = blocks().into_iter();
    blocks
        .filter(|(language, name, _)| *language == "yaml" && name.ends_with(".ygtc"))
        .map(|(_, name, text)| (name, text))
        .collect()
}

fn checked(name: &str, text: &str) -> Compiled {
    let names: Vec<String> = flows().iter().map(|(_, text)| flow_name(text).unwrap()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let context = Context { components: Some(&["price"]), flows: Some(&names), ..Context::default() };
    compile(text, &context).unwrap_or_else(|findings| panic!("{name}: {findings:#?}"))
}

#[test]
fn every_block_of_the_guide_is_one_that_tests_know() {
    for (language, name, _) in blocks() {
        let known = match language {
            "yaml" => name.ends_with(".ygtc") || (name.starts_with("tests/") && name.ends_with(".yaml")),
            "console" => name == "." || flows().iter().any(|(flow, _)| *flow == name),
            "toml" => name == "pack.toml",
            "sh" => name.is_empty(),
            _ => false,
        };
        assert!(known, "```{language} {name}");
    }
}

#[test]
fn flows_of_the_guide_have_no_findings() {
    assert!(flows().len() >= 9);
    for (name, text) in flows() {
        let warnings = checked(name, text).warnings;
        assert!(warnings.is_empty(), "{name}: {warnings:#?}");
    }
}

#[test]
fn flows_of_the_guide_mean_the_same_when_they_are_written_anew() {
    for (name, text) in flows() {
        let before = checked(name, text);
        let mut forms = vec![format(text, None).unwrap_or_else(|findings| panic!("{name}: {findings:#?}"))];
        // A dialect that can't say a flow refuses it; what it does say has to be the same.
        forms.extend([Dialect::List, Dialect::Map].into_iter().filter_map(|dialect| format(text, Some(dialect)).ok()));
        for form in forms {
            let after = checked(name, &form);
            let nodes = after.nodes.len() - 1;
            assert_eq!((&before.head, &before.nodes[..nodes]), (&after.head, &after.nodes[..nodes]), "{name}: {form}");
        }
    }
}

#[test]
fn the_reference_is_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/flow-reference.md");
    let made = reference_markdown();
    if std::env::var_os("GREENTIC_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), made, "run the test with GREENTIC_UPDATE=1");
}
