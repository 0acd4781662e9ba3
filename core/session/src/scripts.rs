//! The Redis scripts that make a turn atomic, and the numbers they share with other stores.
//!
//! One source for the host and for the Spin adapter. All keys of a script share a conversation's slot, or the script
//! has just the one key [`INDEX`]; so each runs on a cluster as it is. The parameters stand at the top of each file;
//! how a turn hangs together stands here.
//!
//! * `begin` grants the lease, in order of arrival, or queues. A holder is known by its ticket, which is unique, and by
//!   its token, which grows with every turn of the conversation: the token orders outboxes, the ticket fences.
//! * `commit` writes only while the lease still names the holder. `mark` goes BEFORE it, so that a committed outbox is
//!   always in the index, where a relay finds it. The holder marks while it has the lease, and whoever finds an outbox
//!   empty takes out of the index only the mark it knew before it looked: so nobody can take out a later turn's.
//! * `settle` and `release` give the lease back; `renew` keeps it; `recover` takes it for what a crash left.
//!
//! Each may be sent again when its answer was lost: with the same ticket it does the same.

/// Sorted set of conversations whose outbox may hold something, by the time of their last mark in microseconds.
pub const INDEX: &str = "greentic:outbox";

/// What the keys of reservations begin with.
pub const RESERVATION: &str = "greentic:reserved:";

/// A waiter that hasn't asked for this long is gone. Longer than any pause between two of its questions, and short,
/// because a host that died while waiting keeps its conversation's queue closed for this long.
pub const WAITER_MS: u64 = 3_000;

/// How long an idle conversation's counter is kept. It must never go back while a holder lives or an outbox holds
/// entries of higher tokens: no holder lives for days, and with a filled outbox the counter doesn't expire.
pub const COUNTER_MS: u64 = 7 * 24 * 3_600 * 1_000;

pub const BEGIN: &str = include_str!("scripts/begin.lua");
pub const COMMIT: &str = include_str!("scripts/commit.lua");
pub const SETTLE: &str = include_str!("scripts/settle.lua");
pub const RELEASE: &str = include_str!("scripts/release.lua");
pub const RENEW: &str = include_str!("scripts/renew.lua");
pub const RECOVER: &str = include_str!("scripts/recover.lua");
pub const MARK: &str = include_str!("scripts/mark.lua");
pub const UNMARK: &str = include_str!("scripts/unmark.lua");
pub const ORPHANS: &str = include_str!("scripts/orphans.lua");
pub const RESERVE: &str = include_str!("scripts/reserve.lua");

/// What a lease key holds.
pub fn holder(token: u64, ticket: &str) -> String {
    format!("{token}:{ticket}")
}
