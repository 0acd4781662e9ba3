//! What only Redis can do to us: forget its scripts, go away, and be asked by two hosts.

use crate::rig::*;
use futures::poll;
use greentic_host::imports::session::{Begun, StoreError, in_redis};
use std::time::Duration;

#[tokio::test]
async fn redis_forgets_its_scripts() {
    let Some(rig) = Rig::redis(settings(PATIENT)) else { return };
    turn(&rig.store, &key(), "1", "one", &["a"]).await;
    for at in ["2", "3"] {
        let turn = begin_new(&rig.store, &key(), at).await;
        let mut raw = rig.raw().await;
        redis::cmd("SCRIPT").arg("FLUSH").arg("SYNC").exec_async(&mut raw).await.unwrap();
        commit(&rig.store, &turn.lease, at, at, &[at]).await.unwrap();
        redis::cmd("SCRIPT").arg("FLUSH").arg("SYNC").exec_async(&mut raw).await.unwrap();
        settle(&rig.store, &turn.lease, &[]).await;
    }
    assert_eq!(ids(&begin_new(&rig.store, &key(), "4").await.unsent), ["a", "2", "3"]);
}

#[tokio::test]
async fn redis_goes_away_and_comes_back() {
    let Some(mut rig) = Rig::redis(settings(PATIENT)) else { return };
    turn(&rig.store, &key(), "1", "one", &[]).await;
    rig.server.as_mut().unwrap().stop();
    for _ in 0..2 {
        let begun = tokio::time::timeout(Duration::from_secs(5), rig.store.begin(&key(), "2")).await.expect("too slow");
        assert!(matches!(begun, Err(StoreError::Unavailable(_))), "{begun:?}");
    }
    assert!(matches!(rig.store.ping().await, Err(StoreError::Unavailable(_))));
    rig.server.as_mut().unwrap().start();
    begin_new(&rig.store, &key(), "2").await;
    rig.store.ping().await.unwrap();
}

#[tokio::test]
async fn redis_keeps_the_order_of_arrival_across_hosts() {
    let Some(rig) = Rig::redis(settings(PATIENT)) else { return };
    let key = key();
    let first = begin_new(&rig.store, &key, "1").await;
    let mut second = rig.other.begin(&key, "2");
    rig.until_queued(&mut second, &key, 1).await;
    let mut third = rig.store.begin(&key, "3");
    rig.until_queued(&mut third, &key, 2).await;
    // Wakes the third at once, which must find that it isn't next.
    settle(&rig.store, &first.lease, &[]).await;
    let Begun::New(turn) = poll_both(&mut second, &mut third).await else { panic!("the second is next") };
    settle(&rig.other, &turn.lease, &[]).await;
    let begun = third.await.unwrap();
    assert!(matches!(begun, Begun::New(_)), "{begun:?}");
}

#[tokio::test]
async fn redis_takes_back_a_lease_whose_answer_nobody_waited_for() {
    let Some(rig) = Rig::redis(settings(PATIENT)) else { return };
    rig.store.ping().await.unwrap();
    let key = key();
    let mut gone = rig.store.begin(&key, "1");
    assert!(poll!(&mut gone).is_pending());
    drop(gone);
    let begun = tokio::time::timeout(LEASE / 2, rig.store.begin(&key, "2")).await.expect("the lease was kept");
    assert!(matches!(begun, Ok(Begun::New(_))), "{begun:?}");
}

#[tokio::test]
async fn redis_everything_but_the_counter_of_an_empty_conversation_expires() {
    let Some(rig) = Rig::redis(settings(PATIENT)) else { return };
    turn(&rig.store, &key(), "1", "one", &["a"]).await;
    let mut raw = rig.raw().await;
    let counter = key().stored().redis("n");
    let lives: i64 = redis::cmd("PTTL").arg(&counter).query_async(&mut raw).await.unwrap();
    assert_eq!(lives, -1, "the counter must outlive a filled outbox");
    let second = begin_new(&rig.store, &key(), "2").await;
    settle(&rig.store, &second.lease, &["a"]).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("greentic:{*").query_async(&mut raw).await.unwrap();
    assert_eq!(keys.len(), 3, "record, delivery, counter: {keys:?}");
    for key in keys {
        let lives: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut raw).await.unwrap();
        assert!(lives > 0, "{key} lives for ever");
    }
}

#[tokio::test]
async fn redis_errors_never_name_the_password() {
    let unreachable = in_redis("redis://user:hunter2@127.0.0.1:1/", settings(PATIENT)).unwrap();
    let error = unreachable.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    for bad in ["redis://user:hunter2@host:port", "http://user:hunter2@host", "redis://user:hunter2@host/hunter2"] {
        let Err(error) = in_redis(bad, settings(PATIENT)) else { panic!("{bad} was taken") };
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// The first's answer, with the second asking all the while.
async fn poll_both(first: &mut Beginning<'_>, second: &mut Beginning<'_>) -> Begun {
    match futures::future::select(first, second).await {
        futures::future::Either::Left((begun, _)) => begun.unwrap(),
        futures::future::Either::Right((begun, _)) => panic!("overtook: {begun:?}"),
    }
}

#[tokio::test]
async fn redis_gives_a_name_to_one_host_at_a_time() {
    let Some(rig) = Rig::redis(settings(PATIENT)) else { return };
    let time = Duration::from_millis(300);
    assert!(rig.store.reserve("sender", time).await.unwrap());
    assert!(rig.store.reserve("sender", time).await.unwrap(), "the holder may ask again");
    assert!(!rig.other.reserve("sender", time).await.unwrap());
    assert!(rig.other.reserve("another", time).await.unwrap());
    let began = tokio::time::Instant::now();
    while !rig.other.reserve("sender", time).await.unwrap() {
        assert!(began.elapsed() < 10 * time, "a silent holder keeps the name");
        tokio::time::sleep(time / 10).await;
    }
    assert!(!rig.store.reserve("sender", time).await.unwrap());
}
