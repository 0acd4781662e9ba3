//! Packs (`.gtpack`): the unit that is built, signed, published, resolved and run (spec/pack.md).
//!
//! ```text
//! pack.toml ──PackToml──┐
//! flows, components, ───┴─▶ build ──▶ zip: manifest.cbor   names, versions, the hash of every other file
//! assets                              flows/*.ygtc + .cbor  source and compiled flow
//!                                     components/*.wasm  assets/**  sbom.json
//!                                     signature.sig         Ed25519 over content_hash
//!                                       │
//!                                       ▼
//!                  open: archive ▸ manifest ▸ signature ▸ hashes ▸ capability ▸ flow images ──▶ Pack
//! ```
//!
//! Rules: nothing in an archive but the signature itself is outside the signature; nothing of a file but manifest
//! and signature is even decompressed before the signature is checked; the same inputs give the same bytes.
//! Pure: bytes in, bytes out. Reading files, the clock and random numbers are the caller's; so is what a record of
//! a flow image means.

pub mod key;

mod archive;
mod builder;
mod flow_image;
mod hash;
mod manifest;
mod open;
mod sbom;
mod sidecar;
mod source;
#[cfg(test)]
mod tests;

pub use archive::{Archive, ArchiveError};
pub use builder::{AssetFile, BuildError, BuildInput, ComponentFile, FlowFile, build};
pub use flow_image::{FlowImage, FlowImageError};
pub use hash::Hash;
pub use manifest::{AssetEntry, ComponentEntry, FlowEntry, Manifest, ManifestError, PACK_FORMAT_VERSION};
pub use open::{OpenError, Pack, Trust, open};
pub use sbom::SbomError;
pub use sidecar::component_at;
pub use source::{Capabilities, PackSection, PackToml, Secrets, SourceError};
