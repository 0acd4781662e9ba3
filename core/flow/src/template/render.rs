//! Renders a template's program within a budget. Recursion follows the blocks and is bounded, whatever the bytes say.

use super::{BlockKind, Piece, helpers};
use crate::budget::{Budget, MAX_BLOCK_DEPTH, RenderError};
use crate::data::{Datum, Iteration, Locals, View, push};
use crate::expr::{self, Helper, Source};
use greentic_types::Value;
use minicbor::Decoder;
use std::borrow::Cow;

/// As text.
pub fn render(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<String, RenderError> {
    let mut out = String::new();
    pieces(program, view, &mut out, budget, MAX_BLOCK_DEPTH)?;
    Ok(out)
}

/// As a value: a template that is exactly one `{{path}}` keeps the type of what it finds, any other makes text.
pub fn render_value(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<Value, RenderError> {
    match only_piece(program)? {
        Some(Piece::Path(path)) => view.lookup(&path).to_value(budget),
        _ => render(program, view, budget).map(Value::Text),
    }
}

/// As [`render_value`], where a template that is exactly one expression keeps its type too.
pub fn render_typed(program: &[u8], view: View<'_>, budget: &mut Budget) -> Result<Value, RenderError> {
    match only_piece(program)? {
        Some(Piece::Value(value)) => expr::value(&value, &mut Scene { view, budget: &mut *budget })?.to_value(budget),
        _ => render_value(program, view, budget),
    }
}

fn only_piece(program: &[u8]) -> Result<Option<Piece<'_>>, RenderError> {
    if program.is_empty() {
        return Ok(None);
    }
    let mut decoder = Decoder::new(program);
    let first = decoder.decode()?;
    Ok((decoder.position() == program.len()).then_some(first))
}

/// What expressions in a template read and call.
struct Scene<'v, 'b> {
    view: View<'v>,
    budget: &'b mut Budget,
}

impl<'a, 'v: 'a> Source<'a> for Scene<'v, '_> {
    fn lookup(&self, path: &str) -> Datum<'a> {
        self.view.lookup(path)
    }

    fn call(&mut self, helper: Helper, arguments: &[Datum<'a>]) -> Result<Datum<'a>, RenderError> {
        let text = helpers::call(helper, arguments, self.view.data, self.budget)?;
        self.budget.take(text.len())?;
        Ok(Datum::Text(Cow::Owned(text)))
    }
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
            Piece::Value(value) => {
                expr::value(&value, &mut Scene { view, budget: &mut *budget })?.write(out, budget)?;
            }
            Piece::If { condition, then, otherwise } => {
                let holds = expr::truth(&condition, &mut Scene { view, budget: &mut *budget })?;
                pieces(if holds { &then } else { &otherwise }, view, out, budget, left)?;
            }
            Piece::Block { kind, subject, body, otherwise } => {
                let subject = expr::value(&subject, &mut Scene { view, budget: &mut *budget })?;
                if !block(kind, &subject, &body, view, out, budget, left)? {
                    pieces(&otherwise, view, out, budget, left)?;
                }
            }
        }
    }
    Ok(())
}

/// False when the subject has nothing to show.
fn block(
    kind: BlockKind,
    subject: &Datum<'_>,
    body: &[u8],
    view: View<'_>,
    out: &mut String,
    budget: &mut Budget,
    depth: usize,
) -> Result<bool, RenderError> {
    let is_list = matches!(subject, Datum::List(_) | Datum::Attachments(_));
    if kind == BlockKind::Each || (kind == BlockKind::Section && is_list) {
        return each(subject, body, view, out, budget, depth);
    }
    if !subject.truthy() {
        return Ok(false);
    }
    let locals = Locals::of(subject.clone(), view.locals);
    // Mustache's `{{#flag}}` shows its body about whatever is around it.
    let view = if matches!(subject, Datum::Bool(_)) && kind == BlockKind::Section {
        view
    } else {
        View { data: view.data, locals: Some(&locals) }
    };
    pieces(body, view, out, budget, depth)?;
    Ok(true)
}

