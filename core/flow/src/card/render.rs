//! A card's program and data to JSON. Written straight to text: a card is large, and nobody looks into it again here.

use super::{BOUND, MAX_DEPTH};
use crate::budget::{Budget, RenderError};
use crate::data::{Datum, Iteration, Locals, View, json, push};
use crate::template::render_typed;
use greentic_types::Value;
use minicbor::Decoder;
use minicbor::data::Type;

/// The card as JSON.
pub fn render(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<String, RenderError> {
    let mut writer = Writer { out: String::new(), budget };
    writer.value(&mut Decoder::new(program), view, MAX_DEPTH, "null")?;
    Ok(writer.out)
}

struct Writer<'b> {
    out: String,
    budget: &'b mut Budget,
}

impl Writer<'_> {
    /// Writes what stands before the first thing that it writes only if there is one. `absent` is written for an object
    /// that is left out; where that is empty, nothing is.
    fn value(
        &mut self,
        decoder: &mut Decoder<'_>,
        view: View<'_>,
        depth: usize,
        absent: &str,
    ) -> Result<(), RenderError> {
        let left = depth.checked_sub(1).ok_or(RenderError::TooDeep)?;
        match decoder.datatype()? {
            Type::Bytes => {
                let value = render_typed(decoder.bytes()?, view, self.budget)?;
                self.data(&value)
            }
            Type::Array => {
                let count = definite(decoder.array()?)?;
                self.text("[")?;
                for _ in 0..count {
                    self.item(decoder, view, left)?;
                }
                self.text("]")
            }
            Type::Map => self.object(decoder, view, left),
            Type::Tag => {
                let mut items = Bound::read(decoder)?.items(view, self.budget)?;
                let Some(first) = items.pop() else { return self.text(absent) };
                // At a place for one object, a list of several has no meaning; the last stands for them.
                self.bound(&first, view, left)
            }
            _ => {
                let value: Value = decoder.decode()?;
                self.data(&value)
            }
        }
    }

    fn object(&mut self, decoder: &mut Decoder<'_>, view: View<'_>, depth: usize) -> Result<(), RenderError> {
        let count = definite(decoder.map()?)?;
        self.text("{")?;
        for _ in 0..count {
            let name = decoder.str()?;
            let before = self.out.len();
            self.separate('{')?;
            self.data(&Value::Text(name.to_owned()))?;
            self.text(":")?;
            let value = self.out.len();
            self.value(decoder, view, depth, "")?;
            if self.out.len() == value {
                self.out.truncate(before);
            }
        }
        self.text("}")
    }

    /// One item of a list, or as many as it is repeated.
    fn item(&mut self, decoder: &mut Decoder<'_>, view: View<'_>, depth: usize) -> Result<(), RenderError> {
        if decoder.datatype()? != Type::Tag {
            self.separate('[')?;
            return self.value(decoder, view, depth, "null");
        }
        let left = depth.checked_sub(1).ok_or(RenderError::TooDeep)?;
        for item in Bound::read(decoder)?.items(view, self.budget)? {
            self.separate('[')?;
            self.bound(&item, view, left)?;
        }
        Ok(())
    }

    fn bound(&mut self, item: &Item<'_>, view: View<'_>, depth: usize) -> Result<(), RenderError> {
        match &item.this {
            None => self.value(&mut Decoder::new(item.body), view, depth, "null"),
            Some(this) => {
                let locals = Locals { this: Datum::of(this), turn: item.turn, outer: view.locals };
                let view = View { data: view.data, locals: Some(&locals) };
                self.value(&mut Decoder::new(item.body), view, depth, "null")
            }
        }
    }

    /// A comma, but for the first.
    fn separate(&mut self, open: char) -> Result<(), RenderError> {
        if self.out.ends_with(open) { Ok(()) } else { self.text(",") }
    }

    fn data(&mut self, value: &Value) -> Result<(), RenderError> {
        let written = json(value)?;
        self.text(&written)
    }

    fn text(&mut self, text: &str) -> Result<(), RenderError> {
        push(&mut self.out, text, self.budget)
    }
}

/// An object that is repeated or left out.
struct Bound<'p> {
    data: Source<'p>,
    when: Source<'p>,
    body: &'p [u8],
}

enum Source<'p> {
    Absent,
    Template(&'p [u8]),
    Written(Value),
}

/// One time that it is shown.
struct Item<'p> {
    this: Option<Value>,
    turn: Option<Iteration<'static>>,
    body: &'p [u8],
}

impl<'p> Bound<'p> {
    fn read(decoder: &mut Decoder<'p>) -> Result<Self, RenderError> {
        let malformed = || RenderError::Malformed("a card's object is bound by something else".to_owned());
        if decoder.tag()? != BOUND || decoder.array()? != Some(3) {
            return Err(malformed());
        }
        Ok(Bound { data: Source::read(decoder)?, when: Source::read(decoder)?, body: decoder.bytes()? })
    }

    fn items(&self, view: View<'_>, budget: &mut Budget) -> Result<Vec<Item<'p>>, RenderError> {
        let data = self.data.value(view, budget)?;
        let list = match data {
            None => vec![Item { this: None, turn: None, body: self.body }],
            Some(Value::List(items)) => {
                let count = items.len();
                let item = |(index, this)| {
                    let turn = Some(Iteration { index, last: index + 1 == count, key: None });
                    Item { this: Some(this), turn, body: self.body }
                };
                items.into_iter().enumerate().map(item).collect()
            }
            Some(Value::Null) => Vec::new(),
            Some(this) => vec![Item { this: Some(this), turn: None, body: self.body }],
        };
        let mut shown = Vec::new();
        for item in list {
            budget.iterate()?;
            if self.holds(&item, view, budget)? {
                shown.push(item);
            }
        }
        Ok(shown)
    }

    fn holds(&self, item: &Item<'_>, view: View<'_>, budget: &mut Budget) -> Result<bool, RenderError> {
        let this = item.this.as_ref().map(Datum::of);
        let locals = this.map(|this| Locals { this, turn: item.turn, outer: view.locals });
        let view = View { data: view.data, locals: locals.as_ref().or(view.locals) };
        Ok(match self.when.value(view, budget)? {
            None => true,
            // A template of more than one path is text.
            Some(Value::Text(text)) => !matches!(text.as_str(), "" | "false"),
            Some(value) => Datum::of(&value).truthy(),
        })
    }
}

impl<'p> Source<'p> {
    fn read(decoder: &mut Decoder<'p>) -> Result<Self, RenderError> {
        Ok(match decoder.datatype()? {
            Type::Null => {
                decoder.null()?;
                Source::Absent
            }
            Type::Bytes => Source::Template(decoder.bytes()?),
            _ => Source::Written(decoder.decode()?),
        })
    }

    fn value(&self, view: View<'_>, budget: &mut Budget) -> Result<Option<Value>, RenderError> {
        match self {
            Source::Absent => Ok(None),
            Source::Template(program) => render_typed(program, view, budget).map(Some),
            Source::Written(value) => {
                budget.take_value(value)?;
                Ok(Some(value.clone()))
            }
        }
    }
}

fn definite(length: Option<u64>) -> Result<u64, RenderError> {
    length.ok_or_else(|| RenderError::Malformed("indefinite length".to_owned()))
}
