//! `greentic.demo.yaml`: which packs run for whom (spec/bundle-and-config.md). Reads and checks; loads nothing.

use crate::imports::app_hosts::AppHosts;
use greentic_types::{check_id, nearest};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file at a bundle's root.
pub const BUNDLE_FILE: &str = "greentic.demo.yaml";

/// Largest bundle file. A thousand tenants are a few hundred KiB.
const MAX_BYTES: u64 = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("{path}: no bundle here (expected a directory that holds {BUNDLE_FILE})", path = .0.display())]
    Missing(PathBuf),
    #[error("{path}: {reason}", path = .path.display())]
    Invalid { path: PathBuf, reason: String },
}

/// A bundle as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    /// What a user sees when a flow fails.
    #[serde(default = "default_error_message")]
    pub error_message: String,
    #[serde(default)]
    pub i18n: I18n,
    #[serde(default)]
    pub providers: BTreeMap<String, ProviderEntry>,
    #[serde(default)]
    pub apps: BTreeMap<String, AppEntry>,
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantEntry>,
}

fn default_error_message() -> String {
    "Sorry, something went wrong. Please try again.".into()
}

/// What flows say in which language.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct I18n {
    /// Of users whose own has no text, and of those whose platform names none.
    pub default_locale: Option<String>,
    /// Catalogue files by language tag.
    #[serde(default)]
    pub locales: BTreeMap<String, PathBuf>,
}

