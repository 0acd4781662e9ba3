//! The command line as a person meets it: the demo's printed lines do what they say, mistakes are named with their place
//! and the way out, and exit statuses are the documented ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{Bundle, PATIENCE, command, program};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Where nothing listens: no test of this file sends anything.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    /// What it printed to try.
    printed: Vec<String>,
    /// What it says meanwhile, line by line.
    said: Receiver<String>,
}

impl Demo {
    fn start() -> Demo {
        let mut child = command()
            .args(["demo", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let (say, said) = channel();
        // Reads until the demo ends, so that a full pipe never stops it; the test may have gone by then.
        std::thread::spawn(move || stderr.map_while(Result::ok).for_each(|line| drop(say.send(line))));
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut demo = Demo { child, printed: Vec::new(), said };
        for line in stdout {
            demo.printed.push(line.unwrap());
            if demo.printed.last().is_some_and(|line| line == "Ctrl-C ends the demo.") {
                return demo;
            }
        }
        panic!("the demo ended early: {:#?}", demo.said.iter().collect::<Vec<_>>());
    }

    /// The printed commands, each whole.
    fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        for line in &self.printed {
            match commands.last_mut().filter(|command| command.ends_with('\\')) {
                Some(command) => command.push_str(&format!("\n{line}")),
                None if line.starts_with("curl ") => commands.push(line.clone()),
                None => {}
            }
        }
        commands
    }

    /// The next so many things that the bot says.
    fn bot(&self, count: usize) -> Vec<String> {
        let lines = std::iter::from_fn(|| Some(self.said.recv_timeout(PATIENCE).expect("the bot to say more")));
        lines.filter(|line| line.starts_with("bot (")).take(count).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a printed line as a person would and gives its HTTP status.
fn http_status(line: &str) -> String {
    let line =
        if line.contains("http_code") { line.to_owned() } else { format!("{line} -o /dev/null -w '%{{http_code}}'") };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let told = Command::new("sh").arg("-c").arg(&line).env_clear().env("PATH", path).output().unwrap();
    assert!(told.status.success(), "{line}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

/// Runs it to its end in `directory`: status, standard output, standard error.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let told = command().args(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (told.status.code().unwrap(), text(&told.stdout), text(&told.stderr))
}

#[test]
fn every_printed_line_of_the_demo_works() {
    if program("curl").is_none() {
        return;
    }
    let demo = Demo::start();
    let statuses: Vec<String> = demo.commands().iter().map(|command| http_status(command)).collect();
    assert_eq!(statuses, ["200", "200", "200", "200", "200", "403"]);
    // One line for each message: the repeated update says nothing.
    let expected = [
        "bot (sendMessage): Hello! I am Greta. What shall we do? [Tell me your name] [How it works]",
        "bot (sendMessage): SHOUT HELLO EDGE!",
        "bot (answerCallbackQuery):",
        "bot (sendMessage): What is your name?",
        "bot (sendMessage): Nice to meet you, Ada.",
    ];
    let bot = demo.bot(expected.len());
    let bot: Vec<&str> = bot.iter().map(|line| line.trim_end()).collect();
    assert_eq!(bot, expected);
}

#[test]
fn help_shows_examples() {
    let directory = tempfile::tempdir().unwrap();
    let (status, help, _) = run(directory.path(), &["--help"]);
    assert_eq!(status, 0);
    for example in ["greentic-edge demo", "greentic-edge key new", "greentic-edge pack build", "greentic-edge serve"] {
        assert!(help.contains(example), "{example} in {help}");
    }
    for command in [
        &["demo"][..],
        &["serve"],
        &["serve-component"],
        &["pack", "build"],
        &["pack", "compose"],
        &["bundle", "export"],
        &["key", "new"],
    ] {
        let (status, help, _) = run(directory.path(), &[command, &["--help"]].concat());
        let example = format!("greentic-edge {}", command.join(" "));
        let (_, after) = help.split_once("Example").unwrap_or_else(|| panic!("no example in {help}"));
        assert!(status == 0 && after.contains(&example), "{help}");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_names_the_nearest() {
    let bundle = Bundle::demo(NOWHERE);
    bundle.config("[server]\nprot = 1\n");
    let (status, _, error) = run(bundle.path(), &["serve", ".", "--config", "greentic.toml", "--port", "0"]);
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("prot") && error.contains("did you mean `port`?"), "{error}");
}

#[test]
fn a_broken_flow_is_shown_by_file_line_and_column() {
    let bundle = Bundle::demo(NOWHERE);
    let flow = bundle.path().join("app/flows/main.ygtc");
    let text = std::fs::read_to_string(&flow).unwrap().replacen("next: known", "next: knwon", 1);
    std::fs::write(&flow, &text).unwrap();
    let (line, column) = text.lines().zip(1..).find_map(|(line, n)| Some((n, line.find("knwon")? + 1))).unwrap();

    let (status, _, error) =
        run(bundle.path(), &["pack", "build", "app", "--key", "publisher.pem", "-o", "new.gtpack"]);
    assert_eq!(status, 4, "{error}");
    assert!(error.contains(&format!("app/flows/main.ygtc:{line}:{column}: error")), "{line}:{column} in {error}");
    assert!(error.contains("knwon") && error.contains("did you mean `known`?"), "{error}");
    assert!(!bundle.path().join("new.gtpack").exists());
}

#[test]
fn an_unsigned_directory_is_not_served_and_the_way_out_is_named() {
    let directory = tempfile::tempdir().unwrap();
    greentic_edge::write_demo_bundle(directory.path()).unwrap();
    let (status, _, error) = run(directory.path(), &["serve", ".", "--port", "0"]);
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("unsigned") && error.contains("greentic-edge pack build"), "{error}");
}

#[test]
fn a_pack_of_an_unknown_publisher_is_not_served() {
    let bundle = Bundle::demo(NOWHERE);
    assert_eq!(run(bundle.path(), &["key", "new", "other.pem"]).0, 0);
    let build = ["pack", "build", "app", "--key", "other.pem", "-o", "app.gtpack"];
    assert_eq!(run(bundle.path(), &build).0, 0);
    bundle.config("");
    let (status, _, error) = run(bundle.path(), &["serve", ".", "--config", "greentic.toml", "--port", "0"]);
    assert_eq!(status, 2, "{error}");
    assert!(error.contains("app.gtpack"), "{error}");
}

#[test]
fn a_new_key_is_private_and_never_written_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("publisher.pem");
    assert_eq!(run(directory.path(), &["key", "new", "publisher.pem"]).0, 0);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read(&path).unwrap();
    let (status, _, error) = run(directory.path(), &["key", "new", "publisher.pem"]);
    assert!(status == 1 && error.contains("publisher.pem"), "{status} {error}");
    assert_eq!(std::fs::read(&path).unwrap(), key);
}
