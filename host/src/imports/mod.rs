//! What guests may call, one file an interface of `wit/edge`. Only these files and `bindings.rs` know WIT.
//!
//! Each file implements the generated trait for `Sandbox`, checks the right once more, adds the tenant from the
//! route, and hands on to a service that knows no WIT. A new capability is one file here and one line in
//! `engine/linkers.rs`.

pub mod app_hosts;
mod egress;
pub mod egress_feed;
mod flow;
pub mod nodes;
pub mod outgoing_http;
pub mod program;
mod program_hosts;
pub mod provider;
mod route;
mod secrets;
pub mod session;
mod session_store;
pub(crate) mod stderr;
