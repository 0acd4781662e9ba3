//! Bytes to manifest, strictly: every key in its place, every length bounded.
//!
//! What it leaves to [`super::Manifest::decode`]: names, paths, and that the bytes are the one encoding.

use super::encode::KEYS;
use super::{AssetEntry, ComponentEntry, FlowEntry, Manifest, ManifestError, PACK_FORMAT_VERSION};
use crate::archive::MAX_ENTRIES;
use crate::hash::Hash;
use crate::source::{Capabilities, Secrets};
use minicbor::Decoder;
use minicbor::data::Type;
use semver::{Version, VersionReq};
use std::collections::BTreeMap;

/// Longest text: a long description. Texts are shown in one piece, in a terminal or a log.
const MAX_TEXT_BYTES: usize = 16 << 10;

struct Reader<'b>(Decoder<'b>);

type Read<T> = Result<T, ManifestError>;

pub(super) fn decode(bytes: &[u8]) -> Read<Manifest> {
    let mut r = Reader(Decoder::new(bytes));
    let keys = r.0.map()?.ok_or(ManifestError::Layout("its map has no definite length"))?;
    // First of all: of a newer format nothing else may be understood.
    let pack_format_version = r.keyed("pack_format_version", |r| Ok(r.0.u32()?))?;
    if pack_format_version != PACK_FORMAT_VERSION {
        return Err(ManifestError::Version(pack_format_version));
    }
    let manifest = Manifest {
        pack_format_version,
        name: r.keyed("name", Reader::text)?,
        version: r.keyed("version", Reader::version)?,
        description: r.keyed("description", Reader::optional)?,
        authors: r.keyed("authors", Reader::texts)?,
        license: r.keyed("license", Reader::optional)?,
        repository: r.keyed("repository", Reader::optional)?,
        homepage: r.keyed("homepage", Reader::optional)?,
        readme: r.keyed("readme", Reader::optional)?,
        capabilities: r.keyed("capabilities", Reader::capabilities)?,
        flows: r.keyed("flows", |r| r.map(Reader::flow))?,
        components: r.keyed("components", |r| r.map(Reader::component))?,
        assets: r.keyed("assets", |r| r.map(Reader::asset))?,
        dependencies: r.keyed("dependencies", |r| r.map(Reader::requirement))?,
        secrets: r.keyed("secrets", Reader::secrets)?,
        config: r.keyed("config", |r| Ok(r.0.decode()?))?,
        sbom_hash: r.keyed("sbom_hash", Reader::hash)?,
        created_at: r.keyed("created_at", |r| Ok(r.0.u64()?))?,
        content_hash: r.keyed("content_hash", Reader::hash)?,
    };
    if keys > KEYS {
        let found = shown(r.0.str()?);
        return Err(ManifestError::Key { expected: "the end", found });
    }
    if keys < KEYS || r.0.position() != bytes.len() {
        return Err(ManifestError::Layout("its length is not the one it announces"));
    }
    Ok(manifest)
}

/// Foreign text in an error goes to a terminal or a log, so it is shortened and escaped.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

impl Reader<'_> {
    fn keyed<T>(&mut self, expected: &'static str, value: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let found = self.0.str()?;
        if found != expected {
            return Err(ManifestError::Key { expected, found: shown(found) });
        }
        value(self)
    }

    fn text(&mut self) -> Read<String> {
        let text = self.0.str()?;
        if text.len() > MAX_TEXT_BYTES {
            return Err(ManifestError::Layout("a text is too long"));
        }
        Ok(text.to_owned())
    }

    fn optional(&mut self) -> Read<Option<String>> {
        if self.0.datatype()? == Type::Null {
            self.0.null()?;
            return Ok(None);
        }
        self.text().map(Some)
    }

    fn count(announced: Option<u64>) -> Read<u64> {
        let count = announced.ok_or(ManifestError::Layout("a list or map has no definite length"))?;
        if count > MAX_ENTRIES as u64 {
            return Err(ManifestError::Layout("a list or map is too long"));
        }
        Ok(count)
    }

    fn texts(&mut self) -> Read<Vec<String>> {
        let count = Self::count(self.0.array()?)?;
        (0..count).map(|_| self.text()).collect()
    }

    /// Duplicate keys collapse here; the comparison with the one encoding finds them.
    fn map<T>(&mut self, value: impl Fn(&mut Self) -> Read<T>) -> Read<BTreeMap<String, T>> {
        let count = Self::count(self.0.map()?)?;
        (0..count).map(|_| Ok((self.text()?, value(self)?))).collect()
    }

    /// A map whose keys are ours: `keys` of them.
    fn record(&mut self, keys: u64) -> Read<()> {
        if self.0.map()? == Some(keys) {
            Ok(())
        } else {
            Err(ManifestError::Layout("an entry has too many or too few keys"))
        }
    }

    fn hash(&mut self) -> Read<Hash> {
        self.0.bytes()?.try_into().map_err(|_| ManifestError::Layout("a hash has not 32 bytes"))
    }

    fn version(&mut self) -> Read<Version> {
        let text = self.text()?;
        Version::parse(&text).map_err(|source| ManifestError::Semver { text: shown(&text), source })
    }

    fn requirement(&mut self) -> Read<VersionReq> {
        let text = self.text()?;
        VersionReq::parse(&text).map_err(|source| ManifestError::Semver { text: shown(&text), source })
    }

    fn capabilities(&mut self) -> Read<Capabilities> {
        let keys = self.0.map()?;
        if keys != Some(2) && keys != Some(3) {
            return Err(ManifestError::Layout("an entry has too many or too few keys"));
        }
        let (id, provides) = (self.keyed("id", Self::text)?, self.keyed("provides", Self::texts)?);
        let hosts = if keys == Some(3) { self.keyed("hosts", Self::texts)? } else { Vec::new() };
        Ok(Capabilities { id, provides, hosts })
    }

    fn secrets(&mut self) -> Read<Secrets> {
        self.record(2)?;
        Ok(Secrets { required: self.keyed("required", Self::texts)?, optional: self.keyed("optional", Self::texts)? })
    }

    fn flow(&mut self) -> Read<FlowEntry> {
        self.record(3)?;
        Ok(FlowEntry {
            path: self.keyed("path", Self::text)?,
            hash: self.keyed("hash", Self::hash)?,
            image_hash: self.keyed("image_hash", Self::hash)?,
        })
    }

    fn component(&mut self) -> Read<ComponentEntry> {
        self.record(3)?;
        Ok(ComponentEntry {
            path: self.keyed("path", Self::text)?,
            hash: self.keyed("hash", Self::hash)?,
            interface: self.keyed("interface", Self::text)?,
        })
    }

    fn asset(&mut self) -> Read<AssetEntry> {
        self.record(2)?;
        Ok(AssetEntry { path: self.keyed("path", Self::text)?, hash: self.keyed("hash", Self::hash)? })
    }
}
