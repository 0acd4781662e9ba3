//! Where a program's outgoing HTTP may go, as its operator writes it: `scheme://host[:port]`, the form of Spin's
//! `allowed_outbound_hosts`. Text in, decision out; addresses are checked by `outgoing_http.rs`.
//!
//! The rule: our own network is reached only where it is named literally, as an IP address or `localhost`. No wildcard and
//! no public name leads inside, whatever it resolves to.

use super::outgoing_http::Grant;
use url::Host;

#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no place to allow: write http://HOST[:PORT] or https://HOST[:PORT]; `*` as scheme, HOST or PORT allows any, \
     `*.example.com` any name below"
)]
pub struct HostError(String);

/// One allowed place, or a family of them. Parts that are `None` allow any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    https: Option<bool>,
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// With its leading dot, so that a name which only ends alike does not match.
    Below(String),
    Exactly(Host),
}

impl AllowedHost {
    pub fn parse(text: &str) -> Result<AllowedHost, HostError> {
        parse(text).ok_or_else(|| HostError(text.to_owned()))
    }

    /// The grant for a place that this allows. `host` as it stands in a URL: IPv6 in brackets.
    pub fn grant(&self, https: bool, host: &str, port: u16) -> Option<Grant> {
        if self.https.is_some_and(|only| only != https) || self.port.is_some_and(|only| only != port) {
            return None;
        }
        let host = Host::parse(host).ok()?;
        let named = match (&self.host, &host) {
            (HostPattern::Any, _) => false,
            (HostPattern::Below(suffix), Host::Domain(name)) if name.ends_with(suffix) => false,
            (HostPattern::Exactly(exact), host) if exact == host => true,
            _ => return None,
        };
        let literal = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        };
        Some(Grant { https, host: host.to_string(), port, internal: named && literal })
    }

    /// Whether every place that `other` allows is allowed by this, too.
    pub fn covers(&self, other: &AllowedHost) -> bool {
        let host = match (&self.host, &other.host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Below(suffix), HostPattern::Below(other)) => other.ends_with(suffix.as_str()),
            (HostPattern::Below(suffix), HostPattern::Exactly(Host::Domain(name))) => name.ends_with(suffix.as_str()),
            (ours, theirs) => ours == theirs,
        };
        host && (self.https.is_none() || self.https == other.https) && (self.port.is_none() || self.port == other.port)
    }
}

fn parse(text: &str) -> Option<AllowedHost> {
    let (scheme, rest) = text.split_once("://")?;
    let https = match scheme {
        "http" => Some(false),
        "https" => Some(true),
        "*" => None,
        _ => return None,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // A colon within brackets belongs to an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match (port, https) {
        (Some("*"), _) => None,
        (Some(port), _) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
        (None, Some(true)) => Some(443),
        (None, Some(false)) => Some(80),
        // Any scheme without a port would be two ports in one word.
        (None, None) => return None,
    };
    let host = match host.strip_prefix("*.") {
        Some(domain) => match domain_of(domain)? {
            Host::Domain(domain) => HostPattern::Below(format!(".{domain}")),
            Host::Ipv4(_) | Host::Ipv6(_) => return None,
        },
        None if host == "*" => HostPattern::Any,
        None => HostPattern::Exactly(domain_of(host)?),
    };
    Some(AllowedHost { https, host, port })
}

/// A host without a wildcard in it, in its one spelling.
fn domain_of(host: &str) -> Option<Host> {
    if host.contains('*') { None } else { Host::parse(host).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, https: bool, host: &str, port: u16) -> bool {
        AllowedHost::parse(pattern).unwrap().grant(https, host, port).is_some()
    }

    #[test]
    fn a_place_is_exact_where_it_has_no_wildcard() {
        assert!(allows("https://api.example.com", true, "api.example.com", 443));
        assert!(allows("https://API.example.com/", true, "api.EXAMPLE.com", 443));
        assert!(!allows("https://api.example.com", false, "api.example.com", 443));
        assert!(!allows("https://api.example.com", true, "api.example.com", 8443));
        assert!(!allows("https://api.example.com", true, "x.api.example.com", 443));
        assert!(!allows("https://api.example.com", true, "api.example.com.evil.test", 443));
        assert!(allows("http://127.0.0.1:8080", false, "127.0.0.1", 8080));
        assert!(allows("http://[::1]:8080", false, "[::1]", 8080));
        assert!(allows("http://[::1]", false, "[::1]", 80));
    }

    #[test]
    fn wildcards_stand_for_a_whole_part() {
        assert!(allows("https://*.example.com", true, "a.b.example.com", 443));
        assert!(!allows("https://*.example.com", true, "example.com", 443));
        assert!(!allows("https://*.example.com", true, "evilexample.com", 443));
        assert!(!allows("https://*.example.com:8443", true, "a.example.com", 443));
        assert!(allows("http://example.com:*", false, "example.com", 7));
        assert!(allows("*://*:*", true, "anything.test", 1));
        assert!(!allows("http://*", true, "anything.test", 80));
    }

    #[test]
    fn a_place_covers_what_it_allows() {
        let covers =
            |ours: &str, theirs: &str| AllowedHost::parse(ours).unwrap().covers(&AllowedHost::parse(theirs).unwrap());
        assert!(covers("https://a.test", "https://a.test:443"));
        assert!(covers("https://*.test", "https://a.test") && covers("https://*.test", "https://*.a.test"));
        assert!(covers("*://*:*", "http://a.test:7"));
        assert!(!covers("https://a.test", "http://a.test"));
        assert!(!covers("https://a.test", "https://*"));
        assert!(!covers("https://a.test", "https://*.a.test"));
        assert!(!covers("https://a.test", "https://a.test:8443"));
    }

    #[test]
    fn our_own_network_is_reached_only_by_its_literal_name() {
        let internal = |pattern: &str, host: &str| {
            AllowedHost::parse(pattern).unwrap().grant(false, host, 80).map(|grant| grant.internal)
        };
        assert_eq!(internal("http://localhost", "localhost"), Some(true));
        assert_eq!(internal("http://10.0.0.7", "10.0.0.7"), Some(true));
        assert_eq!(internal("http://example.com", "example.com"), Some(false));
        assert_eq!(internal("http://*", "localhost"), Some(false));
        assert_eq!(internal("http://*", "127.0.0.1"), Some(false));
        // Another spelling of an address is the address.
        assert_eq!(internal("http://127.0.0.1", "127.1"), Some(true));
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_way_to_write_it() {
        for text in [
            "",
            "*",
            "example.com",
            "ftp://example.com",
            "http://",
            "http://a.*.com",
            "http://*.1.2.3.4",
            "http://example.com/path",
            "http://example.com:0",
            "http://example.com:70000",
            "http://example.com:",
            "*://example.com",
            "http://user@example.com",
        ] {
            let error = AllowedHost::parse(text).unwrap_err().to_string();
            assert!(error.contains("https://HOST[:PORT]"), "{text}: {error}");
        }
    }
}
