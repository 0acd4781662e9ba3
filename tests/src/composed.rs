//! A bundle's channel for hosts that are not ours, made by the real command line: one composed component, or a Spin
//! application.

use crate::{Bundle, command};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A component as `pack compose` reports it.
pub struct Composed {
    pub file: String,
    /// What it reads of its environment.
    pub settings: Vec<Setting>,
    /// The command that serves it without us.
    pub command: Vec<String>,
}

/// An environment variable.
pub struct Setting {
    pub variable: String,
    pub required: bool,
}

impl Composed {
    /// Writes the component into `folder`. `egress` and `part` are as on the command line.
    pub fn new(bundle: &Bundle, platform: &str, folder: &Path, egress: &str, part: &str) -> Composed {
        let settings = folder.join("telegram.json");
        std::fs::write(&settings, json!({"bot_username": "TestBot", "api_base_url": platform}).to_string()).unwrap();
        let told = command()
            .args(["pack", "compose", "app.gtpack", "--channel", "telegram", "--target", "wasi-http", "--json"])
            .args(["--tenant", "demo", "--team", "default", "--trusted-publisher", "publisher.pub.pem"])
            .args(["--egress", egress, "--part", part, "--output"])
            .arg(folder)
            .arg("--provider-config")
            .arg(&settings)
            .current_dir(bundle.path())
            .output()
            .unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let report: Value = serde_json::from_slice(&told.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let settings = report["environment"].as_array().unwrap().iter();
        Composed {
            file: text(&report["file"]),
            settings: settings
                .map(|setting| Setting { variable: text(&setting["name"]), required: setting["required"] == true })
                .collect(),
            command: report["command"].as_array().unwrap().iter().map(text).collect(),
        }
    }
}

/// Writes the bundle into `folder` as a Spin application; gives its manifest. `egress` is as on the command line.
pub fn export_to_spin(bundle: &Bundle, config: &Path, egress: &str, folder: &Path) -> PathBuf {
    let told = command()
        .args(["bundle", "export", "--target", "spin", "--egress", egress, "--config"])
        .arg(config)
        .arg("--bundle")
        .arg(bundle.path())
        .arg(folder)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    folder.join("spin.toml")
}
