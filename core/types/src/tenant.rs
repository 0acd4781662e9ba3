//! Tenant context: who a request belongs to. Made once, where the request is routed, from the bundle.

use serde::{Deserialize, Serialize};

/// Tenant › environment › team. Ids have passed [`crate::check_id`], so they can stand in keys and subjects as is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TenantCtx {
    pub env_id: String,
    pub tenant_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
}

impl TenantCtx {
    /// The team as keys and subjects write it: `default` when there is none (spec/runtime.md).
    pub fn team(&self) -> &str {
        self.team_id.as_deref().unwrap_or("default")
    }
}

/// One channel of one team: the finest thing that routing decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChannelKey {
    pub tenant: TenantCtx,
    pub channel: String,
}

impl std::fmt::Display for ChannelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.tenant.env_id, self.tenant.tenant_id, self.tenant.team(), self.channel)
    }
}
