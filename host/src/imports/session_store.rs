//! `greentic:edge/session-store`: the guest-facing half of the session store.
//!
//! Adds environment, tenant, team and channel to every key; holds the lease for the sandbox, so that it is given back
//! whatever becomes of the instance; and lets only this route's own subjects into an outbox.

use super::session::{Begun, Commit, Publication, StoreError, Turn};
use crate::bindings::greentic::edge::{session_store as wit, types};
use crate::sandbox::{Rights, Sandbox};
use greentic_session::SessionKey;
use std::time::Duration;

impl wit::Host for Sandbox {
    async fn begin(
        &mut self,
        key: wit::SessionKey,
        delivery: String,
    ) -> wasmtime::Result<Result<wit::Begun, wit::StoreError>> {
        let Rights::Edge { route, services, lease, .. } = &mut self.rights else {
            return Err(Sandbox::not_granted("session-store"));
        };
        if lease.is_some() {
            return Err(wasmtime::format_err!("begin: this instance holds a turn already; settle it first"));
        }
        let key = SessionKey { channel: route.key.clone(), conversation: key.conversation, user: key.user };
        let mut hold = |turn: Turn| {
            let version = turn.lease.token;
            *lease = Some(turn.lease);
            wit::Turn { version, session: turn.session, unsent: turn.unsent.into_iter().map(to_wit).collect() }
        };
        Ok(match services.store.begin(&key, &delivery).await {
            Ok(Begun::New(turn)) => Ok(wit::Begun::New(hold(turn))),
            Ok(Begun::Duplicate(Some(turn))) => Ok(wit::Begun::Duplicate(hold(turn))),
            Ok(Begun::Duplicate(None)) => {
                Ok(wit::Begun::Duplicate(wit::Turn { version: 0, session: None, unsent: Vec::new() }))
            }
            Ok(Begun::Busy) => Ok(wit::Begun::Busy),
            Err(error) => Err(report(error)),
        })
    }

    async fn commit(
        &mut self,
        version: u64,
        session: Option<Vec<u8>>,
        ttl_seconds: u32,
        outbox: Vec<types::Publication>,
        delivery: String,
    ) -> wasmtime::Result<Result<(), wit::StoreError>> {
        let Rights::Edge { route, services, lease, .. } = &self.rights else {
            return Err(Sandbox::not_granted("session-store"));
        };
        let Some(lease) = lease.as_ref().filter(|lease| lease.token == version) else {
            return Ok(Err(wit::StoreError::Fenced));
        };
        if let Some(foreign) = outbox.iter().find(|publication| !route.may_publish(&publication.subject)) {
            return Err(wasmtime::format_err!("commit: subject `{}` is not this route's", foreign.subject));
        }
        // The flow's limit of replies, the act that the platform demands beside them, and as many events as replies.
        let limit = services.turn.outgoing as usize;
        let replies = outbox.iter().filter(|publication| publication.subject == route.egress_subject).count();
        if replies > limit.saturating_add(1) || outbox.len() - replies > limit {
            return Ok(Err(wit::StoreError::Refused(format!("more than {limit} messages or events"))));
        }
        let commit = Commit {
            session,
            ttl: Duration::from_secs(u64::from(ttl_seconds)),
            outbox: outbox.into_iter().map(from_wit).collect(),
            delivery,
        };
        Ok(services.store.commit(lease, commit).await.map_err(report))
    }

    async fn settle(&mut self, version: u64, ids: Vec<String>) -> wasmtime::Result<Result<(), wit::StoreError>> {
        let Rights::Edge { services, lease, .. } = &mut self.rights else {
            return Err(Sandbox::not_granted("session-store"));
        };
        if lease.as_ref().is_none_or(|lease| lease.token != version) {
            return Ok(Err(wit::StoreError::Fenced));
        }
        let settled = match lease.as_ref() {
            Some(held) => services.store.settle(held, &ids).await,
            None => Err(StoreError::Fenced),
        };
        // Over either way, but only now: until then the sandbox gives it back if the deadline comes. After a failed settle
        // the same request may still begin another conversation's turn.
        if let Some(held) = lease.take()
            && settled.is_err()
        {
            services.store.release(held);
        }
        Ok(settled.map_err(report))
    }
}

/// The guest hears what it can act on; the detail is the log's.
fn report(error: StoreError) -> wit::StoreError {
    match error {
        StoreError::Unavailable(detail) => {
            tracing::warn!(detail, "session store unavailable");
            wit::StoreError::Unavailable
        }
        StoreError::Fenced => wit::StoreError::Fenced,
        StoreError::Refused(reason) => wit::StoreError::Refused(reason),
    }
}

pub(super) fn from_wit(publication: types::Publication) -> Publication {
    let types::Publication { id, subject, headers, payload } = publication;
    Publication { id, subject, headers, payload }
}

pub(super) fn to_wit(publication: Publication) -> types::Publication {
    let Publication { id, subject, headers, payload } = publication;
    types::Publication { id, subject, headers, payload }
}
