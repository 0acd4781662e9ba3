//! `greentic-edge flow`: everything an author does with flows before they are served. One file a verb.

mod app;
mod check;
mod fmt;
mod graph;
mod paint;
mod report;
mod run;
mod schema;
mod test;

use clap::{Args, Subcommand};

#[derive(Args)]
pub struct Flow {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show everything that is wrong with flows
    #[command(
        after_help = "Examples:\n  greentic-edge flow validate my-app\n  greentic-edge flow validate my-app/flows/main.ygtc --json\n  cat main.ygtc | greentic-edge flow validate -\n\nExits with 4 when there is an error. A flow that a pack.toml above it names is checked with that pack; one that stands\nalone gets warnings for what only a pack could tell. The codes are explained in docs/flow-diagnostics.md."
    )]
    Validate(check::Validate),
    /// Draw a flow
    #[command(
        after_help = "Examples:\n  greentic-edge flow graph my-app/flows/main.ygtc\n  greentic-edge flow graph my-app/flows/main.ygtc --format dot | dot -Tsvg > main.svg"
    )]
    Graph(graph::Graph),
    /// Talk to a flow at the terminal, with no server and no network
    #[command(
        after_help = "Examples:\n  greentic-edge flow run my-app\n  greentic-edge flow run my-app/flows/main.ygtc --say hello --say '/press 1'\n  greentic-edge flow run my-app --flow order --locale de --json --say hello\n\nIn the chat:\n  1, /press 1    work a button or an action of a card, by number or by label\n  /wait 1h       let the clock jump\n  /event T {…}   let an event of type T happen\n  /state         show what the session remembers\n  /quit          end\nAny other line that begins with / is a command for the flow."
    )]
    Run(run::Run),
    /// Run the conversations in a pack's tests/*.yaml
    #[command(
        after_help = "Examples:\n  greentic-edge flow test my-app\n  greentic-edge flow test my-app/tests/greeting.yaml --json\n\nExits with 1 when a conversation goes another way than expected, with 4 when a file can't be read as one. How they are\nwritten is told in docs/flows.md."
    )]
    Test(test::Test),
    /// Write flows in the one canonical form, or in the other dialect
    #[command(
        after_help = "Examples:\n  greentic-edge flow fmt my-app/flows/*.ygtc\n  greentic-edge flow fmt --check my-app/flows/*.ygtc\n  greentic-edge flow fmt --dialect map main.ygtc\n  cat main.ygtc | greentic-edge flow fmt -\n\nWith --check nothing is written, and a file that would change makes it exit with 1."
    )]
    Fmt(fmt::Fmt),
    /// Print the JSON Schema of a dialect, for editors
    #[command(after_help = "Example:\n  greentic-edge flow schema list > ygtc-list.schema.json")]
    Schema(schema::Schema),
}

impl Flow {
    pub fn run(&self) -> anyhow::Result<()> {
        match &self.verb {
            Verb::Validate(validate) => validate.run(),
            Verb::Graph(graph) => graph.run(),
            Verb::Run(run) => run.run(),
            Verb::Test(test) => test.run(),
            Verb::Fmt(fmt) => fmt.run(),
            Verb::Schema(schema) => schema.run(),
        }
    }
}

/// What an author has to put right; everything there is to say of it beside this line was said.
#[derive(Debug)]
pub struct Rejected(pub String);

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Rejected {}
