//! The monotonic clock, and a moment on it that can be waited for together with a socket.

use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::Pollable;

/// Nanoseconds of the monotonic clock.
pub type Instant = u64;

pub const MILLISECOND: Instant = 1_000_000;
pub const SECOND: Instant = 1_000 * MILLISECOND;

pub fn now() -> Instant {
    monotonic_clock::now()
}

pub fn sleep(duration: Instant) {
    monotonic_clock::subscribe_duration(duration).block();
}

/// A moment that can be waited for along with a socket.
pub struct Deadline {
    at: Instant,
    pub(crate) reached: Pollable,
}

impl Deadline {
    pub fn after(duration: Instant) -> Deadline {
        let at = now().saturating_add(duration);
        Deadline { at, reached: monotonic_clock::subscribe_instant(at) }
    }

    pub fn passed(&self) -> bool {
        now() >= self.at
    }
}
