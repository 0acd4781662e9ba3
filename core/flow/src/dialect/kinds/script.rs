//! `script`: Rhai, checked at build and kept as text (docs/decisions/0006-scripts.md).

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::NodeKind;

pub static TABLE: Table = Table {
    what: "the config of a `script`",
    keys: &[
        key("script", Kind::Script, "The script, in Rhai."),
        key("script_file", Kind::Text, "The asset that has the script, in place of `script`."),
        key("input", Kind::Data, "What the script knows as `input`; the result before it when absent."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let input = loader.shape_at(config, "input");
    let text = match (config.get("script"), config.get("script_file")) {
        (Some(script), None) => loader.script(script)?,
        (None, Some(file)) => {
            let name = loader.text(config, "script_file")?.to_owned();
            let names = [name.clone(), format!("scripts/{name}"), format!("scripts/{name}.rhai")];
            let text = loader.asset(file, &names).unwrap_or_default();
            loader.script_text(&text, &name, file.at)?
        }
        (Some(_), Some(file)) => {
            loader.error("duplicate-key", file.at, "`script` and `script_file` are two scripts");
            return None;
        }
        (None, None) => {
            loader.error("missing-key", given.at(), "a script needs the key `script` or `script_file`");
            return None;
        }
    };
    Some(NodeKind::Script { text, input }.into())
}
