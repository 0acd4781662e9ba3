//! `flow schema`: the JSON Schema of a dialect, made from the tables that flows are read by.

use crate::output;
use clap::{Args, ValueEnum};
use greentic_flow::Dialect;

#[derive(Args)]
pub struct Schema {
    #[arg(value_enum, default_value = "list")]
    dialect: DialectName,
}

/// How a flow's nodes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectName {
    /// `nodes` is a list: the documented one
    List,
    /// `nodes` is a map: YGTc
    Map,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::List => Dialect::List,
            DialectName::Map => Dialect::Map,
        }
    }
}

impl Schema {
    pub fn run(&self) -> anyhow::Result<()> {
        output::line(&serde_json::to_string_pretty(&greentic_flow::schema(self.dialect.into()))?);
        Ok(())
    }
}
