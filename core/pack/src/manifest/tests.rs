//! The manifest alone: one encoding, strict reading, and what its content hash covers.

use super::*;
use proptest::prelude::*;

fn sample() -> Manifest {
    let mut manifest = Manifest {
        pack_format_version: PACK_FORMAT_VERSION,
        name: "demo".into(),
        version: Version::new(1, 2, 3),
        description: Some("A demo".into()),
        authors: vec!["Ada".into()],
        license: Some("Apache-2.0".into()),
        repository: None,
        homepage: None,
        readme: None,
        capabilities: Capabilities {
            id: "greentic.cap.app.v1".into(),
            provides: vec!["messaging".into()],
            hosts: vec![],
        },
        flows: BTreeMap::from([(
            "main".into(),
            FlowEntry { path: "flows/main.ygtc".into(), hash: [1; 32], image_hash: [2; 32] },
        )]),
        components: BTreeMap::from([(
            "acme.echo".into(),
            ComponentEntry {
                path: "components/echo.wasm".into(),
                hash: [3; 32],
                interface: "greentic:component/component@1.0.0".into(),
            },
        )]),
        assets: BTreeMap::from([("logo".into(), AssetEntry { path: "assets/logo.png".into(), hash: [4; 32] })]),
        dependencies: BTreeMap::from([("other".into(), VersionReq::parse("^0.4, <0.4.9").unwrap())]),
        secrets: Secrets { required: vec!["KEY".into()], optional: vec![] },
        config: Value::Map(BTreeMap::from([("greeting".into(), Value::Text("Hi".into()))])),
        sbom_hash: [5; 32],
        created_at: 1_700_000_000,
        content_hash: [0; 32],
    };
    manifest.content_hash = manifest.compute_content_hash().unwrap();
    manifest
}

/// `from` replaced by `to`, which must be as long, in the encoded sample.
fn altered(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = sample().encode().unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn round_trip() {
    let manifest = sample();
    let bytes = manifest.encode().unwrap();
    assert_eq!(bytes[..21], *b"\xb3\x73pack_format_version");
    assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
}

#[test]
fn hosts_are_written_only_where_some_are_asked_for() {
    let plain = sample().encode().unwrap();
    assert!(!plain.windows(5).any(|window| window == b"hosts"));
    let mut asking = sample();
    asking.capabilities.hosts = vec!["api.example.com".into()];
    let bytes = asking.encode().unwrap();
    assert_eq!(Manifest::decode(&bytes).unwrap().capabilities.hosts, ["api.example.com"]);
    assert_ne!(asking.compute_content_hash().unwrap(), sample().content_hash);
    // The key with an empty list would be a second way to write a manifest that asks for nothing.
    let at = bytes.windows(6).position(|window| window == b"\x65hosts").unwrap();
    let host = b"\x81\x6fapi.example.com".len();
    let empty = [&bytes[..at + 6], &b"\x80"[..], &bytes[at + 6 + host..]].concat();
    assert!(matches!(Manifest::decode(&empty), Err(ManifestError::Layout("it is not in its one encoding"))));
}

#[test]
fn a_newer_format_is_named() {
    let bytes = altered(b"pack_format_version\x01", b"pack_format_version\x02");
    assert!(matches!(Manifest::decode(&bytes), Err(ManifestError::Version(2))));
}

#[test]
fn an_unknown_key_is_named() {
    let error = Manifest::decode(&altered(b"license", b"licence")).unwrap_err();
    assert!(matches!(&error, ManifestError::Key { expected: "license", found } if found == "licence"), "{error}");

    let mut longer = sample().encode().unwrap();
    longer[0] = 0xb4;
    longer.extend_from_slice(b"\x65extra\x01");
    let error = Manifest::decode(&longer).unwrap_err();
    assert!(matches!(&error, ManifestError::Key { found, .. } if found == "extra"), "{error}");
}

#[test]
fn a_second_spelling_is_refused() {
    let mut trailing = sample().encode().unwrap();
    trailing.push(0);
    assert!(matches!(Manifest::decode(&trailing), Err(ManifestError::Layout(_))));
    // The same name with its length in two bytes instead of one.
    let bytes = sample().encode().unwrap();
    let at = bytes.windows(5).position(|window| window == b"\x64demo").unwrap();
    let long = [&bytes[..at], &b"\x78\x04demo"[..], &bytes[at + 5..]].concat();
    assert!(matches!(Manifest::decode(&long), Err(ManifestError::Layout("it is not in its one encoding"))));
}

#[test]
fn names_and_paths_are_checked() {
    let decode = |bytes: Vec<u8>| Manifest::decode(&bytes).unwrap_err();
    assert!(matches!(decode(altered(b"\x64demo", b"\x64de/o")), ManifestError::Name(_)));
    assert!(matches!(decode(altered(b"assets/logo.png", b"assets/../x.png")), ManifestError::Path(_)));
    assert!(matches!(decode(altered(b"flows/main.ygtc", b"flows/main.yaml")), ManifestError::Place { .. }));
    assert!(matches!(decode(altered(b"components/echo", b"componentz/echo")), ManifestError::Place { .. }));
    assert!(matches!(decode(altered(b"1.2.3", b"1.2.x")), ManifestError::Semver { .. }));

    let mut twice = sample();
    twice.assets.insert("again".into(), AssetEntry { path: "assets/logo.png".into(), hash: [4; 32] });
    assert!(matches!(decode(twice.encode().unwrap()), ManifestError::DuplicatePath(_)));
}

#[test]
fn the_content_hash_covers_every_field_but_itself() {
    let original = sample();
    let mut changed = original.clone();
    changed.content_hash = [9; 32];
    assert_eq!(changed.compute_content_hash().unwrap(), original.content_hash);

    let changes: [fn(&mut Manifest); 8] = [
        |m| m.name.push('x'),
        |m| m.created_at += 1,
        |m| m.sbom_hash[0] ^= 1,
        |m| m.config = Value::Map(BTreeMap::new()),
        |m| m.secrets.optional.push("MORE".into()),
        |m| m.flows.values_mut().for_each(|flow| flow.image_hash[0] ^= 1),
        |m| m.components.values_mut().for_each(|component| component.interface.clear()),
        |m| m.assets.values_mut().for_each(|asset| asset.path.push('x')),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = original.clone();
        change(&mut changed);
        assert_ne!(changed.compute_content_hash().unwrap(), original.content_hash, "change {index}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Manifest::decode(&bytes);
    }

    #[test]
    fn what_is_read_from_damage_is_what_is_written(at in any::<prop::sample::Index>(), with: u8) {
        let mut bytes = sample().encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(manifest) = Manifest::decode(&bytes) {
            prop_assert_eq!(manifest.encode().unwrap(), bytes);
        }
    }
}
