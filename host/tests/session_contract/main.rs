//! What every session store must do: one body of cases, run against the in-memory store and a real `redis-server`.
//!
//! A new backend gets a line in `contract!` and no new case. Time is virtual for the in-memory store and the server's
//! own for Redis. Without `redis-server` on the path its half says SKIPPED; with `GREENTIC_REQUIRE_SERVERS` set it
//! fails instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at a broken assumption, in its helpers too"
)]

mod on_redis;
mod rig;

use futures::future::join_all;
use futures::poll;
use greentic_host::imports::session::{Begun, Commit, SessionKey, StoreError, StoreSettings, in_memory};
use rig::*;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// For cases that must not get their turn.
const BRIEF: Duration = Duration::from_millis(100);

macro_rules! contract {
    ($($case:ident($max_wait:expr)),* $(,)?) => {
        mod in_memory_store {
            use super::*;
            $(#[tokio::test(start_paused = true)]
            async fn $case() {
                super::$case(&Rig::memory(settings($max_wait))).await;
            })*
        }

        mod redis_store {
            use super::*;
            $(#[tokio::test]
            async fn $case() {
                if let Some(rig) = Rig::redis(settings($max_wait)) {
                    super::$case(&rig).await;
                }
            })*
        }
    };
}

contract! {
    the_next_turn_sees_the_last_commit(PATIENT),
    a_committed_delivery_is_a_duplicate(PATIENT),
    a_duplicate_gets_what_was_not_sent(PATIENT),
    a_duplicate_does_not_wait_for_the_holder(PATIENT),
    outboxes_add_up_in_order(PATIENT),
    nothing_of_an_uncommitted_turn_stays(PATIENT),
    a_busy_conversation_wakes_its_waiter(PATIENT),
    a_release_wakes_the_waiter(PATIENT),
    waiting_has_an_end(BRIEF),
    fifty_turns_run_one_by_one_in_order_of_arrival(PATIENT),
    two_hosts_never_run_at_once(PATIENT),
    a_waiter_that_left_keeps_nobody_waiting(PATIENT),
    a_live_lease_is_renewed(BRIEF),
    a_lost_lease_is_fenced(PATIENT),
    what_a_crash_left_is_recovered_in_order(PATIENT),
    a_stuck_outbox_lets_others_pass(PATIENT),
    an_empty_outbox_leaves_the_index(PATIENT),
    a_record_expires(PATIENT),
    a_record_is_deleted(PATIENT),
    a_record_over_the_limit_is_refused(PATIENT),
    a_record_without_lifetime_is_refused(PATIENT),
    tenants_are_separated(BRIEF),
    strange_ids_are_kept_apart(BRIEF),
    a_store_answers(PATIENT),
}

async fn the_next_turn_sees_the_last_commit(rig: &Rig) {
    let key = key();
    let turn = begin_new(&rig.store, &key, "1").await;
    assert_eq!((text(&turn), ids(&turn.unsent)), (None, vec![]));
    commit(&rig.store, &turn.lease, "1", "one", &["a"]).await.unwrap();
    settle(&rig.store, &turn.lease, &["a"]).await;
    let next = begin_new(&rig.other, &key, "2").await;
    assert_eq!((text(&next), ids(&next.unsent)), (Some("one"), vec![]));
    assert!(next.lease.token > turn.lease.token);
    assert_eq!(next.lease.key(), &key.stored());
}

async fn a_committed_delivery_is_a_duplicate(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &[]).await;
    assert!(matches!(rig.other.begin(&key, "1").await.unwrap(), Begun::Duplicate(None)));
    // And took no lease.
    begin_new(&rig.store, &key, "2").await;
}

async fn a_duplicate_gets_what_was_not_sent(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &["b", "a"]).await;
    let Begun::Duplicate(Some(again)) = rig.other.begin(&key, "1").await.unwrap() else { panic!("no turn") };
    assert_eq!(ids(&again.unsent), ["b", "a"]);
    assert_eq!(again.unsent[0], publication("b"));
    settle(&rig.other, &again.lease, &["a", "b"]).await;
    assert!(matches!(rig.store.begin(&key, "1").await.unwrap(), Begun::Duplicate(None)));
}

