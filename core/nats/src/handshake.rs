//! The server's INFO and our answer, CONNECT. Everything secret passes here and nowhere else: neither type has
//! `Debug`, and errors never quote them.

use crate::ProtocolError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::{KeyPair, KeyPairType};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How to present oneself to the server. Of the credentials, those that are given are sent.
#[derive(Clone, Default)]
pub struct Options {
    /// Shown in the server's list of connections.
    pub name: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    /// `SU…`
    pub nkey_seed: Option<String>,
    /// Whether publications wait for JetStream's acknowledgement instead of for a PONG.
    pub jetstream: bool,
    /// The caller goes on under TLS after INFO. It must have read that line and nothing more before it does.
    pub tls: bool,
}

/// What of INFO matters to a publisher.
#[derive(Deserialize)]
pub(crate) struct Info {
    pub(crate) max_payload: u64,
    #[serde(default)]
    headers: bool,
    #[serde(default)]
    tls_required: bool,
    #[serde(default)]
    tls_available: bool,
    #[serde(default)]
    nonce: Option<String>,
}

impl Info {
    pub(crate) fn parse(json: &[u8]) -> Result<Info, ProtocolError> {
        // A limit of zero would have every publication rejected for good.
        serde_json::from_slice(json)
            .ok()
            .filter(|info: &Info| info.max_payload > 0)
            .ok_or(ProtocolError::Malformed("INFO without a usable max_payload"))
    }

