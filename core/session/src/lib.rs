//! What a conversation is in storage: the record, its keys, what waits to be published, and the Redis scripts that
//! make a turn atomic.
//!
//! Pure: time, tickets and bytes are arguments. Connections, waiting and lease renewal are the host's
//! (`host/src/imports/session`) or, in a composed component, an adapter's (`guest-adapters/sdk/src/session.rs`); both
//! call the scripts by `steps`.

mod key;
mod publication;
mod record;

pub mod resp;
pub mod scripts;
pub mod steps;

pub use key::{SessionKey, StoredKey};
pub use publication::{OutboxEntry, OutboxError, Publication};
pub use record::{Frame, Record, RecordError, Wait};