type Settings = BTreeMap<String, serde_json::Value>;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// A provider pack; without it the built-in provider of this id.
    pub pack: Option<PathBuf>,
    #[serde(default)]
    pub config: Settings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppEntry {
    pub pack: Option<PathBuf>,
    /// A pack directory, packed when the bundle is loaded.
    pub path: Option<PathBuf>,
    pub default_flow: Option<String>,
    /// Where its flows may send HTTP requests: `api.example.com`, `https://api.example.com:8443`, `http://127.0.0.1:9000`.
    /// None where it is left out.
    #[serde(default)]
    pub allowed_hosts: Vec<String>,
    #[serde(default)]
    pub config: Settings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantEntry {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub settings: TenantSettings,
    #[serde(default)]
    pub teams: BTreeMap<String, TeamEntry>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// Locale of users whose platform names none.
    pub language: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamEntry {
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelEntry {
    pub provider: String,
    /// May be left out where the bundle has just one app.
    pub app: Option<String>,
    #[serde(default)]
    pub config: Settings,
}

impl Bundle {
    /// Reads the bundle at `directory`.
    pub fn read(directory: &Path) -> Result<Bundle, BundleError> {
        let path = directory.join(BUNDLE_FILE);
        if !path.is_file() {
            return Err(BundleError::Missing(directory.to_owned()));
        }
        let invalid = |reason: String| BundleError::Invalid { path: path.clone(), reason };
        let size = std::fs::metadata(&path).map_err(|error| invalid(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(invalid(format!("{size} bytes; at most {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| invalid(error.to_string()))?;
        let options = serde_saphyr::options! { strict_booleans: true };
        let bundle: Bundle = serde_saphyr::from_str_with_options(&text, options)
            .map_err(|error| invalid(explain(&error.to_string())))?;
        bundle.check().map_err(invalid)?;
        Ok(bundle)
    }

    /// Ids become subject tokens and key parts, and every reference must lead somewhere.
    fn check(&self) -> Result<(), String> {
        let ids = self.providers.keys().chain(self.apps.keys()).chain(self.tenants.keys());
        for id in ids {
            check_id(id).map_err(|error| error.to_string())?;
        }
        for (app_id, app) in &self.apps {
            if app.pack.is_some() == app.path.is_some() {
                return Err(format!("apps.{app_id}: name either `pack` (a .gtpack) or `path` (a pack directory)"));
            }
            AppHosts::parse(app_id, &app.allowed_hosts)
                .map_err(|error| format!("apps.{app_id}.allowed_hosts: {error}"))?;
        }
        for (tenant_id, tenant) in &self.tenants {
            for (team_id, team) in &tenant.teams {
                check_id(team_id).map_err(|error| error.to_string())?;
                for (channel_id, channel) in &team.channels {
                    check_id(channel_id).map_err(|error| error.to_string())?;
                    let place = format!("tenants.{tenant_id}.teams.{team_id}.channels.{channel_id}");
                    self.check_channel(channel).map_err(|reason| format!("{place}: {reason}"))?;
                }
            }
        }
        Ok(())
    }

    fn check_channel(&self, channel: &ChannelEntry) -> Result<(), String> {
        if !self.providers.contains_key(&channel.provider) {
            return Err(unknown("provider", &channel.provider, self.providers.keys()));
        }
        self.app_of(channel).map(|_| ())
    }

    /// The app of a channel: the named one, or the only one.
    pub fn app_of<'a>(&'a self, channel: &'a ChannelEntry) -> Result<&'a str, String> {
        match &channel.app {
            Some(app) if self.apps.contains_key(app) => Ok(app),
            Some(app) => Err(unknown("app", app, self.apps.keys())),
            None => match self.apps.keys().collect::<Vec<_>>().as_slice() {
                [only] => Ok(only),
                [] => Err("the bundle has no app".into()),
                _ => Err("the bundle has several apps: name one with `app:`".into()),
            },
        }
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let hint = nearest(name, known.map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
    format!("there is no {what} `{name}`{}", hint.unwrap_or_default())
}

/// Adds the nearest key to the parser's "unknown field `x`, expected one of a, b".
fn explain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let hint = first.split_once("unknown field `").and_then(|(_, rest)| {
        let (found, known) = rest.split_once("`, expected ")?;
        let known = known.trim_start_matches("one of ");
        nearest(found, known.split(", ").map(|key| key.trim_matches('`')))
    });
    let hint = hint.map(|near| format!("\nhelp: did you mean `{near}`?")).unwrap_or_default();
    format!("{}{hint}", message.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bundle, BundleError> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(BUNDLE_FILE), text).unwrap();
        Bundle::read(directory.path())
    }

    const GOOD: &str = "
name: demo
providers: {messaging-telegram: {}}
apps: {hello: {path: app}}
tenants: {acme: {teams: {default: {channels: {telegram: {provider: messaging-telegram}}}}}}
";

    #[test]
    fn a_bundle_loads() {
        let bundle = read(GOOD).unwrap();
        let channel = &bundle.tenants["acme"].teams["default"].channels["telegram"];
        assert_eq!(bundle.app_of(channel).unwrap(), "hello");
    }

    #[test]
    fn hosts_are_none_unless_written_and_must_be_places() {
        assert!(read(GOOD).unwrap().apps["hello"].allowed_hosts.is_empty());
        let with =
            |hosts: &str| read(&GOOD.replace("{path: app}", &format!("{{path: app, allowed_hosts: [{hosts}]}}")));
        assert_eq!(with("api.example.com").unwrap().apps["hello"].allowed_hosts, ["api.example.com"]);
        let refused = with("\"http://example.com/path\"").unwrap_err().to_string();
        assert!(refused.contains("apps.hello.allowed_hosts"), "{refused}");
    }

    #[test]
    fn catalogues_are_named_by_language() {
        let text = format!("{GOOD}i18n: {{default_locale: de, locales: {{de: de.yaml, en: en.json}}}}\n");
        let i18n = read(&text).unwrap().i18n;
        assert_eq!((i18n.default_locale.as_deref(), i18n.locales.len()), (Some("de"), 2));
    }

    #[test]
    fn an_unknown_key_names_line_and_nearest() {
        let message = read(&GOOD.replace("apps:", "aps:")).unwrap_err().to_string();
        assert!(message.contains("aps") && message.contains("did you mean `apps`"), "{message}");
        assert!(message.contains("line 4") || message.contains("4:"), "{message}");
    }

    #[test]
    fn an_unknown_provider_names_the_nearest() {
        let message = read(&GOOD.replace("provider: messaging-telegram", "provider: messaging-telegam")).unwrap_err();
        assert!(message.to_string().contains("did you mean `messaging-telegram`"), "{message}");
    }

    #[test]
    fn ids_that_could_leave_their_place_are_refused() {
        assert!(read(&GOOD.replace("acme", "a.b")).is_err());
        assert!(read(&GOOD.replace("acme", "\"*\"")).is_err());
    }
}
