//! The same settings on Spin, from its variables: there one that need not be given is set to nothing.

use crate::door::{PLATFORM, kept, new_chat, post, published};
use greentic_host::bus::nats::Credentials;
use greentic_host::secrets::Secret;
use greentic_tests::{Authority, BOT_TOKEN, Bundle, Nats, Redis, SECRET_TOKEN, SpinHost, export_to_spin};
use greentic_types::subject::{EGRESS_FILTER, EGRESS_STREAM};
use std::collections::BTreeMap;

const PASSWORD: &str = "hunter2-of-the-tests";

/// Serves the exported demo with these variables beside what it can't do without; a new chat's first message to it: the
/// status, and the chat.
async fn answered(redis: &Redis, nats: &Nats, given: &[(&str, &str)]) -> (u16, i64) {
    let (bundle, folder) = (Bundle::demo(PLATFORM), tempfile::tempdir().unwrap());
    let manifest = export_to_spin(&bundle, &bundle.config(""), "nats", folder.path());
    let (redis_url, nats_address) = (redis.url(), format!("127.0.0.1:{}", nats.port()));
    let required = [
        ("redis_url", redis_url.as_str()),
        ("nats_address", nats_address.as_str()),
        ("demo_default_telegram_bot_token", BOT_TOKEN),
        ("demo_default_telegram_secret_token", SECRET_TOKEN),
    ];
    let variables = required.iter().chain(given).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let host = SpinHost::start(&manifest, &variables.collect::<BTreeMap<_, _>>()).await;
    let chat = new_chat();
    (post(host.url(), chat).await, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn set_to_nothing_is_not_set() {
    let Some(redis) = Redis::start().await else { return };
    let Some(nats) = Nats::start().await else { return };
    nats.make_stream(EGRESS_STREAM, EGRESS_FILTER).await;
    let empty = [("redis_password", ""), ("nats_credentials", ""), ("nats_ca", "")];
    let (status, chat) = answered(&redis, &nats, &empty).await;
    assert_eq!(status, 200);
    assert!(published(&nats, chat).await);
}

fn guarded<'a>(password: &'a str, credentials: &'a str, authority: &'a str) -> [(&'static str, &'a str); 4] {
    [("redis_password", password), ("nats_credentials", credentials), ("nats_ca", authority), ("nats_scheme", "tls")]
}

/// Without it the case above would pass with variables that nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_counts() {
    let authority = Authority::new("authority");
    let certificate = authority.certify(&["127.0.0.1"]);
    let credentials = Credentials::UserPassword("edge".to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()));
    let Some(redis) = Redis::guarded(None, Some(PASSWORD)).await else { return };
    let Some(nats) = Nats::guarded(Some(&certificate), &credentials).await else { return };
    nats.make_stream(EGRESS_STREAM, EGRESS_FILTER).await;

    let (shown, pem) = (format!("edge:{PASSWORD}"), authority.pem());
    let (status, chat) = answered(&redis, &nats, &guarded(PASSWORD, &shown, &pem)).await;
    assert_eq!(status, 200);
    assert!(published(&nats, chat).await);

    for without_bus in [guarded(PASSWORD, "", &pem), guarded(PASSWORD, &shown, "")] {
        let (status, chat) = answered(&redis, &nats, &without_bus).await;
        assert_eq!(status, 200);
        assert_eq!(kept(&redis, chat).await, 1);
    }
    let (status, _) = answered(&redis, &nats, &guarded("", &shown, &pem)).await;
    assert_eq!(status, 503);
}
