//! The command line: reads arguments, chooses a command, turns its error into words and an exit status.
//!
//! Exit statuses (spec/bundle-and-config.md): 0 success, 1 general, 2 configuration, 3 runtime, 4 validation.

mod builtins;
mod chat;
mod commands;
mod composition;
mod demo;
mod exit;
mod export;
mod flow_sources;
mod logging;
mod output;
mod pack_directory;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

pub use builtins::BUILTINS;
pub use demo::bundle::write as write_demo_bundle;
pub use pack_directory::build_ephemeral as build_pack_directory;

#[derive(Parser)]
#[command(
    name = "greentic-edge",
    version,
    about = "Serves conversation flows: one fresh WebAssembly instance per webhook",
    after_help = "Examples:\n  greentic-edge demo\n  greentic-edge flow run my-app\n  greentic-edge key new publisher.pem\n  greentic-edge pack build my-app --key publisher.pem -o my-app.gtpack\n  greentic-edge bundle export --target spin dist --bundle my-bundle\n  greentic-edge serve my-bundle --config greentic.toml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the demo bundle on this machine, with nothing else installed
    Demo(commands::demo::Demo),
    /// Serve a bundle
    Serve(commands::serve::Serve),
    /// Serve any one `wasi:http` component
    ServeComponent(commands::serve_component::ServeComponent),
    /// Check, draw, try, test and format flows
    Flow(commands::flow::Flow),
    /// Build packs, and compose them for other hosts
    Pack(commands::pack::Pack),
    /// Export bundles to other hosts
    Bundle(commands::bundle::Bundle),
    /// Make signing keys
    Key(commands::key::Key),
}

/// The whole program.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::ServeComponent(command) => command.run(),
        Command::Flow(command) => command.run(),
        Command::Pack(command) => command.run(),
        Command::Bundle(command) => command.run(),
        Command::Key(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            exit::status(&error)
        }
    }
}