async fn a_duplicate_does_not_wait_for_the_holder(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &["a"]).await;
    let holder = begin_new(&rig.store, &key, "2").await;
    assert_eq!(ids(&holder.unsent), ["a"]);
    let duplicate = tokio::time::timeout(LEASE / 2, rig.other.begin(&key, "1")).await.expect("waited").unwrap();
    assert!(matches!(duplicate, Begun::Duplicate(None)), "the holder publishes: {duplicate:?}");
}

async fn outboxes_add_up_in_order(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &["z", "m"]).await;
    let second = begin_new(&rig.other, &key, "2").await;
    assert_eq!(ids(&second.unsent), ["z", "m"]);
    commit(&rig.other, &second.lease, "2", "two", &["a"]).await.unwrap();
    settle(&rig.other, &second.lease, &["z"]).await;
    assert_eq!(ids(&begin_new(&rig.store, &key, "3").await.unsent), ["m", "a"]);
}

async fn nothing_of_an_uncommitted_turn_stays(rig: &Rig) {
    let key = key();
    let lost = begin_new(&rig.store, &key, "1").await;
    settle(&rig.store, &lost.lease, &[]).await;
    let again = begin_new(&rig.store, &key, "1").await;
    assert_eq!((text(&again), ids(&again.unsent)), (None, vec![]));
    assert!(rig.store.orphans(Duration::ZERO, 10).await.unwrap().is_empty());
}

async fn a_busy_conversation_wakes_its_waiter(rig: &Rig) {
    let key = key();
    for (waiting, delivery) in [(&rig.store, "2"), (&rig.other, "3")] {
        let first = begin_new(&rig.store, &key, &format!("before {delivery}")).await;
        let mut begin = waiting.begin(&key, delivery);
        assert!(poll!(&mut begin).is_pending());
        commit(&rig.store, &first.lease, &format!("before {delivery}"), delivery, &[]).await.unwrap();
        settle(&rig.store, &first.lease, &[]).await;
        // Well before the lease would have run out by itself.
        let begun = tokio::time::timeout(LEASE / 2, begin).await.expect("was not woken").unwrap();
        let Begun::New(turn) = begun else { panic!("{begun:?}") };
        assert_eq!(text(&turn), Some(delivery));
        settle(waiting, &turn.lease, &[]).await;
    }
}

async fn a_release_wakes_the_waiter(rig: &Rig) {
    let key = key();
    let first = begin_new(&rig.store, &key, "1").await;
    let mut begin = rig.store.begin(&key, "2");
    assert!(poll!(&mut begin).is_pending());
    rig.store.release(first.lease);
    let begun = tokio::time::timeout(LEASE / 2, begin).await.expect("was not woken").unwrap();
    assert!(matches!(begun, Begun::New(_)), "{begun:?}");
}

async fn waiting_has_an_end(rig: &Rig) {
    let key = key();
    let holder = begin_new(&rig.store, &key, "1").await;
    assert!(matches!(rig.other.begin(&key, "2").await.unwrap(), Begun::Busy));
    commit(&rig.store, &holder.lease, "1", "one", &[]).await.unwrap();
}

