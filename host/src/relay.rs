//! The relay: publishes what a crash, or a bus that was away, left in an outbox.
//!
//! Every committed turn is in the store's index until it is settled, so looking there finds all of them and nothing
//! is scanned. Any host's relay may find any host's leftovers; the conversation's lease keeps two from publishing at
//! once, and keeps a new turn from overtaking an old one's replies.

use crate::bus::Published;
use crate::imports::session::StoreError;
use crate::services::Services;
use std::sync::Arc;
use std::time::Duration;

/// How often to look. A reply left behind waits at most this long after its host's lease ran out.
const INTERVAL: Duration = Duration::from_secs(1);

/// Turns younger than this are probably just under way.
const MIN_AGE: Duration = Duration::from_secs(2);

/// Outboxes in one round: enough to catch up after an outage, few enough to leave the store to webhooks.
const BATCH: usize = 64;

/// Runs until dropped.
pub async fn run(services: Arc<Services>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        // Without a bus there is nowhere to put them.
        if !services.outlet.is_up() {
            continue;
        }
        // After an outage there may be many more than a round holds: go on while it pays.
        loop {
            match round(&services).await {
                Ok(relayed) if relayed >= BATCH => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "relay round failed");
                    break;
                }
            }
        }
    }
}

/// One look. Returns how many messages it published.
pub async fn round(services: &Services) -> Result<usize, StoreError> {
    let mut relayed = 0;
    for key in services.store.orphans(MIN_AGE, BATCH).await? {
        let (lease, unsent) = match services.store.recover(&key).await {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            // One that can't be read must not hold up all that are behind it.
            Err(error) => {
                tracing::error!(%error, "an outbox can't be relayed");
                continue;
            }
        };
        let ids: Vec<String> = unsent.iter().map(|publication| publication.id.clone()).collect();
        let published = services.outlet.publish(unsent).await;
        // Settled up to the first that must be tried again: what follows it must not overtake it.
        let settled: Vec<String> = ids
            .into_iter()
            .zip(&published)
            .take_while(|(_, published)| **published != Published::Retry)
            .map(|(id, _)| id)
            .collect();
        let rejected = published.iter().filter(|published| **published == Published::Rejected).count();
        if rejected > 0 {
            tracing::error!(rejected, "the bus refuses messages of an outbox for good");
        }
        relayed += settled.len();
        if let Err(error) = services.store.settle(&lease, &settled).await {
            services.store.release(lease);
            return Err(error);
        }
    }
    if relayed > 0 {
        tracing::info!(relayed, "published what was left in outboxes");
    }
    Ok(relayed)
}
