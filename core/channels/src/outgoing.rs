//! What goes out: the message a channel renders, and what became of sending it.

use greentic_types::Content;

/// One outgoing message, as `greentic:edge/types.outbound` gives it. The tenant is not part of it: a channel has no
/// use for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Deterministic, so that a platform with an idempotency key can be given it.
    pub id: String,
    pub conversation: String,
    pub thread: Option<String>,
    pub user: String,
    /// What this channel noted when the message came in.
    pub reply_context: Option<String>,
    pub content: Content,
}

/// What became of one API call. Reasons go to logs and dead letters: no secrets, no message text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    Sent {
        message_id: Option<String>,
    },
    /// May pass later.
    Retry {
        /// The platform's own delay, when it named one.
        after_ms: Option<u64>,
        reason: String,
    },
    /// Will be just as wrong the next time.
    Permanent(String),
}

impl SendOutcome {
    /// The outcome of a call that `sent` others of the same message came before. A failure then says so: the user has
    /// seen a part.
    #[must_use]
    pub fn after(self, sent: usize, total: usize) -> Self {
        if sent == 0 {
            return self;
        }
        let note = |reason: String| format!("{reason} (after {sent} of the message's {total} calls had succeeded)");
        match self {
            SendOutcome::Sent { .. } => self,
            SendOutcome::Retry { after_ms, reason } => SendOutcome::Retry { after_ms, reason: note(reason) },
            SendOutcome::Permanent(reason) => SendOutcome::Permanent(note(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_was_sent_before_it() {
        assert_eq!(SendOutcome::Permanent("no".into()).after(0, 3), SendOutcome::Permanent("no".into()));
        let SendOutcome::Retry { after_ms: Some(5), reason } =
            (SendOutcome::Retry { after_ms: Some(5), reason: "busy".into() }).after(2, 3)
        else {
            panic!("a retry stays a retry, with its delay");
        };
        assert_eq!(reason, "busy (after 2 of the message's 3 calls had succeeded)");
        let sent = SendOutcome::Sent { message_id: Some("1".into()) };
        assert_eq!(sent.clone().after(2, 3), sent);
    }
}
