//! The whole way: built, opened, and refused for everything that can be wrong with an archive from elsewhere.

use super::*;
use crate::key::SigningKey;
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const SOURCE: &str = r#"
[pack]
name = "demo"
version = "1.2.3"
license = "MIT OR Apache-2.0"
repository = "https://example.org/demo.git"

[capabilities]
id = "greentic.cap.app.v1"

[dependencies]
other = "^0.4"

[flows]
main = "flows/main.ygtc"

[components]
echo = "components/echo.wasm"

[assets]
cards = "assets/cards/"
logo = "assets/logo.svg"

[secrets]
required = ["API_KEY"]

[config]
greeting = "Hi"
"#;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn trusted() -> Trust {
    Trust::Publishers(vec![SigningKey::from_bytes(&[8; 32]).verifying_key(), key().verifying_key()])
}

fn input() -> BuildInput {
    let asset =
        |key: &str, path: &str, bytes: &[u8]| AssetFile { key: key.into(), path: path.into(), bytes: bytes.to_vec() };
    BuildInput {
        toml: PackToml::parse(SOURCE).unwrap(),
        created_at: 1_704_164_645,
        flows: vec![FlowFile {
            key: "main".into(),
            path: "flows/main.ygtc".into(),
            source: b"name: main\n".to_vec(),
            image: FlowImage::encode(b"head", &[b"first".to_vec(), b"second".to_vec()]),
        }],
        components: vec![ComponentFile {
            key: "echo".into(),
            path: "components/echo.wasm".into(),
            bytes: b"\0asm".to_vec(),
            interface: "greentic:component/component@1.0.0".into(),
        }],
        assets: vec![
            asset("cards/hello.json", "assets/cards/hello.json", b"{}"),
            asset("logo", "assets/logo.svg", b"<svg/>"),
        ],
    }
}

fn built(input: &BuildInput) -> Vec<u8> {
    build(input, Some(&key())).unwrap()
}

/// Built once, because the properties below need it many hundred times.
fn signed() -> &'static [u8] {
    static SIGNED: LazyLock<Vec<u8>> = LazyLock::new(|| built(&input()));
    &SIGNED
}

type Files = BTreeMap<String, Cow<'static, [u8]>>;

/// The signed pack's files after a change, in a well-formed archive.
fn repacked(change: impl FnOnce(&mut Files)) -> Vec<u8> {
    let mut archive = Archive::open(signed()).unwrap();
    let paths: Vec<String> = archive.paths().map(str::to_owned).collect();
    let mut files = Files::new();
    for path in paths {
        let content = archive.read_entry(&path).unwrap();
        files.insert(path, Cow::Owned(content));
    }
    change(&mut files);
    archive::write(&files).unwrap()
}

/// Why the changed pack is refused.
fn refusal(change: impl FnOnce(&mut Files)) -> OpenError {
    open(&repacked(change), &trusted()).unwrap_err()
}

#[test]
fn what_was_built_is_what_is_opened() {
    let pack = open(signed(), &trusted()).unwrap();
    assert_eq!(pack.signer, Some(key().verifying_key()));
    assert_eq!(pack.content_hash, pack.manifest.content_hash);
    assert_eq!((pack.manifest.name.as_str(), pack.manifest.created_at), ("demo", 1_704_164_645));
    assert_eq!(pack.manifest.secrets.required, ["API_KEY"]);
    assert_eq!(pack.manifest.config.get("greeting"), Some(&greentic_types::Value::Text("Hi".into())));
    assert_eq!(pack.manifest.components["echo"].interface, "greentic:component/component@1.0.0");
    let flow = &pack.flows["main"];
    assert_eq!((flow.head(), flow.node(1), flow.node(2)), (&b"head"[..], Some(&b"second"[..]), None));
    assert_eq!(*pack.components["echo"], *b"\0asm");
    assert_eq!(*pack.assets["cards/hello.json"], *b"{}");
    assert_eq!(*pack.assets["logo"], *b"<svg/>");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let mut shuffled = input();
    shuffled.assets.reverse();
    assert_eq!(built(&input()), signed());
    assert_eq!(built(&shuffled), signed());
    let mut later = input();
    later.created_at += 1;
    assert_ne!(built(&later), signed());
}

