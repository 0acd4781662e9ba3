//! Bundles for tests, made by the real command line: a key, a signed pack, a bundle that trusts the key.

use crate::host::command;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub const SECRET_TOKEN: &str = "A1b2C3d4-secret_TOKEN";
pub const BOT_TOKEN: &str = "133505823:TEST";

/// A bundle in a temporary directory.
pub struct Bundle {
    directory: TempDir,
}

impl Bundle {
    /// The demo's app, served to tenant `demo`, with replies going to `platform`.
    pub fn demo(platform: &str) -> Bundle {
        let bundle = Bundle { directory: tempfile::tempdir().unwrap() };
        greentic_edge::write_demo_bundle(bundle.path()).unwrap();
        bundle.finish(platform)
    }

    /// An app of the test's own: one flow, and the guest components it names.
    pub fn with_flow(platform: &str, flow: &str, components: &[(&str, &[u8])]) -> Bundle {
        Bundle::with_app(platform, flow, components, &[], "")
    }

    /// The same with further files of the pack's directory and further tables of its pack.toml.
    pub fn with_app(
        platform: &str,
        flow: &str,
        components: &[(&str, &[u8])],
        files: &[(&str, &str)],
        tables: &str,
    ) -> Bundle {
        let bundle = Bundle { directory: tempfile::tempdir().unwrap() };
        let app = bundle.path().join("app");
        std::fs::create_dir_all(app.join("flows")).unwrap();
        std::fs::create_dir_all(app.join("components")).unwrap();
        std::fs::write(app.join("flows/main.ygtc"), flow).unwrap();
        let mut toml = String::from(
            "[pack]\nname = \"test-app\"\nversion = \"1.0.0\"\n\n[capabilities]\nid = \"greentic.cap.app.v1\"\n\
             provides = [\"greentic.cap.app.v1\"]\n\n[flows]\nmain = \"flows/main.ygtc\"\n\n[components]\n",
        );
        for (name, wasm) in components {
            std::fs::write(app.join(format!("components/{name}.wasm")), wasm).unwrap();
            toml.push_str(&format!("{name} = \"components/{name}.wasm\"\n"));
        }
        for (name, text) in files {
            let file = app.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        toml.push_str(&format!("\n{tables}"));
        std::fs::write(app.join("pack.toml"), toml).unwrap();
        bundle.finish(platform)
    }

    fn finish(self, platform: &str) -> Bundle {
        let path = self.path();
        let run = |arguments: &[&str]| {
            // A fixed time: the same flow gives the same pack in every run, so what is composed of it is compiled once.
            let told =
                command().args(arguments).env("SOURCE_DATE_EPOCH", "1767225600").current_dir(path).output().unwrap();
            assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
        };
        run(&["key", "new", "publisher.pem"]);
        run(&["pack", "build", "app", "--key", "publisher.pem", "-o", "app.gtpack"]);
        let yaml = format!(
            "name: test\nerror_message: Something went wrong.\nproviders:\n  messaging-telegram:\n    config:\n      \
             bot_username: TestBot\n      api_base_url: \"{platform}\"\napps:\n  hello:\n    pack: app.gtpack\ntenants:\n  \
             demo:\n    teams:\n      default:\n        channels:\n          telegram: {{provider: messaging-telegram}}\n"
        );
        std::fs::write(path.join("greentic.demo.yaml"), yaml).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Adds keys to the app's entry, each a line of YAML.
    pub fn app_keys(&self, lines: &[&str]) {
        let added: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        self.edit(|text| text.replace("    pack: app.gtpack\n", &format!("    pack: app.gtpack\n{added}")));
    }

    /// Changes the bundle's file.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let file = self.path().join("greentic.demo.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(text)).unwrap();
    }

    /// Writes `greentic.toml` with these lines beside what every test needs; gives its path.
    pub fn config(&self, lines: &str) -> PathBuf {
        let path = self.path().join("greentic.toml");
        let text = format!("[security]\ntrusted_publishers = [\"publisher.pub.pem\"]\n{lines}");
        std::fs::write(&path, text).unwrap();
        path
    }
}
