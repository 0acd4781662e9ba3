//! Outgoing HTTP, the only way it leaves: every request passes one check of scheme, authority and RESOLVED address.
//!
//! The address that was checked is the address that is connected to, so a name that resolves differently the second
//! time gains nothing. Redirects are not followed: the guest would have to ask again and be checked again.

use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpHooks};

/// Longest that connecting may take when the guest names no shorter time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest until the first byte of an answer. Platforms answer within seconds or not at all.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(20);

/// One place that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub https: bool,
    pub host: String,
    pub port: u16,
    /// Whether it may resolve to a private or loopback address. Only where the operator named the place.
    pub internal: bool,
}

/// Who says what may be reached.
pub trait Policy: Send + Sync {
    /// The grant for this place, if there is one.
    fn find(&self, https: bool, host: &str, port: u16) -> Option<Grant>;

    /// Says in the log that a place was refused. The path may hold a token: only the authority is shown.
    fn log_refusal(&self, https: bool, host: &str, port: u16) {
        tracing::warn!(host, port, https, "outgoing request refused: not granted");
    }
}

/// Everything a provider may reach.
#[derive(Debug, Default)]
pub struct Grants(pub Vec<Grant>);

impl Policy for Grants {
    fn find(&self, https: bool, host: &str, port: u16) -> Option<Grant> {
        self.0.iter().find(|grant| grant.https == https && grant.port == port && grant.host == host).cloned()
    }
}

/// The hook that wasi:http calls for each outgoing request.
pub struct Outgoing {
    policy: Arc<dyn Policy>,
    /// Calls that may be under way at once.
    calls: Arc<Semaphore>,
    /// Whether a refusal was logged: one tells the operator, a thousand would be the guest's flood.
    warned: Arc<AtomicBool>,
}

/// Calls of one instance at once. A provider makes them one after the other; each holds a descriptor of the process, which
/// 256 instances share.
const CALLS_AT_ONCE: usize = 4;

impl Outgoing {
    pub fn none() -> Outgoing {
        Outgoing::granted(Arc::new(Grants::default()))
    }

    pub fn granted(policy: Arc<dyn Policy>) -> Outgoing {
        Outgoing { policy, calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)), warned: Arc::default() }
    }
}

type Sent = Result<(http::Response<HyperOutgoingBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<HyperOutgoingBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (policy, warned) = (Arc::clone(&self.policy), Arc::clone(&self.warned));
        let place = Arc::clone(&self.calls).try_acquire_owned();
        Box::new(async move {
            let place = place.map_err(|_| Error::ConnectionLimitReached)?;
            send(policy.as_ref(), &warned, place, request, options).await
        })
    }
}

async fn send(
    policy: &dyn Policy,
    warned: &AtomicBool,
    place: OwnedSemaphorePermit,
    mut request: http::Request<HyperOutgoingBody>,
    options: Option<RequestOptions>,
) -> Sent {
    let https = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
    let host = request.uri().host().ok_or(Error::HttpRequestUriInvalid)?.to_ascii_lowercase();
    let port = request.uri().port_u16().unwrap_or(if https { 443 } else { 80 });
    let Some(grant) = policy.find(https, &host, port) else {
        if !warned.swap(true, Ordering::Relaxed) {
            policy.log_refusal(https, &host, port);
        }
        return Err(Error::HttpRequestDenied);
    };
    let connect = options.as_ref().and_then(|o| o.connect_timeout).unwrap_or(CONNECT_TIMEOUT).min(CONNECT_TIMEOUT);
    let first = options.and_then(|o| o.first_byte_timeout).unwrap_or(FIRST_BYTE_TIMEOUT).min(FIRST_BYTE_TIMEOUT);
    let opened = async { open(resolve(&grant).await?, https, &host).await };
    let stream = tokio::time::timeout(connect, opened).await.map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Aborted when the guest is gone: a server that stops reading must not keep the task and its descriptor.
    let driver = AbortOnDropHandle::new(tokio::spawn(connection));

    // On the wire only path and query: the authority is in `Host`, which wasi:http has set.
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
    *request.uri_mut() = http::Uri::from(path);
    let response =
        tokio::time::timeout(first, sender.send_request(request)).await.map_err(|_| Error::HttpResponseTimeout)??;
    let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
    let finished = async move {
        let _place = place;
        match driver.await {
            Ok(done) => done.map_err(Error::from),
            Err(_) => Err(Error::ConnectionTerminated),
        }
    };
    Ok((response, Box::new(finished)))
}

