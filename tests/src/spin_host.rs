//! A host that offers a component what Spin 3 offers it, and nothing else: for tests, where the real one can't be had.
//!
//! It reads an exported `spin.toml` and serves it on a free port of loopback: routes, a fresh instance for each request,
//! outbound Redis with replies flattened, variables, sockets and outgoing HTTP by `allowed_outbound_hosts`. Whatever it
//! can't do as Spin does it refuses, loudly. That the manifest has Spin's schema is `tests/tests/export.rs`'s to check. The
//! facts are Spin's: its documentation, `wit/spin`, and its crates `factor-outbound-*`, `expressions` and `routes`.

mod allowed_hosts;
mod instance;
mod manifest;
mod outbound_redis;
mod outgoing_http;
mod routes;
mod variables;

use crate::host::code_cache;
use allowed_hosts::AllowedHosts;
use bytes::Bytes;
use greentic_host::engine::NativeCode;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use instance::{Guest, Program};
use manifest::Manifest;
use routes::{Found, find};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use variables::Variables;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A served application; gone when dropped.
pub struct SpinHost {
    url: String,
    server: JoinHandle<()>,
}

impl SpinHost {
    /// Serves the manifest with values for the application's variables, as `spin up --variable` takes them.
    pub async fn start(manifest: &Path, given: &BTreeMap<String, String>) -> SpinHost {
        let application = Arc::new(Application::load(manifest, given));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        SpinHost { url, server: tokio::spawn(serve(application, listener)) }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for SpinHost {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Application variables as a manifest declares them: name, and whether somebody must give a value.
pub fn declared_variables(manifest: &Path) -> BTreeMap<String, bool> {
    let manifest = Manifest::read(manifest);
    manifest.variables.into_iter().map(|(name, variable)| (name, variable.required)).collect()
}

/// The routes of a manifest, as they are written there.
pub fn declared_routes(manifest: &Path) -> Vec<String> {
    Manifest::read(manifest).trigger.http.into_iter().map(|trigger| trigger.route).collect()
}

struct Application {
    manifest: Manifest,
    guests: BTreeMap<String, Guest>,
}

impl Application {
    fn load(path: &Path, given: &BTreeMap<String, String>) -> Application {
        let manifest = Manifest::read(path);
        let variables = Variables::new(&manifest.variables, given);
        let program = Program::new();
        // Only the cache of compiled code is our host's: composed components take seconds to compile.
        let code = NativeCode::open(&code_cache()).unwrap();
        let folder = path.parent().unwrap();
        let guests = manifest.component.iter().map(|(id, component)| {
            let wasm = std::fs::read(folder.join(&component.source)).unwrap();
            let compiled = code.load(program.engine(), &wasm).unwrap();
            let own = component.variables.iter().map(|(name, template)| {
                variables::check_name(name).unwrap();
                (name.clone(), variables.expand(template).unwrap())
            });
            let own = own.collect();
            let allowed = AllowedHosts::parse(&component.allowed_outbound_hosts, &variables);
            let guest = program.guest(&compiled, own, component.environment.clone(), allowed);
            (id.clone(), guest.unwrap_or_else(|error| panic!("component {id} does not link: {error:#}")))
        });
        let guests = guests.collect();
        for trigger in &manifest.trigger.http {
            let known = manifest.component.contains_key(&trigger.component);
            assert!(known, "route {} names no component", trigger.route);
        }
        Application { manifest, guests }
    }

    async fn answer(&self, mut request: Request<Incoming>, client: SocketAddr) -> Response<HyperOutgoingBody> {
        let path = request.uri().path().to_owned();
        if path == "/.well-known/spin/health" {
            return plain(StatusCode::OK, "OK");
        }
        let Some(found) = find(&self.manifest.trigger.http, &path) else { return plain(StatusCode::NOT_FOUND, "") };
        let headers = own_headers(&request, &found, client);
        request.headers_mut().remove(http::header::CONNECTION);
        request.headers_mut().extend(headers);
        match self.guests[found.component].answer(request).await {
            Ok(response) => response,
            Err(error) => {
                eprintln!("spin host: component {}: {error:#}", found.component);
                plain(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }
}

/// What Spin tells a component of its route, in the request's own headers.
fn own_headers(request: &Request<Incoming>, found: &Found<'_>, client: SocketAddr) -> HeaderMap {
    let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let pairs = [
        ("spin-path-info", found.path_info.to_owned()),
        ("spin-full-url", format!("http://{host}{target}")),
        ("spin-matched-route", found.route.to_owned()),
        ("spin-base-path", "/".to_owned()),
        ("spin-raw-component-route", found.route.to_owned()),
        ("spin-component-route", found.prefix.to_owned()),
        ("spin-client-addr", client.to_string()),
    ];
    let parsed = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?)));
    parsed.collect()
}

async fn serve(application: Arc<Application>, listener: TcpListener) {
    // Dropped with this task, and with them every connection.
    let mut connections = JoinSet::new();
    loop {
        let (stream, client) = listener.accept().await.unwrap();
        connections.spawn(connection(Arc::clone(&application), stream, client));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(application: Arc<Application>, stream: TcpStream, client: SocketAddr) {
    stream.set_nodelay(true).unwrap();
    let service = service_fn(move |request| {
        let application = Arc::clone(&application);
        async move { Ok::<_, Infallible>(application.answer(request, client).await) }
    });
    // A client that hangs up is no failure of the host's.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn plain(status: StatusCode, body: &'static str) -> Response<HyperOutgoingBody> {
    let body = Full::new(Bytes::from_static(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
