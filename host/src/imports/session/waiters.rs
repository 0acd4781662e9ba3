//! Waiters of this process, by conversation: whoever gives a lease back here wakes the next one here at once, instead
//! of leaving it to its next question.
//!
//! Only a hint. Who is really next is decided by the store, whose queue knows other hosts' waiters too.

use greentic_session::StoredKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The waiters of one conversation by number of arrival, so that the first is the one to wake.
type Line = BTreeMap<u64, Arc<Notify>>;

#[derive(Default)]
pub(super) struct Waiters {
    by_conversation: Mutex<HashMap<StoredKey, Line>>,
}

impl Waiters {
    /// After joining, ask the store once more before waiting: the lease may have come free in between.
    pub(super) fn join(&self, key: &StoredKey, number: u64) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.lock().entry(key.clone()).or_default().insert(number, Arc::clone(&notify));
        notify
    }

    pub(super) fn leave(&self, key: &StoredKey, number: u64) {
        let mut conversations = self.lock();
        if let Some(waiters) = conversations.get_mut(key) {
            waiters.remove(&number);
            if waiters.is_empty() {
                conversations.remove(key);
            }
        }
    }

    /// Wakes the one that came first. A waiter that is just asking keeps the wake for when it waits again.
    pub(super) fn wake(&self, key: &StoredKey) {
        if let Some((_, first)) = self.lock().get(key).and_then(BTreeMap::first_key_value) {
            first.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StoredKey, Line>> {
        // No code panics while it holds the lock, so a poisoned map is a whole one.
        self.by_conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_first_to_come_is_woken_and_nobody_else() {
        let (waiters, key) = (Waiters::default(), StoredKey::from_tag("a".to_owned()));
        let (second, first) = (waiters.join(&key, 2), waiters.join(&key, 1));
        waiters.wake(&key);
        assert!(second.notified().now_or_never().is_none());
        assert!(first.notified().now_or_never().is_some(), "a wake that came before the wait is kept");
        waiters.leave(&key, 1);
        waiters.wake(&key);
        assert!(second.notified().now_or_never().is_some());
    }

    #[test]
    fn nothing_is_left_of_those_who_left() {
        let (waiters, key) = (Waiters::default(), StoredKey::from_tag("a".to_owned()));
        waiters.join(&key, 1);
        waiters.leave(&key, 1);
        assert!(waiters.lock().is_empty());
    }
}
