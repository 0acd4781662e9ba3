//! Bus subjects (spec/runtime.md, "Subjects"). The parts have passed [`crate::check_id`], so no part can add a
//! token or a wildcard.

use crate::{ChannelKey, TenantCtx};

/// Stream that holds `greentic.messaging.egress.>`.
pub const EGRESS_STREAM: &str = "GREENTIC_EGRESS";
/// Stream that holds the dead letters.
pub const DEAD_LETTER_STREAM: &str = "GREENTIC_DLQ";
pub const EGRESS_FILTER: &str = "greentic.messaging.egress.>";
pub const DEAD_LETTER_FILTER: &str = "greentic.messaging.dlq.>";
/// Stream that holds what flows told the rest of the world.
pub const EVENTS_STREAM: &str = "GREENTIC_EVENTS";
pub const EVENTS_FILTER: &str = "greentic.events.>";

/// Bytes of an event's type.
const MAX_EVENT_TYPE: usize = 100;

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

/// What the subjects of a tenant's events begin with; a dot and the event's type follow.
pub fn events(tenant: &TenantCtx) -> String {
    format!("greentic.events.{}.{}", tenant.env_id, tenant.tenant_id)
}

/// Whether `subject` is an event's below `prefix`: the type is names of A-Z, a-z, 0-9, `_`, `-` with dots between them,
/// so it can neither select nor leave its tenant.
pub fn is_event_below(prefix: &str, subject: &str) -> bool {
    let token =
        |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let event_type = subject.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    event_type.is_some_and(|name| name.len() <= MAX_EVENT_TYPE && name.split('.').all(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_subject_stays_below_its_tenant() {
        let tenant = TenantCtx { env_id: "dev".into(), tenant_id: "acme".into(), team_id: Some("sales".into()) };
        let prefix = events(&tenant);
        assert_eq!(prefix, "greentic.events.dev.acme");
        for good in ["order", "order.shipped", "Order_1-a.result"] {
            assert!(is_event_below(&prefix, &format!("{prefix}.{good}")), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "*", ">", "a.>", "a b", "ä", &"a".repeat(101)] {
            assert!(!is_event_below(&prefix, &format!("{prefix}.{bad}")), "{bad}");
        }
        for foreign in ["greentic.events.dev.acme", "greentic.events.dev.acme2.order", "greentic.messaging.egress.dev"]
        {
            assert!(!is_event_below(&prefix, foreign), "{foreign}");
        }
    }
}
