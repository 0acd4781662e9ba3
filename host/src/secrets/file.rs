//! Secrets from files: `{directory}/{env}/{tenant}/{team}/{name}`, then `{directory}/{env}/{tenant}/{name}`;
//! `{directory}/{name}` for the process's own. The form in which container platforms mount them.

use super::{Secret, SecretError, SecretProvider};
use greentic_types::{TenantCtx, check_id};
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
}

impl SecretProvider for FileSecrets {
    fn get(&self, scope: Option<&TenantCtx>, name: &str) -> Result<Option<Secret>, SecretError> {
        // The other parts of the path are ids already; the name may come from a bundle.
        let unreadable = |reason: String| SecretError::Unreadable { name: name.to_owned(), reason };
        check_id(name).map_err(|error| unreadable(error.to_string()))?;
        let places = match scope {
            None => vec![self.directory.join(name)],
            Some(scope) => {
                let tenant = self.directory.join(&scope.env_id).join(&scope.tenant_id);
                vec![tenant.join(scope.team()).join(name), tenant.join(name)]
            }
        };
        for place in places {
            if let Some(bytes) = read(&place).map_err(|error| unreadable(format!("{}: {error}", place.display())))? {
                return Ok(Some(Secret::new(bytes)));
            }
        }
        Ok(None)
    }
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
