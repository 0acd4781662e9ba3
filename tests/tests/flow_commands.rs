//! `greentic-edge flow …` as an author meets it: the guide's files and conversations go as they stand in docs/flows.md, the
//! demo's tests pass, and mistakes are shown with their place, a hint and the documented exit status.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::command;
use serde_json::Value as Json;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

const GUIDE: &str = include_str!("../../docs/flows.md");
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bundles/demo/app");

/// Runs `greentic-edge flow …` to its end in `directory`: status, standard output, standard error.
fn flow(directory: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = command()
        .arg("flow")
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have ended before all is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let told = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (told.status.code().unwrap(), text(&told.stdout), text(&told.stderr))
}

/// Fenced blocks of the guide: language, name and text.
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

/// The guide's files as a pack directory.
fn guide() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("tests")).unwrap();
    for (language, name, text) in blocks() {
        if ["yaml", "toml"].contains(&language) {
            std::fs::write(directory.path().join(name), format!("{text}\n")).unwrap();
        }
    }
    directory
}

fn one(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.ygtc"), text).unwrap();
    directory
}

const WRONG: &str = "name: a
version: 1
triggers: [{type: default, target: hi}]
nodes:
  - {id: hi, type: reply, config: {message: 'Grüße {{uppercas message}}'}, next: thnik}
  - id: think
    type: branch
    config: {conditions: [{expression: message => 3, next: hi}]}
";

#[test]
fn conversations_of_the_guide_go_as_they_stand_there() {
    let directory = guide();
    let chats: Vec<_> = blocks().into_iter().filter(|(language, ..)| *language == "console").collect();
    assert!(chats.len() >= 6);
    for (_, name, expected) in chats {
        let says: Vec<&str> = expected.lines().filter_map(|line| line.strip_prefix("you> ")).collect();
        let arguments: Vec<&str> =
            ["run", name].into_iter().chain(says.iter().flat_map(|say| ["--say", *say])).collect();
        let (status, said, error) = flow(directory.path(), &arguments, "");
        assert_eq!((status, said.trim_end()), (0, expected), "{name}: {error}");
        // The same by standard input.
        let (status, typed, error) = flow(directory.path(), &["run", name], &says.join("\n"));
        assert_eq!((status, typed), (0, said), "{name}: {error}");
    }
}

#[test]
fn commands_of_the_guide_succeed() {
    let directory = guide();
    for (_, _, lines) in blocks().into_iter().filter(|(language, ..)| *language == "sh") {
        for line in lines.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[..2], ["greentic-edge", "flow"], "{line}");
            let (status, _, error) = flow(directory.path(), &words[2..], "");
            assert_eq!(status, 0, "{line}: {error}");
        }
    }
}

