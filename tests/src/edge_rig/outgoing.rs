//! The network: notes what is asked, and answers what the scene says, in order.

use super::Requested;
use bytes::Bytes;
use greentic_flow::engine::{HttpFailure, HttpFailureKind, HttpResponse};
use http_body_util::{BodyExt, Full, Limited};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, RequestOptions, WasiHttpHooks};

/// More than any flow may send.
const MAX_BODY: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub struct Network {
    pub answers: VecDeque<Result<HttpResponse, HttpFailure>>,
    pub requests: Vec<Requested>,
}

pub struct Outgoing(pub Arc<Mutex<Network>>);

type Finished = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<HyperOutgoingBody>, Finished), Error>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<HyperOutgoingBody>,
        _: Option<RequestOptions>,
        _: Finished,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let network = Arc::clone(&self.0);
        Box::new(async move {
            let request = read(request).await?;
            let answer = {
                let mut network = network.lock().unwrap();
                network.requests.push(request);
                network.answers.pop_front()
            };
            let finished: Finished = Box::new(async { Ok(()) });
            match answer {
                Some(Ok(answer)) => Ok((response(answer), finished)),
                Some(Err(failure)) => Err(error(failure.kind)),
                // Whoever compares will see that a request was made which nobody expected.
                None => Err(Error::ConnectionTerminated),
            }
        })
    }
}

async fn read(request: http::Request<HyperOutgoingBody>) -> Result<Requested, Error> {
    let (head, body) = request.into_parts();
    #[expect(clippy::disallowed_methods, reason = "this is the bounded read that the rule asks for")]
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Error::HttpRequestBodySize(None))?;
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Ok(Requested {
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        headers: headers.collect(),
        body: body.to_bytes().to_vec(),
    })
}

fn response(answer: HttpResponse) -> http::Response<HyperOutgoingBody> {
    let body = Full::new(Bytes::from(answer.body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap()
}

/// What the host's policy and its sockets say, where the guest makes these of it.
fn error(kind: HttpFailureKind) -> Error {
    match kind {
        HttpFailureKind::Timeout => Error::ConnectionTimeout,
        HttpFailureKind::Unreachable => Error::ConnectionRefused,
        HttpFailureKind::Refused => Error::HttpRequestDenied,
        HttpFailureKind::TooLarge | HttpFailureKind::Invalid => panic!("no network says {kind:?}"),
    }
}
