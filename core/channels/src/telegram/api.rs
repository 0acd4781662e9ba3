//! A Bot API call: where it goes and in what form. The token stands in the URL, so it is checked to hold nothing
//! that could lead elsewhere, and URLs are never shown.

use super::RenderError;
use crate::{ApiCall, Secret};
use serde_json::{Map, Value};

pub type Members = Map<String, Value>;

pub struct Api {
    /// `{base}/bot{token}/`
    prefix: String,
}

impl Api {
    pub fn new(base_url: &str, token: &Secret) -> Result<Self, RenderError> {
        let token = std::str::from_utf8(token.expose()).map_err(|_| RenderError::Token)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if token.is_empty() || !token.bytes().all(allowed) {
            return Err(RenderError::Token);
        }
        Ok(Api { prefix: format!("{base_url}/bot{token}/") })
    }

    pub fn call(&self, method: &str, members: Members) -> ApiCall {
        ApiCall {
            method: "POST",
            url: format!("{}{method}", self.prefix),
            headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
            body: Value::Object(members).to_string().into_bytes(),
        }
    }
}
