//! Bus subjects (spec/runtime.md, "Subjects"). The parts have passed [`crate::check_id`], so no part can add a
//! token or a wildcard.

use crate::ChannelKey;

/// Stream that holds `greentic.messaging.egress.>`.
pub const EGRESS_STREAM: &str = "GREENTIC_EGRESS";
/// Stream that holds the dead letters.
pub const DEAD_LETTER_STREAM: &str = "GREENTIC_DLQ";
pub const EGRESS_FILTER: &str = "greentic.messaging.egress.>";
pub const DEAD_LETTER_FILTER: &str = "greentic.messaging.dlq.>";

/// Header that names the tenant.
pub const TENANT_HEADER: &str = "Greentic-Tenant";
/// Header by which JetStream drops what it has already.
pub const MESSAGE_ID_HEADER: &str = "Nats-Msg-Id";
/// Header of a dead letter: why it could not be delivered.
pub const REASON_HEADER: &str = "Greentic-Reason";

pub fn egress(channel: &ChannelKey) -> String {
    format!("greentic.messaging.egress.{channel}")
}

pub fn dead_letter(channel: &ChannelKey) -> String {
    format!("greentic.messaging.dlq.{channel}")
}