/// Over the items of a list, or the values of a map in the order of its keys. Anything else has no items.
fn each(
    list: &Datum<'_>,
    body: &[u8],
    view: View<'_>,
    out: &mut String,
    budget: &mut Budget,
    depth: usize,
) -> Result<bool, RenderError> {
    let mut turn = |this: Datum<'_>, index: usize, last: bool, key: Option<&str>| {
        budget.iterate()?;
        let turn = Some(Iteration { index, last, key });
        let locals = Locals { this, turn, outer: view.locals };
        pieces(body, View { data: view.data, locals: Some(&locals) }, out, budget, depth)
    };
    if let Datum::Map(map) = list {
        for (index, (key, value)) in map.iter().enumerate() {
            turn(Datum::of(value), index, index + 1 == map.len(), Some(key))?;
        }
        return Ok(!map.is_empty());
    }
    let mut index = 0;
    while let Some(item) = list.item(index) {
        turn(item, index, list.item(index + 1).is_none(), None)?;
        index += 1;
    }
    Ok(index > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{template, template_with};
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
            ("{{#each map}}{{@key}}={{this}}{{#unless @last}},{{/unless}}{{/each}}{{#each n}}x{{/each}}", "k=1,l=2"),
            ("{{#each list}}{{#if @first}}<{{/if}}{{this}}{{/each}}>", "<ab>"),
            ("{{#each empty}}x{{else}}none{{/each}}{{#each missing}}x{{else}}none{{/each}}", "nonenone"),
            ("{{#each people}}{{#each tags}}{{../name}}{{this}}{{@root.n}}{{/each}}{{/each}}", "Annx3Anny3"),
            ("{{#with map}}{{k}}{{./l}}{{../n}}{{name}}{{/with}}{{#with missing}}x{{else}}no{{/with}}", "123Zoëno"),
            ("{{#people}}{{name}} {{/people}}{{#map}}{{k}}{{/map}}{{#ok}}!{{/ok}}{{^no}}?{{/no}}", "Ann Bob 1!?"),
            ("{{#if no}}1{{else if n}}2{{else}}3{{/if}}", "2"),
            ("{{#if (eq n 3)}}{{#if (and ok (gt n 2))}}yes{{/if}}{{/if}}", "yes"),
            ("{{default missing 'x'}}{{default n 4}}{{eq n 3}}{{(default no 1)}}", "x3truefalse"),
            ("{{uppercase (truncate name 2)}}{{truncate text=name length=1}}", "Z……"),
            ("{{json list}}{{json name}}{{json missing}}", "[\"a\",\"b\"]\"Zoë\"null"),
            ("{{this.name}}{{./n}}{{&name}}{{list.[0]}}{{map/k}}", "Zoë3Zoëa1"),
            ("a {{~name~}} b{{! x ~}}  c", "aZoëbc"),
            ("{{t 'greeting'}}{{i18n:bye}}", "greetingbye"),
            (r"\\\{{name}}", r"\\Zoë"),
            ("{{truncate 'a}}bc' 4}}", "a}}…"),
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
    fn partials_stand_where_they_are_asked_for() {
        let partials = |name: &str| match name {
            "line" => Some("- {{this}}\n- {{@index}}\n".to_owned()),
            "person" => Some("{{name}}".to_owned()),
            _ => None,
        };
        let shown = |text: &str| {
            let template = template_with(text, &partials).unwrap();
            render(&template.program, View::of(&data()), &mut Budget::default()).unwrap()
        };
        assert_eq!(shown("{{#each list}}\n  {{> line}}\n{{/each}}\n"), "  - a\n  - 0\n  - b\n  - 1\n");
        assert_eq!(shown("{{> person}} {{> person people.[1]}}{{> person missing}}."), "Zoë Bob.");
        assert_eq!(shown("{{#each people}}{{> 'person' this}}{{/each}}"), "AnnBob");
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
        assert_eq!(value("{{default n 1}}"), Value::Text("3".into()));
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
