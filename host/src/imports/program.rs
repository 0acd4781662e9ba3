//! What the operator gave to a program that is served as it is, and the questions it may ask of that.
//!
//! Environment, variables, outgoing HTTP, TCP: each by its own list, empty unless the operator filled it. What is refused is
//! said in the log once, with the option that would allow it. Values are secrets: none is ever shown.

use super::outgoing_http::{Grant, Policy};
use super::program_hosts::{AllowedHost, HostError};
use super::stderr::LoggedStderr;
use crate::bindings::spin::fermyon::spin::variables;
use crate::sandbox::{Rights, Sandbox, may_use};
use crate::secrets::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

/// Connections that one instance may open, one after the other included: a request talks to two or three servers, and
/// descriptors are the process's.
const CONNECTIONS: usize = 32;

/// Refusals that are logged, each once: a program must not fill the log with places it invents.
const LOGGED_REFUSALS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error(transparent)]
    Http(#[from] HostError),
    #[error("`{0}` is no TCP address to allow: write HOST:PORT, IPv6 in brackets")]
    Tcp(String),
    #[error("`{place}`, allowed for TCP, does not resolve")]
    Unresolved { place: String, source: std::io::Error },
    #[error(
        "variable `{0}`: a name is lower-case letters, digits and single underscores, begins with a letter and does not \
         end with an underscore"
    )]
    VariableName(String),
}

/// What is allowed, as the operator wrote it.
#[derive(Default)]
pub struct Allowed {
    pub environment: Vec<(String, Secret)>,
    pub variables: Vec<(String, Secret)>,
    /// `scheme://host[:port]`.
    pub http: Vec<String>,
    /// `host:port`.
    pub tcp: Vec<String>,
}

/// A program's grants, checked. Immutable but for the memory of what was logged.
pub struct Program {
    name: String,
    environment: Vec<(String, Secret)>,
    variables: BTreeMap<String, Secret>,
    http: Vec<AllowedHost>,
    tcp: Vec<SocketAddr>,
    /// Whether it may resolve names: only when a TCP server is allowed by name.
    name_lookup: bool,
    refused: Mutex<BTreeSet<String>>,
}

