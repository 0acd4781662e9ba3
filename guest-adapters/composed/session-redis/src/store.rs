//! `greentic:edge/session-store` for this instance's route: adds tenant, team and channel to every key.
//!
//! One file for both session adapters (`spin/session-redis` names it by its path), because the generated types are each
//! crate's own. What differs, the connection, is in their `lib.rs`.

use crate::bindings::exports::greentic::edge::session_store as wit;
use crate::bindings::greentic::edge::route::{self, Route};
use crate::bindings::greentic::edge::types;
use crate::{Connection, connect};
use greentic_guest_sdk::session::{Begun, Commit, Limits, Store, StoreError};
use greentic_session::steps::Grant;
use greentic_session::{Publication, SessionKey, StoredKey};
use greentic_types::{ChannelKey, TenantCtx};
use std::cell::RefCell;

thread_local! {
    /// The connection and the one turn of this instance, which lives for one request.
    static STORE: RefCell<Store<Connection>> = const { RefCell::new(Store::new(connect)) };
}

pub struct Adapter;

impl wit::Guest for Adapter {
    fn begin(key: wit::SessionKey, delivery: String) -> Result<wit::Begun, wit::StoreError> {
        let key = stored_key(route::current(), key);
        let begun = STORE.with_borrow_mut(|store| store.begin(&key, &delivery)).map_err(told)?;
        Ok(match begun {
            Begun::New(grant) => wit::Begun::New(turn(grant)),
            Begun::Duplicate(Some(grant)) => wit::Begun::Duplicate(turn(grant)),
            // Version 0: another turn is looking after it, or there is nothing left to do.
            Begun::Duplicate(None) => {
                wit::Begun::Duplicate(wit::Turn { version: 0, session: None, unsent: Vec::new() })
            }
            Begun::Busy => wit::Begun::Busy,
        })
    }

    fn commit(
        version: u64,
        session: Option<Vec<u8>>,
        ttl_seconds: u32,
        outbox: Vec<types::Publication>,
        delivery: String,
    ) -> Result<(), wit::StoreError> {
        let Route { limits, egress_subject, events_subject, .. } = route::current();
        let limits = Limits {
            session_bytes: limits.session_bytes,
            outgoing: limits.outgoing,
            egress_subject: &egress_subject,
            events_subject: &events_subject,
        };
        let outbox: Vec<Publication> = outbox.into_iter().map(from_wit).collect();
        let commit = Commit { session: session.as_deref(), ttl_seconds, outbox: &outbox, delivery: &delivery };
        STORE.with_borrow_mut(|store| store.commit(version, &limits, &commit)).map_err(told)
    }

    fn settle(version: u64, ids: Vec<String>) -> Result<(), wit::StoreError> {
        STORE.with_borrow_mut(|store| store.settle(version, &ids)).map_err(told)
    }
}

fn stored_key(route: Route, key: wit::SessionKey) -> StoredKey {
    let types::TenantCtx { env_id, tenant_id, team_id } = route.tenant;
    let tenant = TenantCtx { env_id, tenant_id, team_id };
    let channel = ChannelKey { tenant, channel: route.channel };
    SessionKey { channel, conversation: key.conversation, user: key.user }.stored()
}

fn turn(grant: Grant) -> wit::Turn {
    let Grant { token, session, unsent } = grant;
    wit::Turn { version: token, session, unsent: unsent.into_iter().map(to_wit).collect() }
}

fn told(error: StoreError) -> wit::StoreError {
    match error {
        StoreError::Unavailable => wit::StoreError::Unavailable,
        StoreError::Fenced => wit::StoreError::Fenced,
        StoreError::Refused(reason) => wit::StoreError::Refused(reason),
    }
}

fn from_wit(publication: types::Publication) -> Publication {
    let types::Publication { id, subject, headers, payload } = publication;
    Publication { id, subject, headers, payload }
}

fn to_wit(publication: Publication) -> types::Publication {
    let Publication { id, subject, headers, payload } = publication;
    types::Publication { id, subject, headers, payload }
}
