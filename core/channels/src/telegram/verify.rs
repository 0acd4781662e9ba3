//! Whether a webhook comes from Telegram: the secret header, compared in constant time.

use crate::{RawRequest, Secret};

const HEADER: &str = "x-telegram-bot-api-secret-token";

/// No configured secret, no header or two of them: not authentic.
pub fn is_authentic(request: &RawRequest<'_>, secret_token: Option<&Secret>) -> bool {
    match (secret_token, request.sole_header(HEADER)) {
        (Some(secret), Some(presented)) => secret.matches(presented),
        _ => false,
    }
}
