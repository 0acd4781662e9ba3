//! The content hash: what a pack's signature signs.
//!
//! All hashes are BLAKE3, 32 bytes. `‖` is concatenation, `len` a little-endian 64-bit number of bytes.
//!
//! ```text
//! member         = blake3(len(path) ‖ path ‖ blake3(content))
//! flows_hash     = blake3(member ‖ member ‖ …)    members in byte order of their paths
//! components_hash, assets_hash                    the same
//! manifest_hash  = blake3(manifest.cbor without its `content_hash`)
//! content_hash   = blake3(flows_hash ‖ components_hash ‖ assets_hash ‖ manifest_hash)
//! ```
//!
//! A flow has two members, its source and its compiled image. `sbom.json` is no member: its hash stands in the
//! manifest, which is the fourth part. Since a member needs only the hash of its content, the manifest alone is
//! enough to check the signature, before any content is touched.
//!
//! Test vector: flows `flows/main.ygtc` = `source` and `flows/main.cbor` = `image`, component
//! `components/echo.wasm` = `wasm`, no assets, manifest bytes `manifest`:
//!
//! ```text
//! flows_hash      5b518198a3ea444f89203f82d5795f62681936065051610908618720e0ec6123
//! components_hash 866b05d59330b0be3a63563723387b65415c10d9765431a4bb8b3d0433c10e69
//! assets_hash     af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262
//! content_hash    13db1fa354cc566b4b770d85e6bda5c25d3c6b46b02c790e0aad722150efd32e
//! ```

use std::collections::BTreeMap;

pub type Hash = [u8; 32];

pub(crate) fn of(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

/// Hash of one part from its members, path to hash of content. The map's order is the byte order of the paths.
pub(crate) fn members(members: &BTreeMap<String, Hash>) -> Hash {
    let mut part = blake3::Hasher::new();
    for (path, content) in members {
        let mut member = blake3::Hasher::new();
        // Without the length, a path could lend bytes to the hash that follows it.
        member.update(&(path.len() as u64).to_le_bytes());
        member.update(path.as_bytes());
        member.update(content);
        part.update(member.finalize().as_bytes());
    }
    *part.finalize().as_bytes()
}

pub(crate) fn content(flows: &Hash, components: &Hash, assets: &Hash, manifest: &[u8]) -> Hash {
    let mut whole = blake3::Hasher::new();
    whole.update(flows).update(components).update(assets).update(&of(manifest));
    *whole.finalize().as_bytes()
}

pub(crate) fn hex(hash: &Hash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(files: &[(&str, &[u8])]) -> Hash {
        members(&files.iter().map(|(path, content)| ((*path).to_owned(), of(content))).collect())
    }

    #[test]
    fn the_written_down_vector() {
        let flows = part(&[("flows/main.ygtc", b"source"), ("flows/main.cbor", b"image")]);
        let components = part(&[("components/echo.wasm", b"wasm")]);
        let assets = part(&[]);
        assert_eq!(hex(&flows), "5b518198a3ea444f89203f82d5795f62681936065051610908618720e0ec6123");
        assert_eq!(hex(&components), "866b05d59330b0be3a63563723387b65415c10d9765431a4bb8b3d0433c10e69");
        assert_eq!(hex(&assets), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(
            hex(&content(&flows, &components, &assets, b"manifest")),
            "13db1fa354cc566b4b770d85e6bda5c25d3c6b46b02c790e0aad722150efd32e"
        );
    }

    #[test]
    fn a_renamed_file_changes_the_hash() {
        assert_ne!(part(&[("assets/a", b"x")]), part(&[("assets/b", b"x")]));
    }
}
