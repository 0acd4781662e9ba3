//! Outgoing HTTP by `allowed_outbound_hosts`. Without TLS: what tests send to is a fake on loopback.

use super::allowed_hosts::AllowedHosts;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpHooks};

pub struct Outgoing {
    pub allowed: Arc<AllowedHosts>,
}

type Finished = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<HyperOutgoingBody>, Finished), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<HyperOutgoingBody>,
        _: Option<RequestOptions>,
        _: Finished,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.allowed.allow(&request.uri().to_string(), "https");
        Box::new(async move {
            if !allowed {
                eprintln!("spin host: {:?} is not in allowed_outbound_hosts", request.uri().authority());
                return Err(Error::HttpRequestDenied);
            }
            send(request).await
        })
    }
}

async fn send(mut request: http::Request<HyperOutgoingBody>) -> Sent {
    assert_eq!(request.uri().scheme_str(), Some("http"), "this host speaks no TLS");
    let authority = request.uri().authority().ok_or(Error::HttpRequestUriInvalid)?;
    let address = (authority.host().to_owned(), authority.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await.map_err(Error::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let path = request.uri().path_and_query().cloned().ok_or(Error::HttpRequestUriInvalid)?;
    *request.uri_mut() = http::Uri::from(path);
    let response = sender.send_request(request).await?.map(|body| body.map_err(Error::from).boxed_unsync());
    let finished = async move { driver.await.map_err(|_| Error::ConnectionTerminated)?.map_err(Error::from) };
    Ok((response, Box::new(finished)))
}
