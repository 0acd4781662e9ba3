//! One call by `wasi:http/incoming-handler`: request in, head of the answer out, body after it.
//!
//! The answer's head may come before the guest is done, so the guest goes on in a task of its own and holds its place until
//! it ends. A guest that ends badly after the head breaks its body off: a body cut short must never look whole. Which
//! component is called, and with what rights, is decided in `handle.rs`.

use crate::handle::{Place, outcome};
use crate::respond::{Body, RequestError};
use crate::sandbox::Sandbox;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use wasmtime::Store;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{Error, WasiHttpView};

/// Calls a fresh instance, and returns with the head of its answer. `limit` covers the whole of the call.
pub(crate) async fn call(
    tasks: &TaskTracker,
    pre: &ProxyPre<Sandbox>,
    mut store: Store<Sandbox>,
    limit: Duration,
    request: Request<Body>,
    place: Place,
) -> Result<Response<Body>, RequestError> {
    let (answered, answer) = tokio::sync::oneshot::channel();
    // Refused without an authority: HTTP/1.1 asks for `Host`.
    let unusable = |error: wasmtime::Error| RequestError::HeadUnusable { detail: format!("{error:#}") };
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request).map_err(unusable)?;
    let unwilling = |error: wasmtime::Error| RequestError::Guest { detail: format!("{error:#}") };
    let out = store.data_mut().http().new_response_outparam(answered).map_err(unwilling)?;
    let pre = pre.clone();
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let work = async move {
        let called = async {
            let proxy = pre.instantiate_async(&mut store).await?;
            proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
        };
        let called = tokio::time::timeout(limit, called).await;
        let ended = outcome(called, limit, &store);
        if let Err(error) = &ended {
            tracing::warn!(%error, "guest ended badly");
            // Before the store goes: the body's other end goes with it, which by itself looks like the body's proper end.
            breaks.store(true, Ordering::Release);
        }
        drop((store, place));
        ended
    };
    let guest = tasks.spawn(work.in_current_span());
    match answer.await {
        Ok(Ok(response)) if response.status().is_informational() => {
            Err(RequestError::BadAnswer { detail: format!("status {}", response.status()) })
        }
        Ok(Ok(response)) => Ok(response.map(|body| Unbroken { body, broken }.boxed_unsync())),
        Ok(Err(code)) => Err(RequestError::NoAnswer { detail: format!("{code:?}") }),
        // The guest went without an answer; its task knows why.
        Err(_) => match guest.await {
            Ok(Err(error)) => Err(error),
            _ => Err(RequestError::NoAnswer { detail: "it returned without one".into() }),
        },
    }
}

/// A client's body as it comes, with an end: past the limit the guest's read fails.
pub(crate) fn bounded(body: Incoming, limit: usize) -> Body {
    Limited::new(body, limit)
        .map_err(move |error| match error.downcast::<hyper::Error>() {
            Ok(error) => Error::from(*error),
            Err(_) => Error::HttpRequestBodySize(Some(limit as u64)),
        })
        .boxed_unsync()
}

/// An answer's body that fails where its guest did.
struct Unbroken {
    body: Body,
    broken: Arc<AtomicBool>,
}

impl hyper::body::Body for Unbroken {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None if self.broken.load(Ordering::Acquire) => Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::respond::full;

    #[tokio::test]
    async fn a_body_is_whole_only_when_its_guest_ended_well() {
        for (failed, whole) in [(false, true), (true, false)] {
            let body = Unbroken { body: full("half"), broken: Arc::new(AtomicBool::new(failed)) };
            #[expect(clippy::disallowed_methods, reason = "four bytes of our own")]
            let collected = body.collect().await;
            assert_eq!(collected.is_ok(), whole);
        }
    }
}