#[test]
fn the_archive_is_the_documented_one() {
    let mut archive = Archive::open(signed()).unwrap();
    let paths: Vec<&str> = archive.paths().collect();
    let documented = [
        "assets/cards/hello.json",
        "assets/logo.svg",
        "components/echo.wasm",
        "flows/main.cbor",
        "flows/main.ygtc",
        "manifest.cbor",
        "sbom.json",
        "signature.sig",
    ];
    assert_eq!(paths, documented);
    assert_eq!(archive.read_entry("signature.sig").unwrap().len(), 64);

    let sbom: serde_json::Value = serde_json::from_slice(&archive.read_entry("sbom.json").unwrap()).unwrap();
    assert_eq!(sbom["spdxVersion"], "SPDX-2.3");
    assert_eq!(sbom["SPDXID"], "SPDXRef-DOCUMENT");
    assert_eq!(sbom["dataLicense"], "CC0-1.0");
    assert_eq!(sbom["creationInfo"]["created"], "2024-01-02T03:04:05Z");
    assert!(sbom["documentNamespace"].as_str().unwrap().starts_with("https://spdx.org/spdxdocs/demo-1.2.3-"));
    let names: Vec<&str> = sbom["packages"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["demo", "echo", "other"]);
    assert_eq!(sbom["packages"][0]["licenseDeclared"], "MIT OR Apache-2.0");
    assert_eq!(sbom["packages"][0]["downloadLocation"], "git+https://example.org/demo.git");
    assert_eq!(sbom["packages"][1]["checksums"][0]["checksumValue"], hash::hex(&hash::of(b"\0asm")));
}

#[test]
fn unsigned_and_foreign_packs_are_refused() {
    let unsigned = build(&input(), None).unwrap();
    assert!(matches!(open(&unsigned, &trusted()), Err(OpenError::Unsigned)));
    let pack = open(&unsigned, &Trust::AcceptUnsigned).unwrap();
    assert_eq!((pack.signer, pack.flows.len()), (None, 1));

    let foreign = build(&input(), Some(&SigningKey::from_bytes(&[9; 32]))).unwrap();
    assert!(matches!(open(&foreign, &trusted()), Err(OpenError::UntrustedSigner)));
    assert!(matches!(open(signed(), &Trust::Publishers(vec![])), Err(OpenError::UntrustedSigner)));
    assert_eq!(open(&foreign, &Trust::AcceptUnsigned).unwrap().signer, None, "not verified, so nobody's");
}

#[test]
fn changed_files_are_refused() {
    for path in ["assets/logo.svg", "components/echo.wasm", "flows/main.cbor", "flows/main.ygtc", "sbom.json"] {
        let changed = refusal(|files| files.get_mut(path).unwrap().to_mut().push(b' '));
        assert!(matches!(&changed, OpenError::FileHash(at) if at == path), "{changed:?}");
        let missing = refusal(|files| drop(files.remove(path)));
        assert!(matches!(&missing, OpenError::Archive(ArchiveError::Missing(at)) if at == path), "{missing:?}");
    }
    let renamed = refusal(|files| {
        let content = files.remove("assets/logo.svg").unwrap();
        files.insert("assets/icon.svg".into(), content);
    });
    assert!(matches!(&renamed, OpenError::ExtraFile(path) if path == "assets/icon.svg"), "{renamed:?}");
    for extra in ["assets/more", "flows/other.cbor", "README.md"] {
        let error = refusal(|files| drop(files.insert(extra.into(), Cow::Borrowed(b"x"))));
        assert!(matches!(&error, OpenError::ExtraFile(path) if path == extra), "{error:?}");
    }
}

#[test]
fn a_changed_manifest_is_refused_whoever_computed_its_hash() {
    let edit = |files: &mut Files, rehash: bool| {
        let mut manifest = Manifest::decode(&files["manifest.cbor"]).unwrap();
        manifest.secrets.required.push("ANOTHER".into());
        if rehash {
            manifest.content_hash = manifest.compute_content_hash().unwrap();
        }
        files.insert("manifest.cbor".into(), Cow::Owned(manifest.encode().unwrap()));
    };
    assert!(matches!(refusal(|files| edit(files, false)), OpenError::ContentHash));
    assert!(matches!(refusal(|files| edit(files, true)), OpenError::UntrustedSigner));
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let short = refusal(|files| drop(files.insert("signature.sig".into(), Cow::Borrowed(&[1; 63]))));
    assert!(matches!(short, OpenError::SignatureLength));
    let long = refusal(|files| drop(files.insert("signature.sig".into(), Cow::Borrowed(&[1; 65]))));
    assert!(matches!(long, OpenError::Archive(ArchiveError::EntryTooLarge { limit: 64, .. })));
}