#[test]
fn the_demo_passes_its_tests() {
    let (status, said, error) = flow(Path::new(DEMO), &["test"], "");
    assert_eq!(status, 0, "{said}{error}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 3, "{said}");
    let (status, said, _) = flow(Path::new(DEMO), &["validate", ".", "--deny-warnings"], "");
    assert_eq!(status, 0, "{said}");
}

#[test]
fn every_finding_is_shown_with_its_place_and_a_hint() {
    let directory = one(WRONG);
    let (status, shown, error) = flow(directory.path(), &["validate", "a.ygtc"], "");
    assert_eq!(status, 4, "{shown}{error}");
    for part in [
        "error[bad-template]",
        "[a.ygtc:5:54]",
        "did you mean `uppercase`?",
        "error[unknown-target]",
        "[a.ygtc:5:82]",
        "did you mean `think`?",
        "error[bad-expression]",
        "[a.ygtc:8:48]",
        "did you mean `>=`?",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(error.contains("3 errors in 1 file"), "{error}");
    assert!(!shown.contains('\u{1b}'), "no colour where nobody looks: {shown}");
}

#[test]
fn findings_for_machines_and_from_standard_input() {
    let directory = one(WRONG);
    let (status, json, _) = flow(directory.path(), &["validate", "-", "--json"], WRONG);
    assert_eq!(status, 4);
    let findings: Json = serde_json::from_str(&json).unwrap();
    let codes: Vec<_> = findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["bad-template", "unknown-target", "bad-expression"]);
    assert_eq!((findings[1]["line"].as_u64(), findings[1]["file"].as_str()), (Some(5), Some("<stdin>")));
}

#[test]
fn warnings_alone_are_no_failure_unless_they_are_denied() {
    let text = "name: a\nversion: 1\ntriggers: [{type: default, target: hi}]\nnodes:\n  - {id: hi, type: reply, config: {message: Hi}}\n  - {id: stray, type: reply, config: {message: x}}\n";
    let directory = one(text);
    let (status, shown, error) = flow(directory.path(), &["validate", "a.ygtc"], "");
    assert!(status == 0 && shown.contains("warning[unreachable]") && error.contains("1 warning in 1 file"), "{shown}");
    assert_eq!(flow(directory.path(), &["validate", "a.ygtc", "--deny-warnings"], "").0, 4);
}

#[test]
fn a_flow_is_checked_with_the_pack_that_has_it() {
    let directory = guide();
    let file = directory.path().join("main.ygtc");
    let text = std::fs::read_to_string(&file).unwrap().replace("target_flow: order", "target_flow: ordr");
    std::fs::write(&file, text).unwrap();
    let (status, shown, _) = flow(directory.path(), &["validate", "main.ygtc"], "");
    assert!(status == 4 && shown.contains("error[missing-flow]"), "{shown}");
    let (status, shown, error) = flow(directory.path(), &["validate", "order.ygtc"], "");
    assert!(status == 0 && shown.is_empty(), "{shown}{error}");
    // A pack with a mistake in it is not talked to.
    let (status, _, error) = flow(directory.path(), &["run", ".", "--say", "hi"], "");
    assert!(status == 4 && error.contains("error[missing-flow]"), "{error}");
}

#[test]
fn a_chat_for_machines() {
    let directory = guide();
    let arguments = ["run", "price.ygtc", "--json", "--locale", "de", "--say", "cake", "--say", "/why"];
    let (status, said, error) = flow(directory.path(), &arguments, "");
    assert_eq!(status, 0, "{error}");
    let turns: Vec<Json> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((turns.len(), turns[0]["input"].as_str()), (2, Some("cake")));
    let text = turns[0]["replies"][0]["text"].as_str().unwrap();
    assert!(text.contains("component `price` is not available in `flow run`"), "{text}");
    assert_eq!((&turns[0]["error"], turns[0]["waits"].as_bool()), (&Json::Null, Some(false)));
}

#[test]
fn an_unhandled_failure_is_shown_to_the_author_and_not_to_the_user() {
    let text = "name: a\nversion: 1\ntriggers: [{type: default, target: a}]\nnodes:\n  - {id: a, type: http, config: {url: 'https://x.example/'}}\n";
    let directory = one(text);
    let (status, said, _) = flow(directory.path(), &["run", "a.ygtc", "--say", "x"], "");
    assert_eq!(status, 0);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].starts_with("bot> ") && !lines[1].contains("x.example"), "{said}");
    assert!(lines[2].contains("node `a` (line 5): http-refused") && lines[2].contains("flow test"), "{said}");
}

