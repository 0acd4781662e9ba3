//! Where a conversation is stored: one tag a conversation, and under it the keys of its parts.
//!
//! The rule: whatever a platform sends as conversation or user, two conversations never share a tag, and no value
//! leaves its place in one. The tag is the cluster hash tag, so that all parts of a conversation share a slot and one
//! script can change them together.

use greentic_types::ChannelKey;
use std::fmt::Write;

/// Longest part that is kept readable. Platform ids are far shorter; a longer one is cut and hashed, so that nobody
/// can make us store keys of any length.
const MAX_PART: usize = 200;

/// What stays readable of a part that was too long.
const KEPT_OF_LONG: usize = 64;

/// One conversation of one user on one channel, by its ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub channel: ChannelKey,
    /// The platform's id, as it came.
    pub conversation: String,
    /// The platform's id, as it came.
    pub user: String,
}

impl SessionKey {
    /// `env:tenant:team:channel:conversation:user`.
    pub fn tag(&self) -> String {
        let ChannelKey { tenant, channel } = &self.channel;
        format!(
            "{}:{}:{}:{channel}:{}:{}",
            tenant.env_id,
            tenant.tenant_id,
            tenant.team(),
            encode_part(&self.conversation),
            encode_part(&self.user)
        )
    }

    pub fn stored(&self) -> StoredKey {
        StoredKey { tag: self.tag() }
    }
}

/// A conversation as the store knows it. The ids can't be read back from it, and nothing needs them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoredKey {
    tag: String,
}

impl StoredKey {
    /// From a tag that [`SessionKey::tag`] made and the index of outboxes kept. From nowhere else: it isn't checked.
    pub fn from_tag(tag: String) -> StoredKey {
        StoredKey { tag }
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// `env:tenant`: what limits per tenant count by.
    pub fn tenant(&self) -> &str {
        let end = self.tag.match_indices(':').nth(1).map_or(self.tag.len(), |(at, _)| at);
        self.tag.get(..end).unwrap_or(&self.tag)
    }

    /// Key of one part: `s` record, `l` lease, `n` counter, `o` outbox, `q` and `w` queue.
    pub fn redis(&self, part: &str) -> String {
        format!("greentic:{{{}}}:{part}", self.tag)
    }

    /// Key that says this delivery was committed.
    pub fn delivery(&self, delivery: &str) -> String {
        self.redis(&format!("d:{}", encode_part(delivery)))
    }
}

/// Percent-encodes all but `[A-Za-z0-9_.-]`. A part that comes out too long becomes its beginning, `~`, and 128 bits
/// of its hash; `~` never stands in an encoded part, so the two forms can't meet. The hash is a cryptographic one
/// because a platform's users may choose such ids, and must not find two that meet.
fn encode_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len().min(MAX_PART));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') {
            part.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(part, "%{byte:02X}");
        }
    }
    if part.len() > MAX_PART {
        part.truncate(KEPT_OF_LONG);
        part.push('~');
        for byte in blake3::hash(text.as_bytes()).as_bytes().iter().take(16) {
            let _ = write!(part, "{byte:02x}");
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_types::TenantCtx;
    use proptest::prelude::*;

    fn key(conversation: &str, user: &str) -> SessionKey {
        let tenant = TenantCtx { env_id: "dev".into(), tenant_id: "acme".into(), team_id: None };
        let channel = ChannelKey { tenant, channel: "telegram".into() };
        SessionKey { channel, conversation: conversation.into(), user: user.into() }
    }

    #[test]
    fn keys_are_as_documented() {
        // Written down, because a changed key would lose every session across an upgrade.
        let stored = key("-100 {x}", "U:7").stored();
        assert_eq!(stored.tag(), "dev:acme:default:telegram:-100%20%7Bx%7D:U%3A7");
        assert_eq!(stored.redis("s"), "greentic:{dev:acme:default:telegram:-100%20%7Bx%7D:U%3A7}:s");
        assert_eq!(stored.tenant(), "dev:acme");
        assert!(stored.delivery("upd:1").ends_with("}:d:upd%3A1"));
    }

    #[test]
    fn a_long_part_is_cut_and_still_distinct() {
        let long = "a".repeat(MAX_PART);
        assert!(key(&long, "u").tag().contains(&format!(":{long}:")));
        let (one, other) = (key(&format!("{long}b"), "u").tag(), key(&format!("{long}c"), "u").tag());
        assert_ne!(one, other);
        assert!(one.len() < 150, "{one}");
        assert!(one.contains(&format!(":{}~", "a".repeat(KEPT_OF_LONG))));
    }

    #[test]
    fn nobody_can_spell_a_hashed_part() {
        let long = "x".repeat(MAX_PART + 1);
        let hashed = encode_part(&long);
        assert_ne!(encode_part(&hashed), hashed);
    }

    proptest! {
        #[test]
        fn nothing_leaves_its_place(conversation in "\\PC{0,100}", user in any::<String>()) {
            let stored = key(&conversation, &user).stored();
            prop_assert_eq!(stored.tag().matches(':').count(), 5);
            let redis = stored.redis("s");
            prop_assert_eq!(redis.matches('{').count(), 1);
            prop_assert_eq!(redis.matches('}').count(), 1);
            prop_assert!(redis.is_ascii() && !redis.contains(char::is_whitespace));
            prop_assert!(redis.len() < 600);
        }

        #[test]
        fn different_conversations_have_different_tags(
            a in "[ab:%~{ä]{0,5}", b in "[ab:%~{ä]{0,5}", c in "[ab:%~{ä]{0,5}", d in "[ab:%~{ä]{0,5}",
        ) {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(key(&a, &b).tag(), key(&c, &d).tag());
        }
    }
}
