//! The envelope: one message as it stands on the bus, in JSON (spec/runtime.md, "Subjects").
//!
//! It never holds a secret. `reply_context` is the provider's own note to itself and may name platform ids only.

use crate::{Reply, TenantCtx};
use serde::{Deserialize, Serialize};

/// What is to be sent. Externally tagged, so that an unknown kind is an error and not an empty reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Reply(Reply),
    /// An act the platform demands whatever the flow does; the text is the provider's.
    Acknowledgement(String),
}

/// One outgoing message on `greentic.messaging.egress.…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Equals the `Nats-Msg-Id` header.
    pub id: String,
    pub tenant: TenantCtx,
    pub channel: String,
    pub conversation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_context: Option<String>,
    /// The delivery that caused it.
    pub delivery_id: String,
    pub content: Content,
}