#[test]
fn a_conversation_that_goes_another_way_is_a_diff_and_status_1() {
    let directory = guide();
    let file = directory.path().join("tests/people.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("- What is your name?", "- Who are you?");
    std::fs::write(&file, text).unwrap();
    let (status, said, error) = flow(directory.path(), &["test"], "");
    assert_eq!(status, 1, "{said}{error}");
    let diff = "--- expected\n+++ came\n@@ step 1: say \"hello\" @@\n-bot> Who are you?\n+bot> What is your name?\n";
    assert!(said.contains(diff), "{said}");
    assert!(error.contains("3 passed, 1 failed"), "{error}");
    let (_, json, _) = flow(directory.path(), &["test", "tests/people.yaml", "--json"], "");
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!((json[0]["passed"].as_bool(), json[0]["failure"]["step"].as_u64()), (Some(false), Some(1)));
}

#[test]
fn what_a_conversation_did_not_fake_fails_it() {
    let directory = guide();
    let file = directory.path().join("tests/weather.yaml");
    std::fs::write(&file, "name: n\nflow: weather\nsteps:\n  - say: Bonn\n").unwrap();
    let (status, said, _) = flow(directory.path(), &["test", "tests/weather.yaml"], "");
    assert!(status == 1 && said.contains("not faked: GET https://weather.example.com/v1/today?city=Bonn"), "{said}");
}

#[test]
fn a_file_that_is_no_conversation_is_status_4() {
    let directory = guide();
    let file = directory.path().join("tests/people.yaml");
    std::fs::write(&file, "name: n\nflow: nmae\nsteps: [{sya: x}]\n").unwrap();
    let (status, _, error) = flow(directory.path(), &["test"], "");
    assert_eq!(status, 4, "{error}");
    assert!(error.contains("people.yaml: steps[1]: unknown key `sya`; did you mean `say`?"), "{error}");
    std::fs::write(&file, "name: n\nflow: nmae\nsteps: [{say: x}]\n").unwrap();
    let (status, _, error) = flow(directory.path(), &["test"], "");
    assert!(status == 4 && error.contains("there is no flow `nmae`; did you mean `name`?"), "{error}");
}

#[test]
fn flows_are_formatted_in_place_and_only_when_all_are_good() {
    let directory = one(
        "# mine\nversion: 1\nname: a\nnodes:\n  - {type: reply, id: hi, config: {message: Hi}}\ntriggers: [{type: default, target: hi}]\n",
    );
    let file = directory.path().join("a.ygtc");
    let (status, named, _) = flow(directory.path(), &["fmt", "--check", "a.ygtc"], "");
    assert_eq!((status, named.trim_end()), (1, "a.ygtc"));
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(directory.path().join("b.ygtc"), "name: [").unwrap();
    let (status, shown, _) = flow(directory.path(), &["fmt", "a.ygtc", "b.ygtc"], "");
    assert!(status == 4 && shown.contains("error[yaml]"), "{shown}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(flow(directory.path(), &["fmt", "a.ygtc"], "").0, 0);
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains("# mine") && after != before, "{after}");
    assert_eq!(flow(directory.path(), &["fmt", "--check", "a.ygtc"], "").0, 0);
    let (status, map, error) = flow(directory.path(), &["fmt", "--dialect", "map", "-"], &before);
    assert!(status == 0 && map.contains("id: a"), "{map}{error}");
}

#[test]
fn drawings_and_schemas() {
    let directory = guide();
    let (status, mermaid, error) = flow(directory.path(), &["graph", "name.ygtc"], "");
    assert_eq!(status, 0, "{error}");
    for line in ["flowchart TD", "state.name != null", "|\"timeout\"|", "(\"<b>ask</b><br/>wait\")"] {
        assert!(mermaid.contains(line), "{line} in {mermaid}");
    }
    let (_, again, _) = flow(directory.path(), &["graph", "name.ygtc"], "");
    assert_eq!(again, mermaid);
    let (status, dot, _) = flow(directory.path(), &["graph", "name.ygtc", "--format", "dot"], "");
    assert!(status == 0 && dot.starts_with("digraph \"name\" {"), "{dot}");
    assert_eq!(flow(one(WRONG).path(), &["graph", "a.ygtc"], "").0, 4);
    for dialect in ["list", "map"] {
        let (status, schema, _) = flow(directory.path(), &["schema", dialect], "");
        let schema: Json = serde_json::from_str(&schema).unwrap();
        assert!(status == 0 && schema["properties"]["nodes"].is_object());
    }
}

#[test]
fn every_verb_has_examples_in_its_help() {
    let directory = tempfile::tempdir().unwrap();
    for verb in ["validate", "graph", "run", "test", "fmt", "schema"] {
        let (status, help, _) = flow(directory.path(), &[verb, "--help"], "");
        assert!(status == 0 && help.contains(&format!("greentic-edge flow {verb}")), "{help}");
    }
}
