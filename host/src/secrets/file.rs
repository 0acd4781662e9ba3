//! Secrets from files: `{directory}/{env}/{tenant}/{team}/{name}`, then `{directory}/{env}/{tenant}/{name}`;
//! `{directory}/{name}` for the process's own. The form in which container platforms mount them.

use super::{Secret, SecretError, SecretProvider};
use greentic_types::TenantCtx;
use std::path::{Path, PathBuf};

/// Largest secret: a private key in PEM is 3 KiB.
const MAX_BYTES: u64 = 64 * 1024;

pub struct FileSecrets {
    directory: PathBuf,
}

impl FileSecrets {
    pub fn new(directory: PathBuf) -> FileSecrets {
        FileSecrets { directory }
    }

    /// Where to look, the narrowest first.
    fn places(&self, scope: Option<&TenantCtx>, name: &str) -> Vec<PathBuf> {
        match scope {
            None => vec![self.directory.join(name)],
            Some(scope) => {
                let tenant = self.directory.join(&scope.env_id).join(&scope.tenant_id);
                vec![tenant.join(scope.team()).join(name), tenant.join(name)]
            }
        }
    }
}

impl SecretProvider for FileSecrets {
    fn get(&self, scope: Option<&TenantCtx>, name: &str) -> Result<Option<Secret>, SecretError> {
        // The other parts of the path are ids already; the name may come from a bundle or a pack.
        let unreadable = |reason: String| SecretError::Unreadable { name: name.to_owned(), reason };
        if !is_file_name(name) {
            let rule = "1 to 128 of A-Z, a-z, 0-9, `_`, `-`, `.`, beginning with a letter or digit";
            return Err(unreadable(format!("its name is no file's: use {rule}")));
        }
        for place in self.places(scope, name) {
            if let Some(bytes) = read(&place).map_err(|error| unreadable(format!("{}: {error}", place.display())))? {
                return Ok(Some(Secret::new(bytes)));
            }
        }
        Ok(None)
    }

    fn remedy(&self, scope: Option<&TenantCtx>, name: &str) -> String {
        let files: Vec<String> = self.places(scope, name).iter().map(|place| place.display().to_string()).collect();
        format!("write it to the file {}", files.join(" or "))
    }
}

/// Names that stay in their directory and are hidden from nobody.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(plain)
}

/// Without the line end that every editor adds.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read;
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    if file.take(MAX_BYTES + 1).read_to_end(&mut bytes)? as u64 > MAX_BYTES {
        return Err(std::io::Error::other("larger than 64 KiB"));
    }
    while bytes.last().is_some_and(|byte| *byte == b'\n' || *byte == b'\r') {
        bytes.pop();
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_leave_no_directory() {
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "a\\b", "a b", "ä", &"x".repeat(129)] {
            assert!(!is_file_name(bad), "{bad}");
        }
        for good in ["API_KEY", "crm.api-key", "telegram_bot_token"] {
            assert!(is_file_name(good), "{good}");
        }
    }
}
