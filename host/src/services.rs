//! What a turn works with and shares with every other turn: the session store, the way out, and the limits.

use crate::bus::Outlet;
use crate::imports::session::SessionStore;
use crate::sandbox::GuestLimits;
use std::sync::Arc;

/// Cheap to share, immutable, of all tenants. Guests reach it only through `imports/`, which add the tenant.
pub struct Services {
    pub store: Arc<dyn SessionStore>,
    pub outlet: Arc<dyn Outlet>,
    pub guest: GuestLimits,
    pub turn: TurnLimits,
}

/// Limits of a turn (spec/runtime.md, "Limits").
#[derive(Debug, Clone)]
pub struct TurnLimits {
    pub nodes: u32,
    pub outgoing: u32,
    pub session_bytes: u32,
}

impl Default for TurnLimits {
    fn default() -> TurnLimits {
        TurnLimits { nodes: 1_000, outgoing: 32, session_bytes: 256 * 1024 }
    }
}
