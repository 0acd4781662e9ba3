//! Where an app's flows may send: the places that the bundle's `apps.<id>.allowed_hosts` names, and nothing by default.
//!
//! The rule is a program's (`program_hosts.rs`): our own network only where it is named literally. What a pack asks for
//! is compared with this at load and gives nothing.

use super::outgoing_http::{Grant, Policy};
use super::program_hosts::{AllowedHost, HostError};

/// What an app may reach.
#[derive(Debug, Default)]
pub struct AppHosts {
    app: String,
    /// Each with its text: `scheme://host[:port]`.
    allowed: Vec<(String, AllowedHost)>,
}

impl AppHosts {
    /// `places` as the bundle writes them.
    pub fn parse(app: &str, places: &[String]) -> Result<AppHosts, HostError> {
        Ok(AppHosts {
            app: app.to_owned(),
            allowed: places.iter().map(|place| parse(place)).collect::<Result<_, _>>()?,
        })
    }

    /// The places with their schemes, in the form that Spin's manifest has them, too.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().map(|(text, _)| text.as_str())
    }

    /// Of the places that a pack asks for, those that are not granted.
    pub fn missing<'p>(&self, asked: &'p [String]) -> Vec<&'p str> {
        let granted = |place: &str| {
            parse(place).is_ok_and(|(_, asked)| self.allowed.iter().any(|(_, allowed)| allowed.covers(&asked)))
        };
        asked.iter().map(String::as_str).filter(|place| !granted(place)).collect()
    }
}

/// HTTPS where no scheme is written.
fn parse(place: &str) -> Result<(String, AllowedHost), HostError> {
    let text = if place.contains("://") { place.to_owned() } else { format!("https://{place}") };
    let allowed = AllowedHost::parse(&text)?;
    Ok((text, allowed))
}

impl Policy for AppHosts {
    fn find(&self, https: bool, host: &str, port: u16) -> Option<Grant> {
        self.allowed.iter().find_map(|(_, allowed)| allowed.grant(https, host, port))
    }

    fn log_refusal(&self, https: bool, host: &str, port: u16) {
        let scheme = if https { "https" } else { "http" };
        tracing::warn!(
            app = self.app,
            "a flow's request to {scheme}://{host}:{port} was refused; if it is right, add that place to \
             apps.{}.allowed_hosts in the bundle",
            self.app
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(places: &[&str]) -> AppHosts {
        let places: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
        AppHosts::parse("shop", &places).unwrap()
    }

    #[test]
    fn nothing_is_allowed_that_is_not_written() {
        assert!(AppHosts::default().find(true, "api.example.com", 443).is_none());
        let hosts = hosts(&["api.example.com", "https://api.example.com:8443", "http://127.0.0.1:9000"]);
        for (https, host, port) in
            [(true, "api.example.com", 443), (true, "api.example.com", 8443), (false, "127.0.0.1", 9000)]
        {
            assert!(hosts.find(https, host, port).is_some(), "{host}:{port}");
        }
        for (https, host, port) in [
            (false, "api.example.com", 80),
            (true, "example.com", 443),
            (false, "127.0.0.1", 9001),
            (false, "localhost", 9000),
        ] {
            assert!(hosts.find(https, host, port).is_none(), "{host}:{port}");
        }
        assert_eq!(hosts.places().next(), Some("https://api.example.com"));
    }

    #[test]
    fn only_a_literal_name_leads_inside() {
        let internal =
            |place: &str, https, host: &str, port| hosts(&[place]).find(https, host, port).map(|grant| grant.internal);
        assert_eq!(internal("http://127.0.0.1:9000", false, "127.0.0.1", 9000), Some(true));
        assert_eq!(internal("inside.example.com", true, "inside.example.com", 443), Some(false));
        assert_eq!(internal("*.example.com", true, "a.example.com", 443), Some(false));
    }

    #[test]
    fn what_a_pack_asks_for_is_compared_and_gives_nothing() {
        let asked = ["api.example.com".to_owned(), "other.example.com".to_owned(), "no place".to_owned()];
        assert_eq!(hosts(&["https://api.example.com"]).missing(&asked), ["other.example.com", "no place"]);
        assert!(hosts(&["*.example.com"]).missing(&asked[..2]).is_empty());
    }

    #[test]
    fn what_is_no_place_is_refused_by_name() {
        let refused = AppHosts::parse("shop", &["http://a/b".to_owned()]).unwrap_err().to_string();
        assert!(refused.contains("http://a/b"), "{refused}");
    }
}