    /// Writes the CONNECT line that answers this INFO.
    pub(crate) fn connect(&self, options: &Options, output: &mut Vec<u8>) -> Result<(), ProtocolError> {
        if self.tls_required && !options.tls {
            return Err(ProtocolError::TlsRequired);
        }
        if options.tls && !(self.tls_required || self.tls_available) {
            return Err(ProtocolError::TlsNotOffered);
        }
        if !self.headers {
            return Err(ProtocolError::HeadersUnsupported);
        }
        let mut connect = Map::new();
        let mut set = |name: &str, value: Value| connect.insert(name.to_owned(), value);
        set("verbose", false.into());
        set("pedantic", false.into());
        set("tls_required", options.tls.into());
        set("lang", "rust".into());
        set("version", env!("CARGO_PKG_VERSION").into());
        // 1: INFO may come again later, when the cluster changes.
        set("protocol", 1.into());
        set("headers", true.into());
        // Tells at once that no stream listens, where silence would have to be timed out.
        set("no_responders", true.into());
        set("name", options.name.as_str().into());
        for (name, value) in [("user", &options.user), ("pass", &options.password), ("auth_token", &options.token)] {
            if let Some(value) = value {
                set(name, value.as_str().into());
            }
        }
        if let Some(seed) = &options.nkey_seed {
            let (key, signature) = self.sign(seed)?;
            set("nkey", key.into());
            set("sig", signature.into());
        }
        output.extend_from_slice(b"CONNECT ");
        output.extend_from_slice(Value::Object(connect).to_string().as_bytes());
        output.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// The user's public key, and the server's nonce signed with its seed.
    fn sign(&self, seed: &str) -> Result<(String, String), ProtocolError> {
        let pair = KeyPair::from_seed(seed).map_err(|_| ProtocolError::NkeySeed)?;
        if pair.key_pair_type() != KeyPairType::User {
            return Err(ProtocolError::NkeySeed);
        }
        let nonce = self.nonce.as_deref().filter(|nonce| !nonce.is_empty()).ok_or(ProtocolError::NonceMissing)?;
        let signature = pair.sign(nonce.as_bytes()).map_err(|_| ProtocolError::NkeySeed)?;
        Ok((pair.public_key(), URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: &str = r#"{"server_id":"N","version":"2.9.10","proto":1,"headers":true,"max_payload":65536} "#;
    const WITH_NONCE: &str = r#"{"headers":true,"max_payload":1,"nonce":"o2dJnMLrc5EyUd4"}"#;

    fn answer(info: &str, options: &Options) -> Result<Value, ProtocolError> {
        let mut output = Vec::new();
        Info::parse(info.as_bytes())?.connect(options, &mut output)?;
        let line = std::str::from_utf8(&output).unwrap();
        let json = line.strip_prefix("CONNECT ").unwrap().strip_suffix("\r\n").unwrap();
        assert!(!json.contains(['\r', '\n']), "{json}");
        Ok(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn connect_without_credentials() {
        let options = Options { name: "edge\r\nPUB x 0".into(), ..Options::default() };
        let expected = json!({
            "verbose": false, "pedantic": false, "tls_required": false, "lang": "rust",
            "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "headers": true, "no_responders": true,
            "name": "edge\r\nPUB x 0",
        });
        assert_eq!(answer(PLAIN, &options), Ok(expected));
    }

    #[test]
    fn connect_with_password_or_token() {
        let options = Options { user: Some("u".into()), password: Some("p".into()), ..Options::default() };
        let connect = answer(PLAIN, &options).unwrap();
        assert_eq!((&connect["user"], &connect["pass"]), (&json!("u"), &json!("p")));
        assert_eq!(connect.get("auth_token"), None);

        let options = Options { token: Some("t".into()), ..Options::default() };
        let connect = answer(PLAIN, &options).unwrap();
        assert_eq!((&connect["auth_token"], connect.get("user")), (&json!("t"), None));
    }

    #[test]
    fn tls_is_used_where_it_is_offered() {
        let under_tls = Options { tls: true, ..Options::default() };
        for offer in ["tls_required", "tls_available"] {
            let info = format!(r#"{{"headers":true,"max_payload":1,"{offer}":true}}"#);
            assert_eq!(answer(&info, &under_tls).unwrap()["tls_required"], json!(true));
        }
        // Never in the clear instead.
        assert_eq!(answer(PLAIN, &under_tls), Err(ProtocolError::TlsNotOffered));
    }

    #[test]
    fn the_nonce_is_signed_with_the_seed() {
        let pair = KeyPair::new_from_raw(KeyPairType::User, [7; 32]).unwrap();
        let options = Options { nkey_seed: Some(pair.seed().unwrap()), ..Options::default() };
        let connect = answer(WITH_NONCE, &options).unwrap();
        let key = connect["nkey"].as_str().unwrap();
        assert_eq!(key, pair.public_key());
        let signature = URL_SAFE_NO_PAD.decode(connect["sig"].as_str().unwrap()).unwrap();
        let public = KeyPair::from_public_key(key).unwrap();
        assert!(public.verify(b"o2dJnMLrc5EyUd4", &signature).is_ok());
        assert!(public.verify(b"another nonce", &signature).is_err());
        assert!(!connect.to_string().contains(&pair.seed().unwrap()));
    }

    #[test]
    fn what_would_fail_later_fails_clearly_now() {
        let account = KeyPair::new_from_raw(KeyPairType::Account, [7; 32]).unwrap().seed().unwrap();
        let user = KeyPair::new_from_raw(KeyPairType::User, [7; 32]).unwrap().seed().unwrap();
        let with_seed = |seed: &str| Options { nkey_seed: Some(seed.to_owned()), ..Options::default() };
        let cases = [
            (r#"{"headers":true,"max_payload":1,"tls_required":true}"#, Options::default(), ProtocolError::TlsRequired),
            (r#"{"max_payload":1}"#, Options::default(), ProtocolError::HeadersUnsupported),
            (PLAIN, with_seed(&user), ProtocolError::NonceMissing),
            (WITH_NONCE, with_seed("SUsecret"), ProtocolError::NkeySeed),
            (WITH_NONCE, with_seed(&account), ProtocolError::NkeySeed),
        ];
        for (info, options, expected) in cases {
            let error = answer(info, &options).unwrap_err();
            assert_eq!(error, expected, "{info}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for info in ["", "{}", "[]", r#"{"max_payload":0}"#, r#"{"max_payload":-1}"#, r#"{"max_payload":1"#] {
            assert!(matches!(answer(info, &Options::default()), Err(ProtocolError::Malformed(_))), "{info}");
        }
    }
}
