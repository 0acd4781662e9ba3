//! `allowed_outbound_hosts`: scheme, host and port of what a component may reach. One list for Redis, HTTP and raw
//! sockets; a raw socket is asked about by its ADDRESS, with the scheme `tcp`.

use super::variables::Variables;
use url::{Host, Url};

pub struct AllowedHosts(Vec<Rule>);

struct Rule {
    /// `None` is `*`.
    scheme: Option<String>,
    host: HostRule,
    /// `None` is `*`.
    port: Option<u16>,
}

enum HostRule {
    Any,
    /// With the dot that it begins with.
    Subdomains(String),
    Exact(Host),
}

impl AllowedHosts {
    /// Entries that expand to nothing are left out, as an optional endpoint that isn't set.
    pub fn parse(entries: &[String], variables: &Variables) -> AllowedHosts {
        let expanded = entries.iter().map(|entry| variables.expand(entry).unwrap());
        AllowedHosts(expanded.filter(|entry| !entry.is_empty()).map(|entry| rule(&entry)).collect())
    }

    /// Whether an address may be reached: a URL, or host and port of this scheme.
    pub fn allow(&self, address: &str, scheme: &str) -> bool {
        let parsed = Url::parse(address).ok().filter(Url::has_host);
        let Some(url) = parsed.or_else(|| Url::parse(&format!("{scheme}://{address}")).ok()) else { return false };
        let Some(host) = url.host_str().and_then(|host| Host::parse(host).ok()) else { return false };
        let port = url.port().or_else(|| known_port(url.scheme()));
        self.0.iter().any(|rule| {
            rule.scheme.as_deref().is_none_or(|scheme| scheme == url.scheme())
                && rule.port.is_none_or(|allowed| port == Some(allowed))
                && rule.host.allows(&host)
        })
    }
}

impl HostRule {
    fn allows(&self, host: &Host) -> bool {
        match self {
            HostRule::Any => true,
            HostRule::Subdomains(suffix) => matches!(host, Host::Domain(domain) if domain.ends_with(suffix)),
            HostRule::Exact(exact) => exact == host,
        }
    }
}

/// Fails on what Spin refuses, and on the forms that nothing exported uses: CIDR networks, port ranges, `self`.
fn rule(entry: &str) -> Rule {
    let (scheme, rest) = entry.split_once("://").unwrap_or_else(|| panic!("{entry:?} has no scheme"));
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // Behind the last colon stands the port, unless that colon is inside an IPv6 address.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    assert!(!host.contains('/') && host != "self" && host != "self.alt", "{entry:?} is not served here");
    let port = match port {
        Some("*") => None,
        Some(port) => Some(port.parse().unwrap_or_else(|_| panic!("{entry:?} has no usable port"))),
        None => Some(known_port(scheme).unwrap_or_else(|| panic!("{entry:?} needs a port"))),
    };
    let host = match host.strip_prefix("*.") {
        _ if host == "*" => HostRule::Any,
        Some(domain) => HostRule::Subdomains(format!(".{domain}")),
        None => HostRule::Exact(Host::parse(host).unwrap_or_else(|error| panic!("{entry:?}: {error}"))),
    };
    Rule { scheme: (scheme != "*").then(|| scheme.to_owned()), host, port }
}

fn known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn allowed(entries: &[&str]) -> AllowedHosts {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        AllowedHosts::parse(&entries, &Variables::new(&BTreeMap::new(), &BTreeMap::new()))
    }

    #[test]
    fn a_socket_is_allowed_by_its_address_and_the_scheme_tcp() {
        let hosts = allowed(&["tcp://127.0.0.1:4222", "redis://127.0.0.1:6379"]);
        assert!(hosts.allow("127.0.0.1:4222", "tcp"));
        assert!(!hosts.allow("127.0.0.1:6379", "tcp"));
        assert!(!hosts.allow("127.0.0.2:4222", "tcp"));
        assert!(!allowed(&["tcp://localhost:4222"]).allow("127.0.0.1:4222", "tcp"));
    }

    #[test]
    fn urls_are_matched_by_scheme_host_and_port() {
        let hosts = allowed(&["redis://cache:6380", "https://api.telegram.org", "http://*.example.com:*"]);
        assert!(hosts.allow("redis://user:password@cache:6380/2", "redis"));
        assert!(!hosts.allow("redis://cache", "redis"));
        assert!(hosts.allow("https://api.telegram.org/bot1/sendMessage", "https"));
        assert!(!hosts.allow("http://api.telegram.org/", "https"));
        assert!(!hosts.allow("https://api.telegram.org.evil.example/", "https"));
        assert!(hosts.allow("http://a.example.com:8080/", "https"));
        assert!(!hosts.allow("http://example.com/", "https"));
    }
}