async fn fifty_turns_run_one_by_one_in_order_of_arrival(rig: &Rig) {
    let key = key();
    let first = begin_new(&rig.store, &key, "first").await;
    let deliveries: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let mut waiting = Vec::new();
    for delivery in &deliveries {
        let mut begin = rig.store.begin(&key, delivery);
        // The first poll asks the store, so this is the order of arrival. The runtime lets a task poll only so much
        // at a time: without the pause the later questions would not leave.
        assert!(poll!(&mut begin).is_pending());
        tokio::task::yield_now().await;
        waiting.push(begin);
    }
    commit(&rig.store, &first.lease, "first", "0", &[]).await.unwrap();
    settle(&rig.store, &first.lease, &[]).await;

    let running = AtomicBool::new(false);
    let order = Mutex::new(Vec::new());
    let turns = waiting.into_iter().zip(&deliveries).map(|(begin, delivery)| {
        let (running, order, store) = (&running, &order, &rig.store);
        async move {
            let begun = begin.await.unwrap();
            let Begun::New(turn) = begun else { panic!("{delivery}: {begun:?}") };
            count_up(store, &turn, delivery, running).await;
            order.lock().unwrap().push(delivery.clone());
            settle(store, &turn.lease, &[]).await;
        }
    });
    join_all(turns).await;
    assert_eq!(order.into_inner().unwrap(), deliveries);
    assert_eq!(text(&begin_new(&rig.store, &key, "last").await), Some("50"));
}

async fn two_hosts_never_run_at_once(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "first", "0", &[]).await;
    let running = AtomicBool::new(false);
    let turns = (0..40).map(|number| {
        let (running, key) = (&running, &key);
        let store = if number % 2 == 0 { &rig.store } else { &rig.other };
        async move {
            let delivery = number.to_string();
            let turn = begin_new(store, key, &delivery).await;
            count_up(store, &turn, &delivery, running).await;
            settle(store, &turn.lease, &[]).await;
        }
    });
    join_all(turns).await;
    assert_eq!(text(&begin_new(&rig.store, &key, "last").await), Some("40"));
}

async fn a_waiter_that_left_keeps_nobody_waiting(rig: &Rig) {
    let key = key();
    let first = begin_new(&rig.store, &key, "1").await;
    let mut gone = rig.store.begin(&key, "gone");
    assert!(poll!(&mut gone).is_pending());
    drop(gone);
    let mut begin = rig.store.begin(&key, "2");
    assert!(poll!(&mut begin).is_pending());
    settle(&rig.store, &first.lease, &[]).await;
    // Before a silent waiter would be dropped, which takes three seconds.
    let begun = tokio::time::timeout(LEASE, begin).await.expect("waits for one that left").unwrap();
    assert!(matches!(begun, Begun::New(_)), "{begun:?}");
}

async fn a_live_lease_is_renewed(rig: &Rig) {
    let key = key();
    let holder = begin_new(&rig.store, &key, "1").await;
    rig.elapse(LEASE * 3 / 2).await;
    assert!(matches!(rig.other.begin(&key, "2").await.unwrap(), Begun::Busy));
    commit(&rig.store, &holder.lease, "1", "one", &[]).await.unwrap();
}

async fn a_lost_lease_is_fenced(rig: &Rig) {
    let key = key();
    let stalled = begin_new(&rig.store, &key, "1").await;
    let stale = stalled.lease.unrenewed();
    drop(stalled);
    let next = begin_new(&rig.other, &key, "2").await;
    assert!(next.lease.token > stale.token);
    assert_eq!(commit(&rig.store, &stale, "1", "stale", &["a"]).await, Err(StoreError::Fenced));
    // Nor does the old holder give back what is no longer its own.
    settle(&rig.store, &stale, &[]).await;
    commit(&rig.other, &next.lease, "2", "two", &[]).await.unwrap();
    settle(&rig.other, &next.lease, &[]).await;
    let again = begin_new(&rig.store, &key, "1").await;
    assert_eq!((text(&again), ids(&again.unsent)), (Some("two"), vec![]));
}

