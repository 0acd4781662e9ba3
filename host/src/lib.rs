//! The host of greentic-edge: serves webhooks, or any one `wasi:http` program, by fresh component instances.
//!
//! It knows HTTP, instances, limits and capabilities. It knows no channel and no flow: nothing here may depend on
//! `greentic-flow` or `greentic-channels`. Start reading at `handle.rs`, the life of one request; then `sandbox.rs`
//! and `engine/linkers.rs`, what a guest can reach; then `load/`, what is done once.

pub mod bindings;
pub mod bundle;
pub mod bus;
pub mod components;
pub mod config;
pub mod engine;
pub mod handle;
pub mod host;
pub mod imports;
mod incoming_http;
pub mod load;
pub mod relay;
pub mod respond;
pub mod route;
pub mod sandbox;
pub mod secrets;
pub mod server;
pub mod services;
pub mod sidecar;
pub mod texts;
mod unstalled;
pub mod worker;
