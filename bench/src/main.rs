//! The benchmark harness. We claim only what it shows: every figure stands beside a baseline of the same run, with the
//! machine's facts, as a table for people and one JSON line for machines.
//!
//! `instances`: store + instantiate + one call + drop, in a loop on one thread. `webhook`: the whole path over loopback,
//! servers in processes of their own. `composition`: both, and memory, of one app composed and linked lazily. `flow`: the
//! flow language, natively and in the edge. What is measured is verified first: a wrong answer ends the run.

mod bare;
mod composition;
mod flow;
mod instances;
mod load;
mod machine;
mod native;
mod served;
mod table;
mod webhook;

use clap::{Parser, Subcommand};
use serde_json::json;

#[derive(Parser)]
#[command(about = "Measures fresh instances and whole webhooks beside baselines in the same run")]
struct Arguments {
    /// Fewer iterations: shows that the harness works, not what the product does
    #[arg(long, global = true)]
    quick: bool,
    /// Only the JSON line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand, Clone, PartialEq)]
enum Part {
    /// Only fresh instances
    Instances,
    /// Only whole webhooks
    Webhook,
    /// Only composed beside lazily linked
    Composition,
    /// Only the flow language
    Flow,
    /// A server to be measured, in a process of its own
    #[command(hide = true)]
    Server {
        #[arg(value_enum)]
        kind: webhook::Kind,
    },
    /// The same for what `composition` measures
    #[command(hide = true)]
    CompositionChild(composition::Task),
}

fn main() -> anyhow::Result<()> {
    let Arguments { quick, json: only_json, part } = Arguments::parse();
    match part {
        Some(Part::Server { kind }) => webhook::serve(kind),
        Some(Part::CompositionChild(task)) => task.run(),
        part => measure(quick, only_json, part),
    }
}

fn measure(quick: bool, only_json: bool, part: Option<Part>) -> anyhow::Result<()> {
    let wanted = |wanted| part.as_ref().is_none_or(|only| *only == wanted);
    let mut results = serde_json::Map::new();
    results.insert("machine".into(), machine::facts());
    if !only_json {
        println!("{}\n", machine::describe());
    }
    if wanted(Part::Instances) {
        let rows = instances::run(quick)?;
        if !only_json {
            println!("Fresh instance: store + instantiate + one call + drop, one thread\n{}", table::instances(&rows));
        }
        results.insert("instances".into(), json!(rows));
    }
    if wanted(Part::Webhook) {
        let rows = webhook::run(quick)?;
        if !only_json {
            println!("Whole webhook over loopback, memory store, one Telegram update each\n{}", table::webhooks(&rows));
        }
        results.insert("webhook".into(), json!(rows));
    }
    if wanted(Part::Composition) {
        let found = composition::run(quick)?;
        if !only_json {
            println!("Composed beside lazily linked\n\n{}", table::composition(&found));
        }
        results.insert("composition".into(), json!(found));
    }
    if wanted(Part::Flow) {
        let found = flow::run(quick)?;
        if !only_json {
            println!("Flow language\n\n{}", table::flow(&found));
        }
        results.insert("flow".into(), json!(found));
    }
    println!("{}", serde_json::Value::Object(results));
    Ok(())
}
