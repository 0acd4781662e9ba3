//! One file a command.

pub mod bundle;
pub mod compose;
pub mod demo;
pub mod flow;
pub mod key;
pub mod pack;
pub mod serve;
pub mod serve_component;
