//! What the Adaptive Cards schema (up to 1.6) says of elements and actions: types, the version each came with, and the
//! members that must be there.
//!
//! A type or version that is not known here is a warning: hosts have their own, and newer ones come. What no host could
//! show is an error.

use greentic_types::nearest;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardProblem {
    /// JSON pointer to the place.
    pub pointer: String,
    pub message: String,
    pub is_error: bool,
}

/// Where an object stands, which says what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Element,
    Action,
    /// A type that is the only one at its place, and need not be said.
    Only(&'static str),
}

struct Facts {
    name: &'static str,
    place: Place,
    /// Version 1.x that it came with.
    since: u32,
    required: &'static [&'static str],
    /// Members with objects in them, alone or in a list, and what these are.
    children: &'static [(&'static str, Place)],
}

const ELEMENTS: Place = Place::Element;
const ACTIONS: Place = Place::Action;

/// Elements, actions, and the parts that they have.
static TYPES: [Facts; 31] = [
    facts("AdaptiveCard", Place::Only("AdaptiveCard"), 0, &[], &[("body", ELEMENTS), ("actions", ACTIONS), SELECT]),
    element("TextBlock", 0, &["text"], &[]),
    element("RichTextBlock", 2, &["inlines"], &[("inlines", Place::Only("TextRun"))]),
    element("Image", 0, &["url"], &[SELECT]),
    element("ImageSet", 0, &["images"], &[("images", Place::Only("Image"))]),
    element("Media", 1, &["sources"], &[("sources", Place::Only("MediaSource"))]),
    element("Container", 0, &["items"], &[("items", ELEMENTS), SELECT]),
    element("ColumnSet", 0, &[], &[("columns", Place::Only("Column")), SELECT]),
    element("FactSet", 0, &["facts"], &[("facts", Place::Only("Fact"))]),
    element("ActionSet", 2, &["actions"], &[("actions", ACTIONS)]),
    element("Table", 5, &[], &[("rows", Place::Only("TableRow")), ("columns", Place::Only("TableColumnDefinition"))]),
    element("Input.Text", 0, &["id"], &[("inlineAction", ACTIONS)]),
    element("Input.Number", 0, &["id"], &[]),
    element("Input.Date", 0, &["id"], &[]),
    element("Input.Time", 0, &["id"], &[]),
    element("Input.Toggle", 0, &["id", "title"], &[]),
    element("Input.ChoiceSet", 0, &["id"], &[("choices", Place::Only("Input.Choice"))]),
    action("Action.OpenUrl", 0, &["url"], &[]),
    action("Action.Submit", 0, &[], &[]),
    action("Action.ShowCard", 0, &["card"], &[("card", Place::Only("AdaptiveCard"))]),
    action("Action.ToggleVisibility", 2, &["targetElements"], &[]),
    action("Action.Execute", 4, &[], &[]),
    part("Column", &[], &[("items", ELEMENTS), SELECT]),
    part("TextRun", &["text"], &[SELECT]),
    part("MediaSource", &["url"], &[]),
    part("Fact", &["title", "value"], &[]),
    part("TableRow", &[], &[("cells", Place::Only("TableCell"))]),
    part("TableCell", &["items"], &[("items", ELEMENTS), SELECT]),
    part("TableColumnDefinition", &[], &[]),
    part("Input.Choice", &["title", "value"], &[]),
    part("Data.Query", &["dataset"], &[]),
];

const SELECT: (&str, Place) = ("selectAction", ACTIONS);

const fn facts(
    name: &'static str,
    place: Place,
    since: u32,
    required: &'static [&'static str],
    children: &'static [(&'static str, Place)],
) -> Facts {
    Facts { name, place, since, required, children }
}

const fn element(
    name: &'static str,
    since: u32,
    required: &'static [&'static str],
    children: &'static [(&'static str, Place)],
) -> Facts {
    facts(name, Place::Element, since, required, children)
}

const fn action(
    name: &'static str,
    since: u32,
    required: &'static [&'static str],
    children: &'static [(&'static str, Place)],
) -> Facts {
    facts(name, Place::Action, since, required, children)
}

const fn part(
    name: &'static str,
    required: &'static [&'static str],
    children: &'static [(&'static str, Place)],
) -> Facts {
    facts(name, Place::Only(name), 0, required, children)
}

/// Everything that is wrong with a card, in the order of its members.
pub fn check(card: &Json) -> Vec<CardProblem> {
    let mut checker = Checker { problems: Vec::new(), ids: BTreeSet::new(), version: None };
    let Json::Object(members) = card else {
        checker.error("", "a card is a JSON object".to_owned());
        return checker.problems;
    };
    if members.get("type").and_then(Json::as_str) != Some("AdaptiveCard") {
        checker.error("/type", "the type of a card is `AdaptiveCard`".to_owned());
        return checker.problems;
    }
    checker.version(members.get("version"));
    if !members.contains_key("body") && !members.contains_key("actions") {
        checker.warn("", "the card shows nothing: it has neither `body` nor `actions`".to_owned());
    }
    checker.object(members, Place::Only("AdaptiveCard"), "", super::MAX_DEPTH);
    checker.problems
}

