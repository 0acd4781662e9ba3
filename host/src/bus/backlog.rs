//! What a consumer that is gone had in hand, put in order again before the first of it is handed on.
//!
//! JetStream gives such messages out again as each one's time runs out, which is no order at all, and mixes new ones in
//! between. A conversation must not read differently because a host died.

use std::collections::BTreeMap;
use tokio::time::Instant;

/// Collects until everything that was in hand has come, then gives it out by its place in the stream.
pub struct Backlog<T> {
    /// Place in the stream of the last message that was ever given out.
    last_given: u64,
    /// How many of those come again.
    missing: usize,
    held: BTreeMap<u64, T>,
    /// One of them may have been finished by a host that stopped just now: it is not waited for longer than this.
    until: Instant,
}

impl<T> Backlog<T> {
    /// `in_hand` messages up to `last_given` were given out and not acknowledged.
    pub fn new(last_given: u64, in_hand: usize, until: Instant) -> Backlog<T> {
        Backlog { last_given, missing: in_hand, held: BTreeMap::new(), until }
    }

    /// When to stop waiting. None: everything that was waited for is here.
    pub fn deadline(&self) -> Option<Instant> {
        (self.missing > 0).then_some(self.until)
    }

    /// Takes a message at its place. A copy replaces the one before: only the newest can be acknowledged.
    pub fn hold(&mut self, place: u64, message: T) {
        let new = self.held.insert(place, message).is_none();
        if new && place <= self.last_given {
            self.missing = self.missing.saturating_sub(1);
        }
    }

    pub fn stop_waiting(&mut self) {
        self.missing = 0;
    }

    /// The earliest message held.
    pub fn next(&mut self) -> Option<T> {
        self.held.pop_first().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn what_was_in_hand_comes_out_in_the_streams_order_and_before_what_is_new() {
        let until = Instant::now() + Duration::from_secs(1);
        let mut backlog = Backlog::new(12, 3, until);
        for (place, message) in [(12, "c"), (13, "new"), (7, "a"), (12, "c again")] {
            backlog.hold(place, message);
            assert_eq!(backlog.deadline(), Some(until), "{message}");
        }
        backlog.hold(9, "b");
        assert_eq!(backlog.deadline(), None);
        let order: Vec<_> = std::iter::from_fn(|| backlog.next()).collect();
        assert_eq!(order, ["a", "b", "c again", "new"]);
    }

    #[tokio::test]
    async fn nothing_in_hand_is_not_waited_for() {
        let backlog: Backlog<()> = Backlog::new(12, 0, Instant::now());
        assert_eq!(backlog.deadline(), None);
    }
}
