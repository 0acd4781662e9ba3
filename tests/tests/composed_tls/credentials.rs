//! Signing in at NATS and Redis in every way that the settings know, and being turned away.

use crate::door::{Door, NATS_CREDENTIALS, NATS_URL, REDIS_PASSWORD, REDIS_URL};
use greentic_host::bus::nats::Credentials;
use greentic_host::secrets::Secret;
use greentic_tests::{Nats, Redis};
use greentic_types::subject::{EGRESS_FILTER, EGRESS_STREAM};
use nkeys::KeyPair;

const PASSWORD: &str = "hunter2-of-the-tests";

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// A server that lets in nobody but `credentials`: they are given as the setting `shown` and, where a URL can hold them,
/// as `in_url`. With `wrong`, or with nothing, nobody is let in.
async fn nats(credentials: &Credentials, shown: &str, in_url: Option<&str>, wrong: &str) {
    let Some(redis) = Redis::start().await else { return };
    let Some(nats) = Nats::guarded(None, credentials).await else { return };
    nats.make_stream(EGRESS_STREAM, EGRESS_FILTER).await;
    let (redis_url, plain) = (redis.url(), nats.url());
    let door = |url: &str, credentials: &str| {
        Door::open(&[(REDIS_URL, redis_url.as_str()), (NATS_URL, url), (NATS_CREDENTIALS, credentials)])
    };
    door(&plain, shown).publishes(&redis, &nats).await;
    if let Some(in_url) = in_url {
        let url = format!("nats://{in_url}@127.0.0.1:{}", nats.port());
        door(&url, "").publishes(&redis, &nats).await;
        // The setting counts, and not what is in the URL.
        door(&url, wrong).keeps(&redis, "bus unavailable: ").await;
    }
    for turned_away in [wrong, ""] {
        let why = "bus unavailable: the server closed the connection: Authorization Violation";
        door(&plain, turned_away).keeps(&redis, why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_by_user_and_password() {
    let credentials = Credentials::UserPassword("edge".to_owned(), secret(PASSWORD));
    let shown = format!("edge:{PASSWORD}");
    nats(&credentials, &shown, Some(&shown), "edge:guessed-by-the-tests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_by_token() {
    nats(&Credentials::Token(secret(PASSWORD)), PASSWORD, Some(PASSWORD), "guessed-by-the-tests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_by_nkey() {
    let [seed, other] = [KeyPair::new_user(), KeyPair::new_user()].map(|pair| pair.seed().unwrap());
    nats(&Credentials::NkeySeed(secret(&seed)), &seed, None, &other).await;
}

/// By its setting and in the URL, alone and with a user; the URL counts where both are given.
#[tokio::test(flavor = "multi_thread")]
async fn redis_by_password() {
    let (password, encoded) = ("p@ss:w/rd-of-the-tests", "p%40ss%3Aw%2Frd-of-the-tests");
    let Some(redis) = Redis::guarded(None, Some(password)).await else { return };
    let Some(nats) = Nats::start().await else { return };
    nats.make_stream(EGRESS_STREAM, EGRESS_FILTER).await;
    let (plain, nats_url) = (redis.url(), nats.url());
    let with = |user_info: &str| plain.replace("://", &format!("://{user_info}@"));
    let door = |url: &str, password: &str| {
        Door::open(&[(REDIS_URL, url), (REDIS_PASSWORD, password), (NATS_URL, nats_url.as_str())])
    };
    door(&plain, password).publishes(&redis, &nats).await;
    door(&with("default"), password).publishes(&redis, &nats).await;
    door(&with(&format!(":{encoded}")), "").publishes(&redis, &nats).await;
    door(&with(&format!("default:{encoded}")), "guessed-by-the-tests").publishes(&redis, &nats).await;

    let refused = "session store unavailable: Redis refused AUTH: WRONGPASS";
    door(&plain, "guessed-by-the-tests").refuses(refused).await;
    door(&with(&format!("nobody:{encoded}")), "").refuses(refused).await;
    // `Authentication required`, or `unauthenticated` for a command of many words.
    door(&plain, "").refuses("uthenticat").await;
}
