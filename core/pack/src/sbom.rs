//! `sbom.json`: what is in a pack, for scanners, as SPDX 2.3.
//!
//! One package for the pack, one for every component in it with its hash, one for every pack it depends on.
//! `filesAnalyzed` is false throughout: file entries would need SHA-1 sums, and the manifest has the BLAKE3 of every
//! file already.
//!
//! Rule: the same manifest gives the same bytes. Members are structs and not a JSON map, whose order depends on a
//! feature that any crate of a build may switch on.

use crate::hash;
use crate::manifest::{Manifest, ManifestError};
use serde::Serialize;

/// SPDX for "nothing is claimed".
const NO_ASSERTION: &str = "NOASSERTION";

#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    #[error("created_at is {0}, beyond the year 9999")]
    Time(u64),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("sbom.json can't be encoded")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<String>,
    download_location: String,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    license_declared: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_comments: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const PACK: &str = "SPDXRef-Pack";

/// The document for a manifest that is complete but for `sbom_hash` and `content_hash`, which this one goes into.
pub(crate) fn document(manifest: &Manifest) -> Result<Vec<u8>, SbomError> {
    let title = format!("{}-{}", manifest.name, manifest.version);
    let mut packages = vec![pack(manifest)];
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", PACK)];
    for (number, (key, component)) in manifest.components.iter().enumerate() {
        let id = format!("SPDXRef-Component-{number}");
        relationships.push(relationship(PACK, "CONTAINS", &id));
        let checksum = Checksum { algorithm: "BLAKE3", checksum_value: hash::hex(&component.hash) };
        let file_name = Some(format!("./{}", component.path));
        packages.push(Package { package_file_name: file_name, checksums: vec![checksum], ..package(id, key) });
    }
    for (number, (name, requirement)) in manifest.dependencies.iter().enumerate() {
        let id = format!("SPDXRef-Dependency-{number}");
        relationships.push(relationship(PACK, "DEPENDS_ON", &id));
        packages.push(Package { version_info: Some(requirement.to_string()), ..package(id, name) });
    }
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        // The hash makes the name unique, as the format demands, and the same for the same inputs.
        document_namespace: format!(
            "https://spdx.org/spdxdocs/{}-{}",
            title.replace('+', "%2B"),
            hash::hex(&manifest.compute_content_hash()?)
        ),
        name: title,
        creation_info: CreationInfo {
            created: timestamp(manifest.created_at).ok_or(SbomError::Time(manifest.created_at))?,
            creators: [concat!("Tool: greentic-pack-", env!("CARGO_PKG_VERSION"))],
        },
        packages,
        relationships,
    };
    Ok(serde_json::to_vec_pretty(&document)?)
}

fn pack(manifest: &Manifest) -> Package {
    let is_url = |text: &&String| ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    let mut package = package(PACK.to_owned(), &manifest.name);
    package.version_info = Some(manifest.version.to_string());
    package.homepage = manifest.homepage.as_ref().filter(is_url).cloned();
    if let Some(repository) = manifest.repository.as_ref().filter(is_url) {
        // The format's own spelling for "get it from this git repository".
        package.download_location = format!("git+{repository}");
    }
    match manifest.license.as_deref() {
        Some(license) if is_expression(license) => package.license_declared = license.to_owned(),
        // A free text here would make the whole document invalid.
        other => package.license_comments = other.map(str::to_owned),
    }
    package
}

fn package(id: String, name: &str) -> Package {
    Package {
        id,
        name: name.to_owned(),
        version_info: None,
        package_file_name: None,
        download_location: NO_ASSERTION.to_owned(),
        files_analyzed: false,
        homepage: None,
        license_declared: NO_ASSERTION.to_owned(),
        license_comments: None,
        checksums: Vec::new(),
    }
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship { spdx_element_id: from.to_owned(), relationship_type: kind, related_spdx_element: to.to_owned() }
}

/// Whether it is spelt like an SPDX licence expression: names joined by `AND`, `OR` and `WITH`.
fn is_expression(license: &str) -> bool {
    let name = |word: &&str| {
        let word = word.trim_matches(['(', ')']);
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | ':'))
    };
    let words: Vec<&str> = license.split_whitespace().collect();
    let names = words.iter().step_by(2).all(name);
    let joints = words.iter().skip(1).step_by(2).all(|word| matches!(*word, "AND" | "OR" | "WITH"));
    words.len() % 2 == 1 && names && joints
}

/// `2024-01-02T03:04:05Z`, or nothing beyond the year 9999, which the format can't write. The calendar is computed
/// in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
fn timestamp(seconds: u64) -> Option<String> {
    const DAYS_TO_EPOCH: u64 = 719_468;
    const DAYS_OF_ERA: u64 = 146_097;
    let (days, time) = (seconds / 86_400 + DAYS_TO_EPOCH, seconds % 86_400);
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    (year <= 9_999).then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(timestamp(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_827_696).unwrap(), "2000-02-29T12:34:56Z");
        assert_eq!(timestamp(1_704_164_645).unwrap(), "2024-01-02T03:04:05Z");
        assert_eq!(timestamp(253_402_300_799).unwrap(), "9999-12-31T23:59:59Z");
        assert_eq!(timestamp(253_402_300_800), None);
        assert_eq!(timestamp(u64::MAX), None);
    }

    #[test]
    fn licence_expressions() {
        for good in ["MIT", "Apache-2.0 OR MIT", "(MIT AND BSD-3-Clause) OR GPL-2.0+", "LicenseRef-mine"] {
            assert!(is_expression(good), "{good}");
        }
        for bad in ["", "All rights reserved", "MIT/Apache-2.0", "MIT Apache-2.0", "MIT OR"] {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
