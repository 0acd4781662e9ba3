//! The components that the binary carries inside it. A new built-in channel is one line here.

use greentic_compose::{Part, Target};
use greentic_host::load::Builtins;

pub const BUILTINS: Builtins = Builtins {
    edge: greentic_artifacts::EDGE,
    egress_nats: greentic_artifacts::EGRESS_NATS,
    providers: &[("messaging-telegram", greentic_artifacts::TELEGRAM)],
};

/// What a composed component has in place of our host.
pub struct Adapters {
    pub session: Part<'static>,
    pub deployment: Part<'static>,
    pub egress_nats: Part<'static>,
    pub egress_direct: Part<'static>,
    pub egress_trigger: Part<'static>,
}

/// The adapters of one target: they differ in where sessions, settings and secrets come from.
pub fn adapters(target: Target) -> Adapters {
    let (session, deployment) = match target {
        Target::Spin => (greentic_artifacts::SPIN_SESSION_REDIS, greentic_artifacts::SPIN_VARIABLES),
        Target::WasiHttp => (greentic_artifacts::COMPOSED_SESSION_REDIS, greentic_artifacts::COMPOSED_ENVIRONMENT),
    };
    Adapters {
        session: Part { name: "session-redis", wasm: session },
        deployment: Part { name: "deployment", wasm: deployment },
        egress_nats: Part { name: "egress-nats", wasm: greentic_artifacts::COMPOSED_EGRESS_NATS },
        egress_direct: Part { name: "egress-direct", wasm: greentic_artifacts::COMPOSED_EGRESS_DIRECT },
        egress_trigger: Part { name: "egress-trigger", wasm: greentic_artifacts::COMPOSED_EGRESS_TRIGGER },
    }
}
