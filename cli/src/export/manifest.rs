//! `spin.toml`, manifest version 2: from what an export needs said to its text. Written line by line, because people
//! read and review it: a fixed order, a comment where Spin's rule isn't plain from the name, nothing that is a default.
//!
//! Field names and rules are those of Spin's crates/manifest/src/schema (v2.rs, common.rs) and
//! crates/outbound-networking-config/src/allowed_hosts.rs; tests/tests/export.rs holds them as a table.

use super::Delivery;
use std::collections::BTreeMap;

/// The first words of every exported manifest: a file that begins otherwise is somebody's own.
pub const OPENING: &str = "# Written by `greentic-edge bundle export --target spin";

/// The variables that are no tenant's.
pub const OWN_VARIABLES: [&str; 7] =
    ["redis_url", "redis_password", "nats_address", "nats_scheme", "nats_ca", "nats_credentials", "egress_token"];

pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    pub delivery: Delivery,
    /// Variables that hold the tenants' secrets, and whether something can't do without.
    pub secrets: BTreeMap<String, bool>,
    pub components: Vec<ComponentEntry>,
}

/// A component with its one route.
pub struct ComponentEntry {
    pub id: String,
    pub route: String,
    pub source: String,
    pub allowed_outbound_hosts: Vec<String>,
    /// Name in the component, and a template over the application's variables.
    pub variables: Vec<(String, String)>,
}

impl Manifest {
    pub fn text(&self) -> String {
        let mut out = Lines::default();
        self.head(&mut out);
        self.variables(&mut out);
        for component in &self.components {
            out.line("");
            out.line("[[trigger.http]]");
            out.text("route", &component.route);
            out.text("component", &component.id);
            out.line("");
            out.line(&format!("[component.{}]", component.id));
            out.text("source", &component.source);
            let hosts: Vec<_> = component.allowed_outbound_hosts.iter().map(|host| quoted(host)).collect();
            out.line(&format!("allowed_outbound_hosts = [{}]", hosts.join(", ")));
            out.line("");
            out.line(&format!("[component.{}.variables]", component.id));
            for (name, template) in &component.variables {
                out.text(name, template);
            }
        }
        out.0
    }

    fn head(&self, out: &mut Lines) {
        out.line(&format!("{OPENING} --egress {}`.", self.delivery.name()));
        out.line("# Export again after a change of the bundle. What differs between installations is in [variables]:");
        out.line("# set it in the environment, as SPIN_VARIABLE_<NAME>, or by a variables provider of Spin's.");
        out.line("");
        out.line("spin_manifest_version = 2");
        out.line("");
        out.line("[application]");
        out.text("name", &self.name);
        for (key, value) in [("version", &self.version), ("description", &self.description)] {
            if !value.is_empty() {
                out.text(key, value);
            }
        }
    }

    fn variables(&self, out: &mut Lines) {
        out.line("");
        out.line("[variables]");
        out.line(
            "# redis://HOST:PORT alone: it also says what may be reached, where Spin takes neither password nor path.",
        );
        out.line("redis_url = { default = \"redis://127.0.0.1:6379\" }");
        out.line("redis_password = { default = \"\", secret = true }");
        if self.delivery.uses_nats() {
            out.line("# IP:PORT and no name: Spin checks a socket by the address it connects to.");
            out.line("nats_address = { default = \"127.0.0.1:4222\" }");
            out.line(
                "# `nats`, or `tls`; nats_ca is then the authority of its certificate (PEM), if it isn't a public one.",
            );
            out.line("nats_scheme = { default = \"nats\" }");
            out.line("nats_ca = { default = \"\" }");
            out.line("# `user:password`, a token, or an nkey seed.");
            out.line("nats_credentials = { default = \"\", secret = true }");
        }
        if self.delivery == Delivery::Trigger {
            out.line("# The bearer token that whoever posts to /egress must show.");
            out.line("egress_token = { required = true, secret = true }");
        }
        for (secret, required) in &self.secrets {
            let need = if *required { "required = true" } else { "default = \"\"" };
            out.line(&format!("{secret} = {{ {need}, secret = true }}"));
        }
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn text(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {}", quoted(value)));
    }
}

/// A basic string of TOML: quotes, backslashes and control characters escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(delivery: Delivery, description: &str) -> Manifest {
        Manifest {
            name: "demo".into(),
            version: String::new(),
            description: description.into(),
            delivery,
            secrets: BTreeMap::from([("a_b_token".into(), true), ("a_b_spare".into(), false)]),
            components: vec![ComponentEntry {
                id: "telegram-a-b".into(),
                route: "/webhook/telegram/a/b/...".into(),
                source: "components/telegram-a-b.wasm".into(),
                allowed_outbound_hosts: vec!["{{ redis_url }}".into()],
                variables: vec![("secret_token".into(), "{{ a_b_token }}".into())],
            }],
        }
    }

    #[test]
    fn only_what_a_delivery_uses_is_declared() {
        let text = |delivery| manifest(delivery, "").text();
        assert!(text(Delivery::Nats).contains("nats_address") && !text(Delivery::Nats).contains("egress_token"));
        assert!(text(Delivery::Trigger).contains("nats_address") && text(Delivery::Trigger).contains("egress_token"));
        assert!(!text(Delivery::Direct).contains("nats_") && !text(Delivery::Direct).contains("egress_token"));
        assert!(!text(Delivery::Nats).contains("version = \"\""));
        assert!(text(Delivery::Nats).contains("a_b_spare = { default = \"\", secret = true }"));
        assert!(text(Delivery::Nats).contains("a_b_token = { required = true, secret = true }"));
    }

    proptest! {
        #[test]
        fn any_description_comes_back(description in any::<String>()) {
            let table: toml::Table = manifest(Delivery::Nats, &description).text().parse().unwrap();
            let read = table["application"].get("description").and_then(|text| text.as_str()).unwrap_or_default();
            prop_assert_eq!(read, description);
        }
    }
}
