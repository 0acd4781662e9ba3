//! Memory: of one live instance of each kind, and of a host with nothing to do and with every place taken.

use super::child::{What, arguments};
use super::forms::PATIENCE;
use super::servers::Programs;
use super::subject::Subject;
use crate::webhook::Server;
use crate::{load, served};
use anyhow::{Context, ensure};
use serde::Serialize;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub bytes: u64,
}

/// One row for each kind of instance. Composed ones need servers for their turn.
pub async fn held(programs: Option<&Programs>, subjects: &[Subject]) -> anyhow::Result<Vec<Row>> {
    let first = subjects.first().context("no subject")?;
    let mut rows = Vec::new();
    for (name, what) in [
        ("edge, after a turn", What::HoldEdge),
        ("edge and its provider", What::HoldEdgeAndProvider),
        ("node", What::HoldNode),
    ] {
        rows.push(Row { name: name.into(), bytes: told(&arguments(what, first.bundle(), None)?)? });
    }
    let Some(programs) = programs else { return Ok(rows) };
    // All that there are, reached: the rest would be counted as made and not as used.
    for subject in subjects.iter().filter(|subject| subject.reached == subject.nodes) {
        let servers = programs.start().await?;
        let arguments = arguments(What::HoldComposed, subject.component(), Some(&servers.addresses))?;
        let name = format!("composed, {} parts: {}", subject.parts, subject.label());
        rows.push(Row { name, bytes: told(&arguments)? });
        // Its answer would be the same with the reply left in the outbox.
        let (published, turns) = (servers.published().await?, super::HELD + 1);
        ensure!(published == turns, "{turns} messages were sent and {published} replies published");
    }
    Ok(rows)
}

/// The number that a child prints.
fn told(arguments: &[String]) -> anyhow::Result<u64> {
    let child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(child.status.success(), "{}: {}", arguments.join(" "), child.status);
    let said = String::from_utf8(child.stdout)?;
    said.trim().parse().with_context(|| format!("expected a number of bytes: {said}"))
}

/// Hands every message to a node that never returns.
const HANGING_FLOW: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: hang
    type: misbehave
    config: {input: loop}
    output: nothing
    next: say
  - id: say
    type: reply
    config: {message: "{{nothing}}"}
triggers:
  - {type: default, target: hang}
"#;

/// A host with the default pool and memory store: idle, and with a turn in every place, each of them in a node.
pub async fn host() -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let components = [("misbehave".to_owned(), greentic_artifacts::MISBEHAVE.to_vec())];
    served::write_bundle(directory.path(), HANGING_FLOW, &components)?;
    let arguments = arguments(What::ServeLazy, directory.path().to_owned(), None)?;
    let server = Server::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    let idle = server.resident()?;
    let places = u64::from(served::config().server.max_concurrent_requests);
    let mut turns = JoinSet::new();
    for _ in 0..places {
        let address = server.address.clone();
        turns.spawn(async move { load::one(&address).await });
    }
    // Each has the edge and the node.
    let end = Instant::now() + PATIENCE * 3;
    loop {
        let instances = instances(&server).await?;
        if instances >= places * 2 {
            break;
        }
        ensure!(Instant::now() < end, "only {instances} of {} instances are alive", places * 2);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let busy = server.resident()?;
    Ok(vec![
        Row { name: "host process, idle".into(), bytes: idle },
        Row { name: format!("host process, {places} turns at once"), bytes: busy },
    ])
}

/// Instances of the pool in use, by the host's own page.
async fn instances(server: &Server) -> anyhow::Result<u64> {
    let page: serde_json::Value = serde_json::from_slice(&load::get(&server.address, "/ready").await?)?;
    page.pointer("/pool/instances").and_then(serde_json::Value::as_u64).context("/ready does not tell of the pool")
}
