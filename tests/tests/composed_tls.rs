//! A composed component and its servers, told apart from impostors and let in: TLS with certificates that are checked,
//! passwords, tokens and nkeys. Against real servers, through `greentic-edge serve-component`.
//!
//! The rule: what asks for TLS never speaks in the clear, and whatever is wrong with a server costs no message and no
//! secret. Without its bus a component accepts and keeps (200); without its session store it refuses (503); and the log
//! says what is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

#[path = "composed_tls/certificates.rs"]
mod certificates;
#[path = "composed_tls/credentials.rs"]
mod credentials;
#[path = "composed_tls/door.rs"]
mod door;
#[path = "composed_tls/impostors.rs"]
mod impostors;
#[path = "composed_tls/spin_variables.rs"]
mod spin_variables;
