//! Secrets from environment variables: `GREENTIC_SECRET__{TENANT}__{TEAM}__{NAME}`, then without the team;
//! `GREENTIC_SECRET__{NAME}` for the process's own. Upper case, `-` and `.` written `_`.
//!
//! That writing is not one to one (`a-b` and `a_b`), and two tenants must never share a variable by accident: whoever
//! asks second is refused.

use super::{Secret, SecretError, SecretProvider};
use greentic_types::TenantCtx;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub struct EnvSecrets {
    /// Which name first claimed a variable.
    claimed: Mutex<HashMap<String, String>>,
}

impl SecretProvider for EnvSecrets {
    fn get(&self, scope: Option<&TenantCtx>, name: &str) -> Result<Option<Secret>, SecretError> {
        for parts in places(scope, name) {
            let variable = variable(&parts);
            self.claim(&variable, &parts.join("/"))?;
            if let Some(value) = crate::config::environment(&variable) {
                return Ok(Some(Secret::new(value.into_bytes())));
            }
        }
        Ok(None)
    }

    fn remedy(&self, scope: Option<&TenantCtx>, name: &str) -> String {
        let variables: Vec<String> = places(scope, name).iter().map(|parts| variable(parts)).collect();
        format!("set the environment variable {}", variables.join(" or "))
    }
}

/// Where to look, the narrowest first.
fn places<'a>(scope: Option<&'a TenantCtx>, name: &'a str) -> Vec<Vec<&'a str>> {
    match scope {
        None => vec![vec![name]],
        Some(scope) => vec![vec![scope.tenant_id.as_str(), scope.team(), name], vec![scope.tenant_id.as_str(), name]],
    }
}

impl EnvSecrets {
    fn claim(&self, variable: &str, owner: &str) -> Result<(), SecretError> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = claimed.entry(variable.to_owned()).or_insert_with(|| owner.to_owned());
        if first == owner {
            return Ok(());
        }
        Err(SecretError::Collision { first: first.clone(), second: owner.to_owned(), variable: variable.to_owned() })
    }
}

fn variable(parts: &[&str]) -> String {
    let mut variable = String::from("GREENTIC_SECRET");
    for part in parts {
        variable.push_str("__");
        variable.push_str(&part.to_ascii_uppercase().replace(['-', '.'], "_"));
    }
    variable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> TenantCtx {
        TenantCtx { env_id: "dev".into(), tenant_id: id.into(), team_id: None }
    }

    #[test]
    fn two_tenants_never_share_a_variable() {
        let secrets = EnvSecrets::default();
        assert!(secrets.get(Some(&tenant("a-b")), "token").is_ok());
        assert!(matches!(secrets.get(Some(&tenant("a_b")), "token"), Err(SecretError::Collision { .. })));
        assert!(secrets.get(Some(&tenant("a-b")), "token").is_ok());
    }

    #[test]
    fn the_variable_is_what_the_documentation_says() {
        assert_eq!(
            variable(&["acme", "default", "telegram_bot_token"]),
            "GREENTIC_SECRET__ACME__DEFAULT__TELEGRAM_BOT_TOKEN"
        );
        let remedy = EnvSecrets::default().remedy(Some(&tenant("acme")), "crm.api-key");
        assert!(remedy.contains("GREENTIC_SECRET__ACME__DEFAULT__CRM_API_KEY"), "{remedy}");
    }
}
