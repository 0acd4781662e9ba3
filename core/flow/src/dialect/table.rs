//! Tables of keys: what may stand in each map of a flow. Loaders read by them, and the JSON Schemas are made from them,
//! so what an editor completes is what the loader takes.

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A name that can stand in a path: of a node, an output, a slot.
    Name,
    /// The id of a node of the flow.
    Target,
    /// Text as it stands.
    Text,
    /// Text with templates in it.
    Template,
    Expression,
    /// Rhai.
    Script,
    /// A regular expression.
    Pattern,
    Flag,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// A number within bounds.
    Number(f64, f64),
    /// A word of a fixed set.
    OneOf(&'static [&'static str]),
    /// Data with templates in its texts.
    Data,
    /// Data as it stands.
    Literal,
    /// A map of [`Kind::Data`].
    Map,
    /// A map of [`Kind::Literal`].
    LiteralMap,
    List(&'static Kind),
    MapOf(&'static Kind),
    Table(&'static Table),
    Either(&'static [Kind]),
}

/// Milliseconds: from one to thirty days.
pub const MILLISECONDS: Kind = Kind::Whole(1, 30 * 24 * 3_600_000);

/// One key of a map.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// Other names that are read as this one, with a warning.
    pub aliases: &'static [&'static str],
    /// For whoever hovers over it in an editor.
    pub about: &'static str,
}

pub const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: false, aliases: &[], about }
}

impl Key {
    pub const fn required(mut self) -> Key {
        self.required = true;
        self
    }

    pub const fn or(mut self, aliases: &'static [&'static str]) -> Key {
        self.aliases = aliases;
        self
    }

    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// What stands beside the known keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Refused,
    /// Names and data of the author's own.
    Any,
    /// Data that is passed on as it is. A key that is nearly a known one is refused: it is a typing error.
    Data,
}

/// A map under one name for messages, such as "a node".
#[derive(Debug)]
pub struct Table {
    pub what: &'static str,
    pub keys: &'static [Key],
    pub rest: Rest,
}

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.is(name))
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}
