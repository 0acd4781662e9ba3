//! A server's URL, `scheme://[user[:password]@]host[:port][/path]`: what the settings of a deployment name servers by.
//!
//! Strict, so that nothing of a URL is passed over: a query or fragment makes it none. No `Debug` and no error that
//! quotes it, because it may hold a password. What a scheme or a missing port means is the caller's.

use std::net::Ipv6Addr;

#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    pub scheme: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    pub port: Option<u16>,
    /// What follows the slash after the host.
    pub path: String,
}

impl ServerUrl {
    pub fn parse(text: &str) -> Option<ServerUrl> {
        let (scheme, rest) = text.split_once("://")?;
        if scheme.is_empty() || rest.contains(|c: char| matches!(c, '?' | '#') || c.is_control() || c.is_whitespace()) {
            return None;
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_info, server) = match authority.rsplit_once('@') {
            Some((user_info, server)) => (user_info, server),
            None => ("", authority),
        };
        let (user, password) = match user_info.split_once(':') {
            Some((user, password)) => (user, Some(decode(password)?)),
            None => (user_info, None),
        };
        let user = if user.is_empty() { None } else { Some(decode(user)?) };
        let (host, port) = host_and_port(server)?;
        Some(ServerUrl { scheme: scheme.to_owned(), user, password, host, port, path: path.to_owned() })
    }

    /// The URL with this password, unless it has one already.
    pub fn with_password(text: &str, password: &str) -> Option<String> {
        let url = ServerUrl::parse(text)?;
        if url.password.is_some() {
            return Some(text.to_owned());
        }
        let ServerUrl { scheme, user, host, port, path, .. } = url;
        let user = encode(user.as_deref().unwrap_or_default());
        let password = encode(password);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{scheme}://{user}:{password}@{host}{port}/{path}"))
    }
}

fn host_and_port(server: &str) -> Option<(String, Option<u16>)> {
    let (host, rest) = match server.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, rest)
        }
        None => server.split_at_checked(server.find(':').unwrap_or(server.len()))?,
    };
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    if host.is_empty() { None } else { Some((host.to_owned(), port)) }
}

/// Undoes percent-encoding; none when what is encoded is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes all but letters, digits and `-._~`, so that the text can stand as user or password.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As one line, for comparing: the type itself has no `Debug`.
    fn shown(text: &str) -> Option<String> {
        let ServerUrl { scheme, user, password, host, port, path } = ServerUrl::parse(text)?;
        Some(format!("{scheme} {user:?} {password:?} {host} {port:?} {path}"))
    }

    #[test]
    fn servers_are_read() {
        let cases = [
            ("redis://127.0.0.1", "redis None None 127.0.0.1 None "),
            ("redis://:p%40ss%2F@redis.example:6380/3", "redis None Some(\"p@ss/\") redis.example Some(6380) 3"),
            ("tls://user:word@nats:4222", "tls Some(\"user\") Some(\"word\") nats Some(4222) "),
            ("nats://token@[::1]:4222/", "nats Some(\"token\") None ::1 Some(4222) "),
            ("nats://a@b:c@host", "nats Some(\"a@b\") Some(\"c\") host None "),
        ];
        for (url, expected) in cases {
            assert_eq!(shown(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for url in [
            "",
            "localhost:6379",
            "://host",
            "redis://",
            "redis://:6379",
            "redis://host:port",
            "redis://host:70000",
            "redis://host:",
            "redis://[::1",
            "redis://[name]",
            "redis://[::1]x",
            "redis://::1:6379",
            "redis://host?db=1",
            "redis://host#1",
            "redis://ho st",
            "redis://:%ff@host",
            "redis://:%4@host",
        ] {
            assert_eq!(shown(url), None, "{url}");
        }
    }

    #[test]
    fn any_password_survives_being_put_in() {
        for password in ["", "plain-._~", "p@ss:w/rd?#[]%", "ключ 🔑\n"] {
            for url in ["redis://host:6379/2", "redis://me@[::1]"] {
                let with = ServerUrl::with_password(url, password).unwrap();
                let (before, after) = (ServerUrl::parse(url).unwrap(), ServerUrl::parse(&with).unwrap());
                assert_eq!(after.password.as_deref(), Some(password));
                assert!((after.user, after.host, after.port) == (before.user, before.host, before.port));
                assert_eq!(after.path, before.path);
            }
        }
        assert_eq!(ServerUrl::with_password("redis://:old@host", "new").as_deref(), Some("redis://:old@host"));
    }
}
