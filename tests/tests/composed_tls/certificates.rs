//! TLS with Redis and NATS: by address and by name, and every certificate that is not the server's own is refused.

use crate::door::{Door, NATS_CA, NATS_URL, NOWHERE, REDIS_CA, REDIS_URL};
use greentic_host::bus::nats::Credentials;
use greentic_tests::{Authority, Certificate, Nats, Redis};
use greentic_types::subject::{EGRESS_FILTER, EGRESS_STREAM};

const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

/// `None` when one isn't installed.
async fn servers(certificate: &Certificate) -> Option<(Redis, Nats)> {
    let redis = Redis::guarded(Some(certificate), None).await?;
    Some((redis, Nats::guarded(Some(certificate), &Credentials::None).await?))
}

fn rediss(host: &str, redis: &Redis) -> String {
    format!("rediss://{host}:{}", redis.tls_port())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_by_address_and_by_name() {
    let authority = Authority::new("authority");
    // Held: its files go with it.
    let certificate = authority.certify(&HERE);
    let Some((redis, nats)) = servers(&certificate).await else { return };
    nats.make_stream(EGRESS_STREAM, EGRESS_FILTER).await;
    let pem = authority.pem();
    for host in HERE {
        let nats_url = format!("tls://{host}:{}", nats.port());
        let redis_url = rediss(host, &redis);
        let settings = [
            (REDIS_URL, redis_url.as_str()),
            (REDIS_CA, pem.as_str()),
            (NATS_URL, nats_url.as_str()),
            (NATS_CA, pem.as_str()),
        ];
        Door::open(&settings).publishes(&redis, &nats).await;
    }
}

/// Both servers show the certificate, and the component is given this PEM to check it by.
async fn is_refused(certificate: &Certificate, authorities: &str, why: &str) {
    let Some((redis, nats)) = servers(certificate).await else { return };
    let redis_url = rediss("127.0.0.1", &redis);
    let without_store = [(REDIS_URL, redis_url.as_str()), (REDIS_CA, authorities), (NATS_URL, NOWHERE)];
    Door::open(&without_store).refuses(&format!("session store unavailable: TLS: {why}")).await;

    let (redis_url, nats_url) = (redis.url(), nats.url());
    let without_bus = [(REDIS_URL, redis_url.as_str()), (NATS_URL, nats_url.as_str()), (NATS_CA, authorities)];
    Door::open(&without_bus).keeps(&redis, &format!("bus unavailable: TLS: {why}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority() {
    let certificate = Authority::new("authority").certify(&HERE);
    let other = Authority::new("another authority").pem();
    is_refused(&certificate, &other, "invalid peer certificate: UnknownIssuer").await;
}

/// A name is easily taken; the signature is what counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_namesake_of_the_authority() {
    let certificate = Authority::new("authority").certify(&HERE);
    is_refused(&certificate, &Authority::new("authority").pem(), "invalid peer certificate: ").await;
}

/// Set to nothing, an authority is not set, and those of the web have not heard of this server.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_the_web_does_not_know() {
    let certificate = Authority::new("authority").certify(&HERE);
    is_refused(&certificate, "", "invalid peer certificate: UnknownIssuer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate() {
    let authority = Authority::new("authority");
    let certificate = authority.certify_for_the_past(&HERE);
    is_refused(&certificate, &authority.pem(), "invalid peer certificate: certificate expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_another_server() {
    let authority = Authority::new("authority");
    let certificate = authority.certify(&["localhost", "127.0.0.2"]);
    is_refused(&certificate, &authority.pem(), "invalid peer certificate: certificate not valid for name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_are_none() {
    let certificate = Authority::new("authority").certify(&HERE);
    is_refused(&certificate, "no PEM at all", "the authorities").await;
}