async fn what_a_crash_left_is_recovered_in_order(rig: &Rig) {
    let key = key();
    let turn = begin_new(&rig.store, &key, "1").await;
    commit(&rig.store, &turn.lease, "1", "one", &["b", "a", "c"]).await.unwrap();
    drop(turn);
    let stored = key.stored();
    assert!(rig.other.orphans(LONG_TTL, 10).await.unwrap().is_empty(), "too young");
    assert_eq!(rig.other.orphans(Duration::ZERO, 10).await.unwrap(), std::slice::from_ref(&stored));
    assert!(rig.other.recover(&stored).await.unwrap().is_none(), "its holder may still live");
    rig.elapse(LEASE).await;
    let (lease, unsent) = rig.other.recover(&stored).await.unwrap().expect("nothing to recover");
    assert_eq!(ids(&unsent), ["b", "a", "c"]);
    assert!(rig.store.recover(&stored).await.unwrap().is_none(), "two relays at one outbox");
    settle(&rig.other, &lease, &["b", "a", "c"]).await;
    rig.until_no_orphans().await;
    let next = begin_new(&rig.store, &key, "2").await;
    assert_eq!((text(&next), ids(&next.unsent)), (Some("one"), vec![]));
}

async fn a_stuck_outbox_lets_others_pass(rig: &Rig) {
    let (stuck, other) = (key(), SessionKey { user: "other".into(), ..key() });
    turn(&rig.store, &stuck, "1", "one", &["a"]).await;
    rig.elapse(Duration::from_millis(2)).await;
    turn(&rig.store, &other, "1", "one", &["b"]).await;
    rig.elapse(Duration::from_millis(2)).await;
    assert_eq!(rig.store.orphans(Duration::ZERO, 1).await.unwrap(), [stuck.stored()]);
    let (lease, _) = rig.store.recover(&stuck.stored()).await.unwrap().unwrap();
    settle(&rig.store, &lease, &[]).await;
    assert_eq!(rig.store.orphans(Duration::ZERO, 1).await.unwrap(), [other.stored()]);
    assert_eq!(rig.store.orphans(Duration::ZERO, 9).await.unwrap(), [other.stored(), stuck.stored()]);
}

async fn an_empty_outbox_leaves_the_index(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &["a"]).await;
    // This turn publishes what another put into the index, and commits nothing itself.
    let second = begin_new(&rig.store, &key, "2").await;
    settle(&rig.store, &second.lease, &["a"]).await;
    assert!(rig.store.recover(&key.stored()).await.unwrap().is_none());
    assert!(rig.store.orphans(Duration::ZERO, 10).await.unwrap().is_empty());
    // And comes back with the next commit.
    turn(&rig.store, &key, "3", "three", &["b"]).await;
    assert_eq!(rig.store.orphans(Duration::ZERO, 10).await.unwrap(), [key.stored()]);
}

async fn a_record_expires(rig: &Rig) {
    let (key, ttl) = (key(), Duration::from_millis(300));
    let first = begin_new(&rig.store, &key, "1").await;
    let commit = Commit { session: Some(b"one".to_vec()), ttl, outbox: vec![], delivery: "1".into() };
    rig.store.commit(&first.lease, commit).await.unwrap();
    settle(&rig.store, &first.lease, &[]).await;
    rig.elapse(ttl).await;
    assert_eq!(text(&begin_new(&rig.store, &key, "2").await), None);
}

async fn a_record_is_deleted(rig: &Rig) {
    let key = key();
    turn(&rig.store, &key, "1", "one", &[]).await;
    let second = begin_new(&rig.store, &key, "2").await;
    assert_eq!(text(&second), Some("one"));
    let commit = Commit { session: None, ttl: LONG_TTL, outbox: vec![publication("bye")], delivery: "2".into() };
    rig.store.commit(&second.lease, commit).await.unwrap();
    settle(&rig.store, &second.lease, &[]).await;
    let third = begin_new(&rig.store, &key, "3").await;
    assert_eq!((text(&third), ids(&third.unsent)), (None, vec!["bye"]));
}

