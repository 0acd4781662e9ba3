//! Renders a template's program within a budget. Recursion follows the blocks and is bounded, whatever the bytes say.

use super::{Helper, Piece};
use crate::budget::{Budget, MAX_BLOCK_DEPTH, RenderError};
use crate::data::{Datum, Locals, View, push};
use crate::expr;
use greentic_types::Value;
use minicbor::Decoder;

/// As text.
pub fn render(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<String, RenderError> {
    let mut out = String::new();
    pieces(program, view, &mut out, budget, MAX_BLOCK_DEPTH)?;
    Ok(out)
}

/// As a value: a template that is exactly one `{{path}}` keeps the type of what it finds, any other makes text.
pub fn render_value(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<Value, RenderError> {
    let mut decoder = Decoder::new(program);
    if !program.is_empty() {
        let first: Piece<'_> = decoder.decode()?;
        if let (Piece::Path(path), true) = (first, decoder.position() == program.len()) {
            return view.lookup(&path).to_value(budget);
        }
    }
    render(program, view, budget).map(Value::Text)
}

fn pieces(
    program: &[u8],
    view: View<'_>,
    out: &mut String,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), RenderError> {
    let left = depth.checked_sub(1).ok_or(RenderError::TooDeep)?;
    let mut decoder = Decoder::new(program);
    while decoder.position() < program.len() {
        let piece: Piece<'_> = decoder.decode()?;
        match piece {
            Piece::Text(text) => push(out, &text, budget)?,
            Piece::Path(path) => view.lookup(&path).write(out, budget)?,
            Piece::Call { helper, arguments } => call(helper, &expr::operands(&arguments, view)?, out, budget)?,
            Piece::If { condition, then, otherwise } => {
                let branch = if expr::condition(&condition, view)? { &then } else { &otherwise };
                pieces(branch, view, out, budget, left)?;
            }
            Piece::Each { list, body } => each(&view.lookup(&list), &body, view, out, budget, left)?,
        }
    }
    Ok(())
}

/// Over the items of a list, or the values of a map in the order of its keys. Anything else has no items.
fn each(
    list: &Datum<'_>,
    body: &[u8],
    view: View<'_>,
    out: &mut String,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), RenderError> {
    let mut turn = |index: usize, this: Datum<'_>| {
        budget.iterate()?;
        let locals = Locals { this, index: Some(index), outer: view.locals };
        pieces(body, View { data: view.data, locals: Some(&locals) }, out, budget, depth)
    };
    if let Datum::Map(map) = list {
        return map.values().enumerate().try_for_each(|(index, value)| turn(index, Datum::of(value)));
    }
    let mut index = 0;
    while let Some(item) = list.item(index) {
        turn(index, item)?;
        index += 1;
    }
    Ok(())
}

fn call(helper: Helper, arguments: &[Datum<'_>], out: &mut String, budget: &mut Budget) -> Result<(), RenderError> {
    let (text, size) = match arguments {
        [text] => (text, None),
        [text, size] => (text, Some(size)),
        _ => return Err(RenderError::Malformed("a helper has one or two arguments".to_owned())),
    };
    let mut plain = String::new();
    text.write(&mut plain, budget)?;
    let result = match helper {
        Helper::Uppercase => plain.to_uppercase(),
        Helper::Lowercase => plain.to_lowercase(),
        Helper::Capitalize => capitalize(&plain),
        Helper::Truncate => truncate(&plain, size),
    };
    push(out, &result, budget)
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A length that is no number, or below zero, cuts nothing: a text too long serves a user better than none.
fn truncate(text: &str, size: Option<&Datum<'_>>) -> String {
    let size = match size {
        Some(Datum::Int(size)) => usize::try_from(*size).ok(),
        _ => None,
    };
    match size {
        Some(size) if text.chars().count() > size => {
            text.chars().take(size.saturating_sub(1)).chain((size > 0).then_some('…')).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::template;
    use proptest::prelude::*;

    fn data() -> Value {
        let json = r#"{"name":"Zoë","n":3,"ok":true,"no":false,"list":["a","b"],"empty":[],
            "people":[{"name":"Ann","tags":["x","y"]},{"name":"Bob","tags":[]}],"map":{"k":1,"l":2}}"#;
        Value::from_json(&serde_json::from_str(json).unwrap())
    }

    fn shown(text: &str) -> String {
        let template = template(text).unwrap();
        render(&template.program, View::of(&data()), &mut Budget::default()).unwrap()
    }

    #[test]
    fn what_is_rendered() {
        for (text, expected) in [
            ("Hi {{name}}, {{{ n }}}!", "Hi Zoë, 3!"),
            ("{{missing.deep}}", ""),
            ("<{{! gone }}{{!-- {{gone}} --}}>", "<>"),
            ("{{uppercase name}} {{lowercase name}} {{capitalize \"été\"}}", "ZOË zoë Été"),
            ("{{truncate 'abcdef' 4}} {{truncate 'abc' 3}} {{truncate 'abc' 0}}", "abc… abc "),
            ("{{#if ok}}yes{{else}}no{{/if}}{{#if empty}}yes{{else}}no{{/if}}", "yesno"),
            ("{{#if n > 2 and name == 'Zoë'}}both{{/if}}{{#unless no}}!{{/unless}}", "both!"),
            ("{{#each list}}{{@index}}{{this}} {{/each}}", "0a 1b "),
            ("{{#each people}}{{name}}:{{#each tags}}{{this}}{{@index}}{{/each}};{{/each}}", "Ann:x0y1;Bob:;"),
            ("{{#each map}}{{this}}{{/each}}{{#each n}}x{{/each}}", "12"),
            ("{{list}} {{ok}}", "[\"a\",\"b\"] true"),
            (r"\{{name}} {{n}}", "{{name}} 3"),
            ("<b>{{name}}</b> & co", "<b>Zoë</b> & co"),
            ("Items:\n{{#each list}}\n- {{this}}\n{{/each}}\nEnd", "Items:\n- a\n- b\nEnd"),
            ("a\n  {{! note }}  \nb", "a\nb"),
            ("{{#if ok}}\nx\n{{else}}\ny\n{{/if}}\n", "x\n"),
            ("{{#if ok}}{{#if ok}}\nin\n{{/if}}{{/if}}", "\nin\n"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn one_path_alone_keeps_its_type() {
        let value = |text: &str| {
            let template = template(text).unwrap();
            render_value(&template.program, View::of(&data()), &mut Budget::default()).unwrap()
        };
        assert_eq!(value("{{n}}"), Value::Int(3));
        assert_eq!(value("{{{list}}}"), data().get("list").unwrap().clone());
        assert_eq!(value("{{missing}}"), Value::Null);
        assert_eq!(value("{{n}} "), Value::Text("3 ".into()));
        assert_eq!(value(""), Value::Text(String::new()));
    }

    #[test]
    fn output_and_iterations_are_bounded() {
        let big = Value::Map([("l".to_owned(), Value::List(vec![Value::Text("x".repeat(100)); 200]))].into());
        let bounded = |text: &str| render(&template(text).unwrap().program, View::of(&big), &mut Budget::default());
        assert!(bounded("{{#each l}}{{this}}{{/each}}").is_ok());
        assert_eq!(bounded("{{#each l}}{{#each l}}{{this}}{{/each}}{{/each}}"), Err(RenderError::TooLong));
        assert_eq!(bounded("{{#each l}}{{#each l}}{{/each}}{{/each}}"), Err(RenderError::TooManyIterations));
    }

    proptest! {
        #[test]
        fn no_program_panics(program in prop::collection::vec(any::<u8>(), 0..128)) {
            let _ = render(&program, View::of(&data()), &mut Budget::default());
            let _ = render_value(&program, View::of(&data()), &mut Budget::default());
        }
    }
}