struct Checker {
    problems: Vec<CardProblem>,
    /// Of inputs: what is entered comes back by them.
    ids: BTreeSet<String>,
    /// x of 1.x.
    version: Option<u32>,
}

impl Checker {
    fn error(&mut self, pointer: &str, message: String) {
        self.problems.push(CardProblem { pointer: pointer.to_owned(), message, is_error: true });
    }

    fn warn(&mut self, pointer: &str, message: String) {
        self.problems.push(CardProblem { pointer: pointer.to_owned(), message, is_error: false });
    }

    fn version(&mut self, version: Option<&Json>) {
        let Some(version) = version else {
            return self.error("/version", "a card states its `version`, as in `\"1.5\"`".to_owned());
        };
        let Some(text) = version.as_str() else {
            return self.error("/version", "`version` is a text, as in `\"1.5\"`".to_owned());
        };
        match text.strip_prefix("1.").and_then(|minor| minor.parse().ok()) {
            Some(minor) if minor <= 6 => self.version = Some(minor),
            _ => self.warn("/version", format!("version {text} is not known; versions are 1.0 to 1.6")),
        }
    }

    fn object(&mut self, members: &Map<String, Json>, place: Place, pointer: &str, depth: usize) {
        let Some(left) = depth.checked_sub(1) else {
            return self.error(pointer, format!("a card nests at most {} levels deep", super::MAX_DEPTH));
        };
        let Some(facts) = self.facts(members, place, pointer) else { return };
        if self.version.is_some_and(|version| version < facts.since) {
            let message =
                format!("`{}` needs version 1.{} and shows nothing in an older card", facts.name, facts.since);
            self.warn(pointer, message);
        }
        for required in facts.required {
            if !members.contains_key(*required) {
                self.error(pointer, format!("`{}` needs the member `{required}`", facts.name));
            }
        }
        if facts.name.starts_with("Input.") && facts.place == Place::Element {
            self.input(members, pointer);
        }
        if facts.name == "Input.ChoiceSet" && !members.contains_key("choices") && !members.contains_key("choices.data")
        {
            self.error(pointer, "`Input.ChoiceSet` needs the member `choices` or `choices.data`".to_owned());
        }
        for (name, place) in facts.children {
            if let Some(child) = members.get(*name) {
                self.children(child, *place, &format!("{pointer}/{name}"), left);
            }
        }
        if let Some(fallback @ Json::Object(_)) = members.get("fallback") {
            self.children(fallback, place, &format!("{pointer}/fallback"), left);
        }
    }

    /// What is known of the object's type. None: there is nothing more to check.
    fn facts(&mut self, members: &Map<String, Json>, place: Place, pointer: &str) -> Option<&'static Facts> {
        let named = match (members.get("type"), place) {
            (Some(Json::String(name)), _) => name.as_str(),
            (None, Place::Only(name)) => name,
            (Some(_), _) => {
                self.error(&format!("{pointer}/type"), "`type` is a text".to_owned());
                return None;
            }
            (None, _) => {
                self.error(pointer, "this has no `type`".to_owned());
                return None;
            }
        };
        // What a template decides can't be known.
        if named.contains("{{") || named.contains("${") {
            return None;
        }
        let Some(facts) = TYPES.iter().find(|facts| facts.name == named) else {
            let near = nearest(named, TYPES.iter().filter(|facts| facts.place == place).map(|facts| facts.name));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.warn(&format!("{pointer}/type"), format!("`{named}` is no type of Adaptive Cards up to 1.6{hint}"));
            return None;
        };
        if facts.place == place || place == Place::Only(facts.name) {
            return Some(facts);
        }
        let wanted = match place {
            Place::Element => "an element",
            Place::Action => "an action",
            Place::Only(name) => name,
        };
        self.error(&format!("{pointer}/type"), format!("`{named}` stands where {wanted} is expected"));
        None
    }

    fn input(&mut self, members: &Map<String, Json>, pointer: &str) {
        let Some(Json::String(id)) = members.get("id") else { return };
        let fixed = !id.contains("{{") && !id.contains("${");
        if id.is_empty() {
            self.error(&format!("{pointer}/id"), "the `id` of an input is empty".to_owned());
        } else if fixed && !self.ids.insert(id.clone()) {
            self.error(&format!("{pointer}/id"), format!("two inputs have the id `{id}`"));
        }
    }

    fn children(&mut self, child: &Json, place: Place, pointer: &str, depth: usize) {
        match child {
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    match item {
                        Json::Object(members) => self.object(members, place, &pointer, depth),
                        // A text among the runs of a rich text is one.
                        Json::String(_) if place == Place::Only("TextRun") => {}
                        _ => self.error(&pointer, "an object is expected here".to_owned()),
                    }
                }
            }
            Json::Object(members) => self.object(members, place, pointer, depth),
            // A template may give the whole list.
            Json::String(text) if text.contains("${") || text.contains("{{") => {}
            Json::Null => {}
            _ => self.error(pointer, "an object or a list of objects is expected here".to_owned()),
        }
    }
}