async fn a_record_over_the_limit_is_refused(rig: &Rig) {
    let key = key();
    let limit = settings(PATIENT).max_record_bytes;
    let first = begin_new(&rig.store, &key, "1").await;
    let refused = commit(&rig.store, &first.lease, "1", &"x".repeat(limit + 1), &["a"]).await;
    let Err(StoreError::Refused(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains(&limit.to_string()), "{reason}");
    settle(&rig.store, &first.lease, &[]).await;
    let again = begin_new(&rig.store, &key, "1").await;
    assert_eq!((text(&again), ids(&again.unsent)), (None, vec![]), "something was stored");
    commit(&rig.store, &again.lease, "1", &"x".repeat(limit), &[]).await.unwrap();
}

async fn a_record_without_lifetime_is_refused(rig: &Rig) {
    let first = begin_new(&rig.store, &key(), "1").await;
    let commit = Commit { session: Some(vec![1]), ttl: Duration::ZERO, outbox: vec![], delivery: "1".into() };
    assert!(matches!(rig.store.commit(&first.lease, commit).await, Err(StoreError::Refused(_))));
}

async fn tenants_are_separated(rig: &Rig) {
    let keys = [
        key_of("dev", "acme", None, "telegram"),
        key_of("dev", "globex", None, "telegram"),
        key_of("prod", "acme", None, "telegram"),
        key_of("dev", "acme", Some("support"), "telegram"),
        key_of("dev", "acme", None, "slack"),
    ];
    // All at once: a shared lease would be busy, a shared delivery a duplicate.
    let turns = join_all(keys.iter().map(|key| begin_new(&rig.store, key, "1"))).await;
    for (number, turn) in turns.iter().enumerate() {
        commit(&rig.store, &turn.lease, "1", &number.to_string(), &[&format!("id {number}")]).await.unwrap();
        settle(&rig.store, &turn.lease, &[]).await;
    }
    for (number, key) in keys.iter().enumerate() {
        let turn = begin_new(&rig.other, key, "2").await;
        assert_eq!(text(&turn), Some(number.to_string().as_str()));
        assert_eq!(ids(&turn.unsent), [format!("id {number}")]);
    }
}

async fn strange_ids_are_kept_apart(rig: &Rig) {
    let long = "x".repeat(5_000);
    let users = ["", "a b", "a:b", "a}:s", "{x}", "ä", "\0\r\n", &long];
    let mut turns = Vec::new();
    for user in users {
        let key = SessionKey { user: user.into(), ..key() };
        let turn = begin_new(&rig.store, &key, user).await;
        commit(&rig.store, &turn.lease, user, user, &[user]).await.unwrap();
        turns.push(turn);
    }
    for (turn, user) in turns.iter().zip(users) {
        settle(&rig.store, &turn.lease, &[user]).await;
        let key = SessionKey { user: user.into(), ..key() };
        assert!(matches!(rig.store.begin(&key, user).await.unwrap(), Begun::Duplicate(None)), "{user:?}");
        assert_eq!(text(&begin_new(&rig.store, &key, "next").await), Some(user));
    }
}

async fn a_store_answers(rig: &Rig) {
    rig.store.ping().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn memory_refuses_new_conversations_over_the_limit_and_forgets_expired_ones() {
    let second = Duration::from_secs(1);
    let store = in_memory(StoreSettings { dedup: second, ..settings(BRIEF) }, 2);
    let user = |name: &str| SessionKey { user: name.into(), ..key() };
    for name in ["a", "b"] {
        let turn = begin_new(&store, &user(name), "1").await;
        let commit = Commit { session: Some(vec![1]), ttl: second, outbox: vec![], delivery: "1".into() };
        store.commit(&turn.lease, commit).await.unwrap();
        settle(&store, &turn.lease, &[]).await;
    }
    let refused = store.begin(&user("c"), "1").await;
    let Err(StoreError::Refused(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("2 conversations") && reason.contains("Redis"), "{reason}");
    begin_new(&store, &user("a"), "2").await;
    begin_new(&store, &key_of("dev", "globex", None, "telegram"), "1").await;
    tokio::time::sleep(LEASE * 2).await;
    begin_new(&store, &user("c"), "1").await;
}
