//! What the fuzz targets share: a text as a case, a flow made of bytes, a host that answers whatever is asked, and what
//! must hold of every turn.
//!
//! Targets use the public API alone. Expressions, templates, scripts and cards are reached through a flow around them, so
//! what is tried is what a pack really goes through: compiler, records, engine.

pub mod case;
pub mod flows;
pub mod host;
pub mod rewriting;
