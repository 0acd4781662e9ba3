//! Channels: verify, decode and render, as pure functions on bytes.
//!
//! Each platform is one module with the same four doors: `webhook` (request to answer and messages), `render`
//! (outgoing message to API calls), `outcome` (the API's answer to what became of the message) and `Settings`. The
//! shapes those doors share stand here, so that a further channel adds a module and changes nothing else.
//!
//! Nothing here does I/O, reads a clock or knows WIT: guests fetch secrets, send the calls and translate.

mod card;
mod exchange;
mod lenient;
mod outgoing;
mod secret;
mod text;

pub mod telegram;

pub use card::CardError;
pub use exchange::{Answer, ApiCall, RawRequest, Received};
pub use outgoing::{Outbound, SendOutcome};
pub use secret::Secret;
