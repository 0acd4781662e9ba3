//! The flow language: from a `.ygtc` text to the intermediate representation, and from that to what a bot says.
//!
//! Two halves that meet in [`ir`]. With feature `compile`, [`compile`] reads a flow, reports every finding with its
//! place, and writes one record for the flow's head and one a node. Without it, [`engine`] steps those records: pure,
//! effects out and results in, so the same code runs in the guest, in `flow run` and in tests. Nothing that parses
//! YAML, templates, expressions or patterns is in the engine's half: what a request needs was made at build. Scripts alone
//! are parsed again when they run (docs/decisions/0006-scripts.md).
//!
//! It leaves to others where records are kept (`greentic-pack`), how a session is stored (`greentic-session`) and how
//! a reply looks on a platform (`greentic-channels`).

pub mod engine;
pub mod ir;

mod budget;
mod card;
mod data;
mod expr;
mod http;
mod llm;
mod pattern;
mod script;
mod search;
mod shape;
mod template;

#[cfg(feature = "compile")]
mod compile;
#[cfg(feature = "compile")]
mod cron;
#[cfg(feature = "compile")]
mod dialect;
#[cfg(feature = "compile")]
mod finding;
#[cfg(feature = "compile")]
mod format;
#[cfg(feature = "compile")]
mod graph;
#[cfg(feature = "compile")]
mod matcher;
#[cfg(feature = "compile")]
mod sidecar;
#[cfg(feature = "compile")]
mod validate;
#[cfg(feature = "compile")]
mod yaml;

#[cfg(feature = "compile")]
pub use compile::{Compiled, Context, compile, flow_name, recursion};
#[cfg(feature = "compile")]
pub use dialect::{Dialect, reference_markdown, schema};
#[cfg(feature = "compile")]
pub use finding::{CODES, Code, Finding, Position, Severity, diagnostics_markdown};
#[cfg(feature = "compile")]
pub use format::format;
#[cfg(feature = "compile")]
pub use graph::Graph;
#[cfg(feature = "compile")]
pub use matcher::Pattern;
#[cfg(feature = "compile")]
pub use sidecar::Sidecar;
