//! Why parts do not become a component, in words that name the part and what to change.

/// Refusals and limits of a composition.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("`{part}` is no component: {reason}")]
    NotAComponent { part: String, reason: String },
    #[error("component `{part}` does not fit world `{world}`: {reason}")]
    DoesNotFit { part: String, world: &'static str, reason: String },
    #[error(
        "component `{part}` exports `{interface}`, which a composed component has no bridge to: serve this pack with \
         `greentic-edge serve`, or build the component for `greentic:component@1.0.0`"
    )]
    NotBridged { part: String, interface: String },
    /// A right that no composed part of this role has, on any target.
    #[error("component `{part}` needs `{import}`, which is not given to a {role}")]
    NotGranted { part: String, import: String, role: &'static str },
    /// A part of ours, or a type, that this target has no counterpart for.
    #[error("target {target} does not offer `{import}`, which component `{part}` needs: compose for another target")]
    TargetLacks { target: &'static str, import: String, part: String },
    #[error("default flow `{name}` is not among the pack's flows")]
    NoSuchFlow { name: String },
    #[error("the constants take {bytes} bytes, and at most {limit} can be built in: split the pack")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the parts do not link: {reason}")]
    Linking { reason: String },
    /// The inputs can't cause it; the libraries that encode components would have to.
    #[error("the generated part `{part}` could not be encoded: {reason}; please report this")]
    Generated { part: &'static str, reason: String },
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
