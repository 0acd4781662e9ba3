//! The benchmark harness. We claim only what it shows: every figure stands beside a baseline of the same run, with the
//! machine's facts, as a table for people and one JSON line for machines.
//!
//! `instances`: store + instantiate + one call + drop, in a loop on one thread. `webhook`: the whole path over loopback,
//! servers in processes of their own. What is measured is verified first: a wrong answer ends the run.

mod bare;
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

#[derive(Subcommand, Clone, Copy, PartialEq)]
enum Part {
    /// Only fresh instances
    Instances,
    /// Only whole webhooks
    Webhook,
    /// A server to be measured, in a process of its own
    #[command(hide = true)]
    Server {
        #[arg(value_enum)]
        kind: webhook::Kind,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Part::Server { kind }) = arguments.part {
        return webhook::serve(kind);
    }
    let wanted = |part| arguments.part.is_none_or(|only| only == part);
    let mut results = serde_json::Map::new();
    results.insert("machine".into(), machine::facts());
    if !arguments.json {
        println!("{}\n", machine::describe());
    }
    if wanted(Part::Instances) {
        let rows = instances::run(arguments.quick)?;
        if !arguments.json {
            println!("Fresh instance: store + instantiate + one call + drop, one thread\n{}", table::instances(&rows));
        }
        results.insert("instances".into(), json!(rows));
    }
    if wanted(Part::Webhook) {
        let rows = webhook::run(arguments.quick)?;
        if !arguments.json {
            println!("Whole webhook over loopback, memory store, one Telegram update each\n{}", table::webhooks(&rows));
        }
        results.insert("webhook".into(), json!(rows));
    }
    println!("{}", serde_json::Value::Object(results));
    Ok(())
}