/// The first granted address of a name. A name that has any internal address is refused altogether: picking the
/// public one would let whoever owns the name probe us by turns.
async fn resolve(grant: &Grant) -> Result<SocketAddr, Error> {
    let found = tokio::net::lookup_host((grant.host.trim_matches(['[', ']']), grant.port))
        .await
        .map_err(|_| Error::DnsError { rcode: None, info_code: None })?
        .collect::<Vec<_>>();
    if !grant.internal && found.iter().any(|address| is_internal(address.ip())) {
        tracing::warn!(host = grant.host, "outgoing request refused: the name resolves to an internal address");
        return Err(Error::DestinationIpProhibited);
    }
    found.first().copied().ok_or(Error::DestinationNotFound)
}

/// Addresses that are not the public internet: what an attacker would have us reach on our own network.
fn is_internal(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || ip.is_documentation()
                || a == 0
                // 100.64/10, carrier NAT; 198.18/15, benchmarks; 240/4, reserved; 192.0.0/24, protocol use.
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || a >= 240
                || matches!(ip.octets(), [192, 0, 0, _])
        }
        IpAddr::V6(ip) => match ip.to_ipv4() {
            // Mapped and compatible forms are the IPv4 address in other clothes.
            Some(v4) => is_internal(IpAddr::V4(v4)),
            None => {
                let [first, second, ..] = ip.segments();
                // Only 2000::/3 is the public internet; of it, 6to4 and Teredo carry an IPv4 address that was not checked.
                (first & 0xe000) != 0x2000 || first == 0x2002 || (first == 0x2001 && second == 0)
            }
        },
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn open(address: SocketAddr, https: bool, host: &str) -> Result<Box<dyn Stream>, Error> {
    let stream = TcpStream::connect(address).await.map_err(Error::Connect)?;
    // One small request and its answer: waiting to fill a segment only adds latency.
    stream.set_nodelay(true).map_err(Error::Connect)?;
    if !https {
        return Ok(Box::new(stream));
    }
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let connector = tokio_rustls::TlsConnector::from(tls()?);
    Ok(Box::new(connector.connect(name, stream).await.map_err(Error::Tls)?))
}

/// Made once: parsing the root certificates for each request would cost more than the request.
fn tls() -> Result<Arc<rustls::ClientConfig>, Error> {
    static CONFIG: OnceLock<Option<Arc<rustls::ClientConfig>>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    });
    config.clone().ok_or(Error::ConfigurationError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_known_in_every_form() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "::ffff:0:127.0.0.1",
            "fec0::1",
            "2001::1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(is_internal(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["149.154.167.220", "1.1.1.1", "2001:67c:4e8:f004::9", "99.1.1.1"] {
            assert!(!is_internal(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn a_public_name_that_points_inside_is_refused() {
        let grant = Grant { https: true, host: "localhost".into(), port: 443, internal: false };
        assert!(matches!(resolve(&grant).await, Err(Error::DestinationIpProhibited)));
        let named_by_operator = Grant { internal: true, ..grant };
        assert!(resolve(&named_by_operator).await.is_ok());
    }

    #[test]
    fn a_grant_is_exact() {
        let grants = Grants(vec![Grant { https: true, host: "api.telegram.org".into(), port: 443, internal: false }]);
        assert!(grants.find(true, "api.telegram.org", 443).is_some());
        assert!(grants.find(false, "api.telegram.org", 443).is_none());
        assert!(grants.find(true, "api.telegram.org", 8443).is_none());
        assert!(grants.find(true, "api.telegram.org.evil.example", 443).is_none());
        assert!(grants.find(true, "evil.api.telegram.org", 443).is_none());
    }
}