impl Program {
    /// Checks what is allowed and resolves the names of TCP servers. They keep these addresses as long as the process
    /// lives: a name that moves needs a restart, and one that is made to point elsewhere gains nothing.
    pub async fn new(name: &str, allowed: Allowed) -> Result<Program, ProgramError> {
        if let Some((wrong, _)) = allowed.variables.iter().find(|(name, _)| !is_variable_name(name)) {
            return Err(ProgramError::VariableName(wrong.clone()));
        }
        let http = allowed.http.iter().map(|text| AllowedHost::parse(text)).collect::<Result<_, _>>()?;
        let (mut tcp, mut name_lookup) = (Vec::new(), false);
        for place in &allowed.tcp {
            let (host, port) = host_and_port(place).ok_or_else(|| ProgramError::Tcp(place.clone()))?;
            name_lookup |= host.parse::<IpAddr>().is_err();
            let unresolved = |source| ProgramError::Unresolved { place: place.clone(), source };
            tcp.extend(tokio::net::lookup_host((host, port)).await.map_err(unresolved)?);
        }
        Ok(Program {
            name: name.to_owned(),
            environment: allowed.environment,
            variables: allowed.variables.into_iter().collect(),
            http,
            tcp,
            name_lookup,
            refused: Mutex::default(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds to an empty context what the program has beyond it.
    pub(crate) fn equip(self: &Arc<Self>, builder: &mut WasiCtxBuilder) {
        for (name, value) in &self.environment {
            builder.env(name, value.expose_text());
        }
        let words = LoggedStderr::new(&self.name);
        builder.stdout(words.clone()).stderr(words);
        let (program, opened) = (Arc::clone(self), AtomicUsize::new(0));
        // TCP is on even with nothing allowed, so that a refusal comes by here and is logged.
        builder.allow_tcp(true).allow_ip_name_lookup(self.name_lookup).socket_addr_check(move |address, reason| {
            Box::pin(std::future::ready(program.may_connect(&opened, address, reason)))
        });
    }

    fn may_connect(&self, opened: &AtomicUsize, address: SocketAddr, reason: SocketAddrUse) -> bool {
        let granted = may_use(&self.tcp, address, reason);
        match reason {
            SocketAddrUse::TcpConnect if !granted => {
                self.log_refused("TCP connection", &format!("--allow-tcp {address}"));
                false
            }
            SocketAddrUse::TcpConnect => opened.fetch_add(1, Ordering::Relaxed) < CONNECTIONS,
            _ => granted,
        }
    }

    /// Once for each thing, and for so many things.
    fn log_refused(&self, what: &str, option: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < LOGGED_REFUSALS && refused.insert(option.to_owned()) {
            tracing::warn!(program = self.name, "{what} refused; this would allow it: {option}");
        }
    }
}

impl Policy for Program {
    fn find(&self, https: bool, host: &str, port: u16) -> Option<Grant> {
        // Every pattern is asked: a wildcard may allow what a literal name allows inside our network, too.
        let mut grants: Vec<Grant> = self.http.iter().filter_map(|allowed| allowed.grant(https, host, port)).collect();
        grants.sort_by_key(|grant| grant.internal);
        grants.pop()
    }

    fn log_refusal(&self, https: bool, host: &str, port: u16) {
        let scheme = if https { "https" } else { "http" };
        self.log_refused("outgoing request", &format!("--allow-http {scheme}://{host}:{port}"));
    }
}

impl variables::Host for Sandbox {
    fn get(&mut self, name: String) -> wasmtime::Result<Result<String, variables::Error>> {
        let Rights::Program(program) = &self.rights else {
            return Err(Sandbox::not_granted("variables"));
        };
        if !is_variable_name(&name) {
            return Ok(Err(variables::Error::InvalidName(name)));
        }
        Ok(program.variables.get(&name).map(|value| value.expose_text().to_owned()).ok_or_else(|| {
            program.log_refused("variable", &format!("--variable {name}=VALUE"));
            variables::Error::Undefined(format!("no variable `{name}`"))
        }))
    }
}

/// Spin's rule for names, so that a program that runs here runs there.
fn is_variable_name(name: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('_').all(word)
}

fn host_and_port(place: &str) -> Option<(&str, u16)> {
    let (host, port) = place.rsplit_once(':')?;
    let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn program(http: &[&str], tcp: &[&str]) -> Result<Program, ProgramError> {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Program::new("test", Allowed { http: own(http), tcp: own(tcp), ..Allowed::default() }).await
    }

    #[tokio::test]
    async fn only_allowed_addresses_are_connected_to_and_only_so_many_times() {
        let program = program(&[], &["127.0.0.1:6379", "[::1]:4222"]).await.unwrap();
        assert!(!program.name_lookup);
        let opened = AtomicUsize::new(0);
        let may = |address: &str, reason| program.may_connect(&opened, address.parse().unwrap(), reason);
        assert!(may("[::1]:4222", SocketAddrUse::TcpConnect));
        assert!(!may("127.0.0.1:6380", SocketAddrUse::TcpConnect));
        assert!(!may("127.0.0.2:6379", SocketAddrUse::TcpConnect));
        assert!(may("0.0.0.0:0", SocketAddrUse::TcpBind));
        assert!(!may("127.0.0.1:6379", SocketAddrUse::TcpBind));
        assert!(!may("0.0.0.0:0", SocketAddrUse::TcpListen));
        assert!(!may("127.0.0.1:6379", SocketAddrUse::UdpSend));
        assert!((1..CONNECTIONS).all(|_| may("127.0.0.1:6379", SocketAddrUse::TcpConnect)));
        assert!(!may("127.0.0.1:6379", SocketAddrUse::TcpConnect));
    }

    #[tokio::test]
    async fn names_are_looked_up_only_where_one_is_allowed() {
        assert!(program(&[], &["localhost:1"]).await.unwrap().name_lookup);
        for wrong in ["localhost", "localhost:0", ":1", "::1:80", "[::1]", "[::1:80"] {
            assert!(matches!(program(&[], &[wrong]).await, Err(ProgramError::Tcp(_))), "{wrong}");
        }
        // No resolver is asked for such a name.
        assert!(matches!(program(&[], &["no\0host:1"]).await, Err(ProgramError::Unresolved { .. })));
    }

    #[tokio::test]
    async fn a_literal_grant_holds_whatever_wildcard_stands_beside_it() {
        for http in [["http://*:*", "http://localhost:80"], ["http://localhost:80", "http://*:*"]] {
            let program = program(&http, &[]).await.unwrap();
            assert!(program.find(false, "localhost", 80).unwrap().internal);
            assert!(!program.find(false, "127.0.0.1", 80).unwrap().internal);
            assert!(program.find(true, "localhost", 80).is_none());
        }
    }

    #[tokio::test]
    async fn a_program_can_not_fill_the_log() {
        let program = program(&[], &[]).await.unwrap();
        for port in 1..=1_000 {
            program.log_refusal(true, "host.test", port);
        }
        assert_eq!(program.refused.lock().unwrap().len(), LOGGED_REFUSALS);
    }

    #[tokio::test]
    async fn variables_have_names_as_spin_wants_them() {
        for name in ["a", "redis_url", "a1_b2"] {
            assert!(is_variable_name(name), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "ä"] {
            assert!(!is_variable_name(name), "{name}");
        }
        let variables = vec![("No".to_owned(), Secret::new(b"hunter2".to_vec()))];
        let refused = Program::new("test", Allowed { variables, ..Allowed::default() }).await.err().unwrap();
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}
