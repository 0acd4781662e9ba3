//! One file a command.

pub mod demo;
pub mod key;
pub mod pack;
pub mod serve;