#[test]
fn nothing_is_decompressed_before_the_signature_is_checked() {
    // A bomb among the assets of a pack that nobody trusted signed: the signer is what is complained of.
    let mut bomb = input();
    bomb.assets[1].bytes = vec![0; 2 << 20];
    assert!(matches!(build(&bomb, Some(&key())), Err(BuildError::Refused(OpenError::Archive(ArchiveError::Ratio(_))))));
    let stranger = refusal(|files| {
        files.insert("assets/logo.svg".into(), Cow::Owned(vec![0; 2 << 20]));
        files.insert("signature.sig".into(), Cow::Owned(vec![1; 64]));
    });
    assert!(matches!(stranger, OpenError::UntrustedSigner));
    let publisher = refusal(|files| drop(files.insert("assets/logo.svg".into(), Cow::Owned(vec![0; 2 << 20]))));
    assert!(matches!(publisher, OpenError::Archive(ArchiveError::Ratio(_))));
}

#[test]
fn declarations_and_files_must_agree() {
    let failure = |change: fn(&mut BuildInput)| {
        let mut input = input();
        change(&mut input);
        build(&input, None).unwrap_err()
    };
    let undeclared = failure(|input| input.flows[0].key = "other".into());
    assert!(matches!(undeclared, BuildError::Undeclared { kind: "flows", .. }), "{undeclared:?}");
    let elsewhere = failure(|input| input.assets[0].path = "assets/cards/bye.json".into());
    assert!(matches!(elsewhere, BuildError::Undeclared { kind: "assets", .. }), "{elsewhere:?}");
    let missing = failure(|input| input.components.clear());
    assert!(matches!(missing, BuildError::Missing { kind: "components", .. }), "{missing:?}");
    let empty_directory = failure(|input| drop(input.assets.remove(0)));
    assert!(matches!(empty_directory, BuildError::Missing { kind: "assets", .. }), "{empty_directory:?}");
    let twice = failure(|input| input.flows.extend_from_within(..));
    assert!(matches!(twice, BuildError::Duplicate { kind: "flows", .. }), "{twice:?}");
}

#[test]
fn what_would_not_open_is_not_built() {
    let failure = |change: fn(&mut BuildInput)| {
        let mut input = input();
        change(&mut input);
        match build(&input, None).unwrap_err() {
            BuildError::Refused(error) => error,
            other => panic!("{other:?}"),
        }
    };
    let image = failure(|input| input.flows[0].image = b"not an image".to_vec());
    assert!(matches!(image, OpenError::Flow { .. }), "{image:?}");
    for id in ["greentic.cap.app.v2", "greentic.cap..v1", "app", "greentic.cap.App.v1"] {
        let mut input = input();
        input.toml.capabilities.id = id.into();
        let error = build(&input, None).unwrap_err();
        assert!(matches!(error, BuildError::Refused(OpenError::Capability(_))), "{id}: {error:?}");
    }
    let outside = failure(|input| {
        input.toml.assets.insert("top".into(), "top.txt".into());
        input.assets.push(AssetFile { key: "top".into(), path: "top.txt".into(), bytes: vec![] });
    });
    assert!(matches!(outside, OpenError::Manifest(ManifestError::Place { .. })), "{outside:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The promise of the signature: whatever is flipped, the pack is the publisher's or it is none.
    #[test]
    fn a_flipped_bit_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = signed().to_vec();
        let original = open(&bytes, &trusted()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok(pack) = open(&bytes, &trusted()) {
            prop_assert_eq!(pack, original);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = open(&bytes, &trusted());
        let _ = open(&bytes, &Trust::AcceptUnsigned);
    }

    #[test]
    fn no_manifest_panics(manifest in prop::collection::vec(any::<u8>(), 0..256)) {
        let bytes = repacked(|files| drop(files.insert("manifest.cbor".into(), Cow::Owned(manifest))));
        prop_assert!(open(&bytes, &Trust::AcceptUnsigned).is_err());
    }
}
