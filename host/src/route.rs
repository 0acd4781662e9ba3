//! Routes: which tenant, team, channel, provider and app a path belongs to. Made from the bundle at load.
//!
//! The path names a route; it never carries a tenant any further. An unknown name gives the same answer whatever part
//! of it is unknown, so that tenants can't be probed.

use crate::components::{App, Provider};
use crate::imports::outgoing_http::Grants;
use crate::secrets::Secret;
use greentic_types::{ChannelKey, subject};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// One channel of one team of one tenant, with everything a request to it needs.
pub struct Route {
    pub key: ChannelKey,
    pub egress_subject: String,
    /// What the subjects of its events begin with.
    pub events_subject: String,
    pub provider: Arc<Provider>,
    pub app: Arc<App>,
    /// The secrets granted to the app's flows, by name.
    pub flow_secrets: BTreeMap<String, Secret>,
    /// The provider's settings, a JSON object without secrets.
    pub provider_config: String,
    /// The secrets granted to the provider, by the provider's own names for them.
    pub secrets: BTreeMap<String, Secret>,
    pub outgoing: Arc<Grants>,
    pub error_message: String,
    pub default_locale: String,
    pub session_ttl_seconds: u32,
    /// Places that the route's requests may hold at once: all of them for a route alone, else half, so that a tenant whose
    /// flows hang leaves places to others.
    pub share: Arc<Semaphore>,
}

impl Route {
    /// Whether its requests may publish on this subject.
    pub fn may_publish(&self, subject: &str) -> bool {
        subject == self.egress_subject || subject::is_event_below(&self.events_subject, subject)
    }
}

/// All routes of the process.
#[derive(Default)]
pub struct Routes {
    /// `{provider}/{tenant}/{team}`, as it stands in the path.
    by_path: HashMap<String, Arc<Route>>,
    by_subject: HashMap<String, Arc<Route>>,
}

impl Routes {
    /// Adds a route under `{name}/{tenant}/{team}`. False when the place is taken.
    pub fn add(&mut self, name: &str, route: Arc<Route>) -> bool {
        let tenant = &route.key.tenant;
        let path = format!("{name}/{}/{}", tenant.tenant_id, tenant.team());
        if self.by_path.contains_key(&path) {
            return false;
        }
        self.by_subject.insert(subject::egress(&route.key), Arc::clone(&route));
        self.by_path.insert(path, route);
        true
    }

    /// The route of `/webhook/{provider}/{tenant}/{team}[/suffix]`, and the suffix with its slash.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&Arc<Route>, &'p str)> {
        let rest = path.strip_prefix("/webhook/")?;
        // The third slash, if any, begins the suffix.
        let end = rest.match_indices('/').nth(2).map_or(rest.len(), |(at, _)| at);
        let (name, suffix) = rest.split_at_checked(end)?;
        self.by_path.get(name).map(|route| (route, suffix))
    }

    /// Every route once, in a stable order, with the path its webhook is served on.
    pub fn all(&self) -> Vec<(String, &Arc<Route>)> {
        let mut all: Vec<_> = self.by_path.iter().map(|(path, route)| (format!("/webhook/{path}"), route)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub fn by_subject(&self, subject: &str) -> Option<&Arc<Route>> {
        self.by_subject.get(subject)
    }
}
