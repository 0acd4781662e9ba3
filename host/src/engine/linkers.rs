//! What each role may import. A world is a permission list, and this file is where it is enforced: what isn't linked
//! here can't be called, whatever a component's bytes ask for.
//!
//! | role | greentic:edge | WASI |
//! |---|---|---|
//! | edge | route, provider, session-store, egress, nodes, flow, secrets | base, http types (for the `wasi:http` shim), outgoing HTTP through the guarded hook |
//! | provider | secrets, settings | base, http types, outgoing HTTP through the guarded hook |
//! | node | nothing | base |
//! | sidecar | egress-feed | base, TCP to the bus's addresses |
//! | http | nothing; Spin's variables | base, http types, outgoing HTTP by the same hook, sockets by the program's own list |
//!
//! "Base" is what every Rust standard library imports, cut down to nothing by an empty context: no environment, no
//! arguments, no directory, no input, output discarded; clocks and randomness are the only things that answer. A program
//! (role http) has the environment that its operator gave it, and its output goes to the log (`imports/program.rs`).

use crate::bindings::greentic::edge;
use crate::bindings::spin::fermyon::spin;
use crate::sandbox::Sandbox;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings as wasi;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi_http::p2::bindings as wasi_http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Edge,
    Provider,
    Node,
    Sidecar,
    /// Any `wasi:http` program, served as it is. What is linked here still asks the program's own grants at each use.
    Http,
}

/// The linker of a role. Made once per engine and role.
pub fn linker(engine: &Engine, role: Role) -> wasmtime::Result<Linker<Sandbox>> {
    let mut linker = Linker::new(engine);
    base(&mut linker)?;
    match role {
        Role::Edge => {
            http_types(&mut linker)?;
            wasi_http::http::outgoing_handler::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
            edge::route::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::provider::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::session_store::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::egress::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::nodes::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::flow::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::secrets::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
        }
        Role::Provider => {
            http_types(&mut linker)?;
            wasi_http::http::outgoing_handler::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
            edge::secrets::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
            edge::settings::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
        }
        Role::Node => {}
        Role::Sidecar => {
            tcp(&mut linker)?;
            edge::egress_feed::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
        }
        Role::Http => {
            http_types(&mut linker)?;
            wasi_http::http::outgoing_handler::add_to_linker::<_, WasiHttp>(&mut linker, Sandbox::http)?;
            tcp(&mut linker)?;
            other_sockets(&mut linker)?;
            spin::variables::add_to_linker::<_, HasSelf<Sandbox>>(&mut linker, itself)?;
        }
    }
    Ok(linker)
}

fn itself(sandbox: &mut Sandbox) -> &mut Sandbox {
    sandbox
}

/// Not generic on purpose: every instantiation of these calls costs minutes of build.
fn base(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
    wasi::random::insecure::add_to_linker::<_, WasiRandom>(linker, |t| t.ctx().ctx.random())?;
    wasi::random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, |t| t.ctx().ctx.random())?;
    wasi::cli::environment::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::exit::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::terminal_input::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::terminal_output::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, Sandbox::cli)?;
    wasi::filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, Sandbox::filesystem)?;
    wasi::filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, Sandbox::filesystem)?;
    Ok(())
}

fn http_types(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    let options = wasi_http::LinkOptions::default();
    wasi_http::http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), Sandbox::http)
}

/// TCP without name lookup and without UDP: the host resolved the bus's name.
fn tcp(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    let options = wasi::LinkOptions::default();
    wasi::sockets::network::add_to_linker::<_, WasiSockets>(linker, &(&options).into(), Sandbox::sockets)?;
    wasi::sockets::instance_network::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)?;
    wasi::sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)?;
    wasi::sockets::tcp::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)
}

/// What a standard library imports beside TCP. UDP is linked and refused at use: a program that only could send some must
/// load all the same.
fn other_sockets(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    wasi::sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)?;
    wasi::sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)?;
    wasi::sockets::udp::add_to_linker::<_, WasiSockets>(linker, Sandbox::sockets)
}
