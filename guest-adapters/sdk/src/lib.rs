//! What guest components share beyond their WIT worlds. It knows no `greentic:edge` type: each guest generates its
//! own world, so that a world stays a list of what that one component may do.
//!
//! A guest pays for what it calls and for nothing else: whatever is not reached is left out when it is linked. All but
//! `address` is empty on the native target, where `cargo build --workspace` meets it too.

pub mod address;

#[cfg(target_family = "wasm")]
pub mod clock;
#[cfg(target_family = "wasm")]
pub mod http;
#[cfg(target_family = "wasm")]
pub mod incoming;
#[cfg(target_family = "wasm")]
pub mod nats;
#[cfg(target_family = "wasm")]
pub mod redis;
#[cfg(target_family = "wasm")]
pub mod session;
#[cfg(target_family = "wasm")]
pub mod socket;
#[cfg(target_family = "wasm")]
pub mod stream;
#[cfg(target_family = "wasm")]
pub mod tls;
