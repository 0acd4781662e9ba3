//! `template` and `templating.handlebars`: a text made from a template.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::ir::{NodeKind, Program};

pub static TABLE: Table = Table {
    what: "the config of a `template`",
    keys: &[
        key("template", Kind::Template, "The text, in Handlebars.").or(&["text"]),
        key("template_file", Kind::Text, "The asset that has the text, in place of `template`."),
        key("data", Kind::Map, "What the text reads by bare names, before the flow's own data."),
    ],
    rest: Rest::Refused,
};

pub static HANDLEBARS: Table = Table {
    what: "a `templating.handlebars`",
    keys: &[
        key("text", Kind::Template, "The text, in Handlebars.").or(&["template"]),
        key("template_file", Kind::Text, "The asset that has the text, in place of `text`."),
        key("data", Kind::Map, "What the text reads by bare names, before the flow's own data."),
    ],
    rest: Rest::Refused,
};

pub fn load(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    template(given, "template", loader)
}

pub fn load_handlebars(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    template(given, "text", loader).map(|made| Made { said_at_end: true, ..made })
}

fn template(given: &Given<'_>, key: &'static str, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let data = loader.map_at(config, "data");
    let text = match (config.get(key), config.get("template_file")) {
        (Some(text), None) if config.has("data") => loader.given_names(|loader| loader.template(text, "a template"))?,
        (Some(text), None) => loader.template(text, "a template")?,
        (None, Some(_)) => from_asset(given, loader)?,
        (Some(_), Some(file)) => {
            loader.error("duplicate-key", file.at, format!("`{key}` and `template_file` are two texts"));
            return None;
        }
        (None, None) => {
            let message = format!("a template needs the key `{key}` or `template_file`");
            loader.error("missing-key", given.at(), message);
            return None;
        }
    };
    Some(NodeKind::Template { text, data }.into())
}

/// An error inside the file is told at the key that names it.
fn from_asset(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Program<'static>> {
    let node = given.config.get("template_file")?;
    let name = loader.text(&given.config, "template_file")?.to_owned();
    let names = [name.clone(), format!("templates/{name}"), format!("{name}.hbs"), format!("templates/{name}.hbs")];
    let text = loader.asset(node, &names).unwrap_or_default();
    loader.reads.text(&text);
    match loader.parse_template(&text, node.at) {
        Ok(program) => Some(program),
        Err(error) => {
            let line = text.get(..error.offset).unwrap_or_default().matches('\n').count() + 1;
            loader.error("bad-template", node.at, format!("{name}, line {line}: {}", error.message));
            None
        }
    }
}
