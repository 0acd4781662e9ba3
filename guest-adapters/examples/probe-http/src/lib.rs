//! A `wasi:http` program that tells what its host gives it: one path a thing, for tests of serving any component.
//!
//! What stands behind `?` is the argument, as it is: a name, a URL, an address. An error is 404 with its words.

#![cfg(target_family = "wasm")]

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package greentic:probe;

            world probe {
                import fermyon:spin/variables@2.0.0;
            }
        ",
        path: "../../../wit/spin",
        world: "greentic:probe/probe",
        generate_all,
    });
}

use bindings::fermyon::spin::variables;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{OutputStream, StreamError};

struct Probe;

wasip2::http::proxy::export!(Probe);

/// Requests that this instance has served. More than one is what the host must never let happen.
static REQUESTS: AtomicU32 = AtomicU32::new(0);

/// Bytes of one read and of one write; `wasi:io` lets a blocking write take no more than 4,096.
const CHUNK: u64 = 64 * 1024;
const WRITE_CHUNK: usize = 4_096;

impl wasip2::exports::http::incoming_handler::Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let served = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let target = request.path_with_query().unwrap_or_default();
        let (path, argument) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/shape" => shape(&request, out),
            "/echo" => echo(&request, out),
            "/length" => told(out, length(&request)),
            "/count" => told(out, Ok(served.to_string())),
            "/env" => told(out, environment(argument)),
            "/variable" => told(out, variables::get(argument).map_err(|error| format!("{error:?}"))),
            "/fetch" => told(out, fetch(argument)),
            "/tcp" => told(out, tcp(argument).map_err(|error| error.to_string())),
            "/udp" => told(out, udp(argument).map_err(|error| error.to_string())),
            "/say" => {
                println!("{argument}");
                told(out, Ok(String::new()));
            }
            "/half" => half(out),
            "/silent" => {}
            "/loop" => spin(),
            "/trap" => trap(),
            _ => told(out, Err(format!("no probe {path}"))),
        }
    }
}

/// The request's head, and its `x-probe` headers back as headers.
fn shape(request: &IncomingRequest, out: ResponseOutparam) {
    let mut text = format!(
        "method {:?}\ntarget {}\nscheme {:?}\nauthority {}\n",
        request.method(),
        request.path_with_query().unwrap_or_default(),
        request.scheme(),
        request.authority().unwrap_or_default()
    )
    .into_bytes();
    let mut back = Vec::new();
    for (name, value) in request.headers().entries() {
        text.extend_from_slice(format!("{name}: ").as_bytes());
        text.extend_from_slice(&value);
        text.push(b'\n');
        if name == "x-probe" {
            back.push((name, value));
        }
    }
    if let Some((body, stream)) = head(out, 200, &back) {
        // A caller that is gone is none of ours.
        let _ = write(&stream, &text);
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

/// The body back, piece by piece as it comes; of the same length when that was announced.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let lengths = request.headers().get("content-length");
    let headers: Vec<_> = lengths.into_iter().map(|length| ("content-length".to_owned(), length)).collect();
    let Ok(incoming) = request.consume() else { return };
    let Ok(input) = incoming.stream() else { return };
    let Some((body, stream)) = head(out, 200, &headers) else { return };
    loop {
        match input.blocking_read(CHUNK) {
            Ok(piece) if write(&stream, &piece).is_ok() => {}
            Err(StreamError::Closed) => break,
            // A body that is not finished breaks off, which the caller sees.
            Ok(_) | Err(StreamError::LastOperationFailed(_)) => return,
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

/// How long the body is, once it has been read.
fn length(request: &IncomingRequest) -> Result<String, String> {
    let incoming = request.consume().map_err(|()| "taken before")?;
    let input = incoming.stream().map_err(|()| "taken before")?;
    let mut length = 0;
    loop {
        match input.blocking_read(CHUNK) {
            Ok(piece) => length += piece.len(),
            Err(StreamError::Closed) => return Ok(length.to_string()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("broke off after {length}: {}", error.to_debug_string()));
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program's environment is what is asked for")]
fn environment(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| error.to_string())
}

fn fetch(url: &str) -> Result<String, String> {
    let answer = greentic_guest_sdk::http::send("GET", url, &[], &[], Duration::from_secs(5));
    let answer = answer.map_err(|error| error.to_string())?;
    Ok(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)))
}

/// Says `ping` and tells what the server says until it closes.
fn tcp(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"ping\n")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn udp(address: &str) -> std::io::Result<String> {
    let sent = UdpSocket::bind("0.0.0.0:0")?.send_to(b"ping", address)?;
    Ok(format!("sent {sent}"))
}

/// A head, half a body, and the end.
fn half(out: ResponseOutparam) {
    if let Some((_body, stream)) = head(out, 200, &[]) {
        let _ = write(&stream, b"half of ");
        trap();
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[expect(clippy::panic, reason = "trapping is what is asked for")]
fn trap() {
    panic!("as asked");
}

fn told(out: ResponseOutparam, result: Result<String, String>) {
    let (status, text) = match result {
        Ok(text) => (200, text),
        Err(text) => (404, text),
    };
    if let Some((body, stream)) = head(out, status, &[]) {
        let _ = write(&stream, text.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

/// Sends the head. A stream is a child of its body and must be gone before it.
fn head(out: ResponseOutparam, status: u16, headers: &[(String, Vec<u8>)]) -> Option<(OutgoingBody, OutputStream)> {
    let fields = Fields::new();
    for (name, value) in headers {
        if fields.append(name, value).is_err() {
            eprintln!("the host refuses header {name}");
        }
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).ok()?;
    let body = response.body().ok()?;
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().ok()?;
    Some((body, stream))
}

fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    bytes.chunks(WRITE_CHUNK).try_for_each(|piece| stream.blocking_write_and_flush(piece))
}
