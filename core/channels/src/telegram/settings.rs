//! The channel's settings, as the bundle gives them. Never a secret.

use super::API_HOST;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Without the `@`. Lets the bot leave alone commands that name another bot; when it is not set, every command
    /// in a group counts as ours, because a webhook doesn't say who we are.
    pub bot_username: Option<String>,
    /// Without a slash at the end.
    pub api_base_url: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    #[error(
        "the channel's config is not an object with text members `bot_username` and `api_base_url` (line {line}, column {column})"
    )]
    Malformed { line: usize, column: usize },
    #[error("`api_base_url` must begin with https:// or http://, name a host, and have no query or fragment")]
    BaseUrl,
}

#[derive(Deserialize)]
struct Config {
    bot_username: Option<String>,
    api_base_url: Option<String>,
}

impl Settings {
    /// Other members belong to whoever else reads the config and are left alone.
    pub fn from_json(config: &str) -> Result<Self, SettingsError> {
        let config: Config = serde_json::from_str(config)
            .map_err(|error| SettingsError::Malformed { line: error.line(), column: error.column() })?;
        let bot_username =
            config.bot_username.map(|name| name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty());
        let api_base_url = match config.api_base_url {
            Some(url) => base_url(&url)?,
            None => format!("https://{API_HOST}"),
        };
        Ok(Settings { bot_username, api_base_url })
    }
}

fn base_url(url: &str) -> Result<String, SettingsError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(SettingsError::BaseUrl)?;
    let named = !rest.is_empty() && !rest.starts_with(['/', ':']);
    if named && rest.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@')) {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(SettingsError::BaseUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_spellings() {
        let settings = Settings::from_json(r#"{"setup_flow":"x"}"#).unwrap();
        assert_eq!(settings, Settings { bot_username: None, api_base_url: "https://api.telegram.org".into() });
        let json = r#"{"bot_username":"@TestBot","api_base_url":"http://127.0.0.1:8081/"}"#;
        let settings = Settings::from_json(json).unwrap();
        assert_eq!(settings.bot_username.as_deref(), Some("TestBot"));
        assert_eq!(settings.api_base_url, "http://127.0.0.1:8081");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for bad in ["", "null", "7", r#"{"bot_username":7}"#, r#"{"api_base_url":false}"#] {
            assert!(matches!(Settings::from_json(bad), Err(SettingsError::Malformed { .. })), "{bad}");
        }
        for bad in ["", "ftp://a", "https://", "https:///x", "https://a?b", "https://a#b", "https://u@a", "https://a b"]
        {
            let json = serde_json::json!({ "api_base_url": bad }).to_string();
            assert_eq!(Settings::from_json(&json), Err(SettingsError::BaseUrl), "{bad}");
        }
    }
}
