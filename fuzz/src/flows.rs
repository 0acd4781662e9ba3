//! Flows made of bytes: each byte is one choice, and bytes that ran out choose the first, so every input is some flow and
//! a changed byte is a changed flow. Nearly all of them compile.

use serde_json::{Map, Value as Json, json};

const PATHS: &[&str] = &[
    "message",
    "prev",
    "state.a",
    "state.a.b",
    "flow.v",
    "node.n1",
    "node.n2.a",
    "config.a",
    "entry.user_name",
    "error.code",
    "prev.a[0]",
    "out",
    "input.a",
    "user_id",
    "response.action",
    "http_response.body",
    "script_result",
    "llm_response",
];
const LITERALS: &[&str] = &["null", "true", "0", "-1", "2.5", "'a'", "''", "9223372036854775807", "'1'"];
const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "contains", "and", "or"];
const WORDS: &[&str] =
    &["hi", "", "1", "yes", "track my order", "/help a", "é\u{1f600}", "a@b.c", "{{message}}", "2024-01-02"];
const SCRIPTS: &[&str] = &[
    "message",
    "let n = state.get(\"a\", 0); state.set(\"a\", [n]); n",
    "#{ a: input, b: [1, 2.5, ()] }",
    "throw message",
    "let s = message; for i in 0..20 { s += s; } s",
    "random(1, 6)",
];

/// Reads choices off bytes.
pub struct Draw<'b> {
    bytes: &'b [u8],
    /// How many values may still be begun: a flow stays small whatever the bytes are.
    left: u32,
}

impl<'b> Draw<'b> {
    pub fn new(bytes: &'b [u8]) -> Draw<'b> {
        Draw { bytes, left: 400 }
    }

    pub fn rest(&self) -> &'b [u8] {
        self.bytes
    }

    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    /// One in so many.
    fn seldom(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn pick<'p>(&mut self, from: &[&'p str]) -> &'p str {
        from[self.below(from.len())]
    }

    pub fn word(&mut self) -> &'static str {
        self.pick(WORDS)
    }

    fn may_nest(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn expression(&mut self, depth: u32) -> String {
        let kinds = if depth > 0 && self.may_nest() { 4 } else { 2 };
        match self.below(kinds) {
            0 => self.pick(PATHS).to_owned(),
            1 => self.pick(LITERALS).to_owned(),
            2 => {
                let (left, operator) = (self.expression(depth - 1), self.pick(OPERATORS));
                format!("({left}) {operator} ({})", self.expression(depth - 1))
            }
            _ => format!("not ({})", self.expression(depth - 1)),
        }
    }

    fn template(&mut self, depth: u32) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            let kinds = if depth > 0 && self.may_nest() { 9 } else { 6 };
            let piece = match self.below(kinds) {
                0 => format!("{{{{{}}}}}", self.pick(PATHS)),
                1 => " x\n".to_owned(),
                2 => format!("{{{{uppercase {}}}}}", self.pick(PATHS)),
                3 => format!("{{{{truncate {} {}}}}}", self.pick(PATHS), self.byte()),
                4 => "{{t \"key\"}}".to_owned(),
                5 => format!("{{{{capitalize {}}}}}", self.pick(PATHS)),
                6 => format!("{{{{#if {}}}}}{}{{{{else}}}}no{{{{/if}}}}", self.pick(PATHS), self.template(depth - 1)),
                7 => format!("{{{{#each {}}}}}{{{{@index}}}}{{{{this}}}}{{{{/each}}}}", self.pick(PATHS)),
                _ => format!("{{{{#each {}}}}}{}{{{{/each}}}}", self.pick(PATHS), self.template(depth - 1)),
            };
            text.push_str(&piece);
        }
        text
    }

    fn data(&mut self, depth: u32) -> Json {
        let kinds = if depth > 0 && self.may_nest() { 7 } else { 5 };
        match self.below(kinds) {
            0 => self.template(1).into(),
            1 => Json::Null,
            2 => i64::from(self.byte()).into(),
            3 => json!(f64::from(self.byte()) / 8.0),
            4 => self.byte().is_multiple_of(2).into(),
            5 => (0..self.below(4)).map(|_| self.data(depth - 1)).collect(),
            _ => self.map(depth),
        }
    }

    fn map(&mut self, depth: u32) -> Json {
        let keys = ["a", "b", "text"].into_iter().take(1 + self.below(3));
        Json::Object(keys.map(|key| (key.to_owned(), self.data(depth.saturating_sub(1)))).collect())
    }

    fn node_id(&mut self, nodes: usize) -> String {
        format!("n{}", self.below(nodes))
    }

    /// A type and its config.
    fn work(&mut self, nodes: usize) -> (&'static str, Json) {
        match self.below(20) {
            0 => (
                "reply",
                json!({ "message": self.template(2), "buttons": [{ "label": self.template(1), "action": "go" }] }),
            ),
            1 => ("template", json!({ "template": self.template(3), "data": self.map(2) })),
            2 => ("state", json!({ "action": "set", "key": self.state_key(), "value": self.data(3) })),
            3 => ("state", json!({ "action": self.pick(&["get", "delete"]), "key": self.state_key() })),
            4 => ("wait", self.wait(nodes)),
            5 => ("shop.offer", json!({ "input": self.data(2) })),
            6 => ("script", json!({ "script": self.pick(SCRIPTS), "input": self.data(1) })),
            7 => ("http", self.http()),
            8 => ("llm", self.model()),
            9 => ("event", json!({ "event_type": self.pick(&["a.b", "a", "x.{{message}}"]), "payload": self.data(2) })),
            10 => ("adaptive-card", json!({ "card_json": self.card(), "data": self.map(1) })),
            11 => ("fast2flow", self.search(nodes)),
            12 => (
                "flow2flow",
                json!({ "target_flow": self.pick(&["f", "g"]), "pass_context": self.seldom(2), "input": self.map(1) }),
            ),
            13 => ("flow.call", json!({ "flow": self.pick(&["g", "f"]), "input": self.map(1) })),
            14 => ("flow.goto", json!({ "flow": self.pick(&["g", "f"]) })),
            15 => ("emit.response", json!({ "text": self.template(1) })),
            16 => ("log", json!({ "message": self.template(1), "level": "warn" })),
            17 => ("var.set", json!({ "name": self.pick(&["v", "v.a", "w"]), "value": self.data(2) })),
            18 => ("error", json!({ "code": "mine", "message": self.template(1) })),
            _ => ("questions", self.questions(nodes)),
        }
    }

    fn state_key(&mut self) -> &'static str {
        self.pick(&["a", "a.b", "a.b.c.d", "list"])
    }

    fn wait(&mut self, nodes: usize) -> Json {
        let mut config = json!({ "prompt": self.template(1), "timeout": 60_000 });
        if self.seldom(2) {
            config["on_timeout"] = self.node_id(nodes).into();
        }
        config
    }

    fn http(&mut self) -> Json {
        let url = self.pick(&["https://x.example/{{message}}", "{{message}}", "http://[::1]/?{{state.a}}"]);
        let headers = json!({ "Authorization": "Bearer secret://key", "X-A": self.template(0) });
        json!({ "url": url, "query": self.map(1), "headers": headers, "body": self.data(2) })
    }

    fn model(&mut self) -> Json {
        let tool = json!({ "name": "tool", "description": "d", "component": "shop.offer" });
        let format = self.pick(&["text", "json"]);
        json!({ "model": "m", "prompt": self.template(1), "tools": [tool], "output_format": format, "base_url": "https://m.example" })
    }

    fn card(&mut self) -> Json {
        let block = json!({ "type": "TextBlock", "text": self.template(1) });
        let bound = json!({ "type": "TextBlock", "$data": format!("${{{}}}", self.pick(&["a", "state.a", "$root.prev"])), "text": "${$index}" });
        json!({ "type": "AdaptiveCard", "version": "1.5", "body": [block, bound] })
    }

    fn search(&mut self, nodes: usize) -> Json {
        let intents = json!({
            "orders": { "patterns": ["track my order", self.word(), "parcel"], "target": self.node_id(nodes) },
            "rest": { "patterns": [".*"], "target": self.node_id(nodes) },
        });
        json!({ "intents": intents, "threshold": f64::from(self.byte()) / 255.0 })
    }

    fn questions(&mut self, nodes: usize) -> Json {
        let question =
            |id: &str, prompt: String, kind: &str| json!({ "id": id, "prompt": prompt, "answer_type": kind });
        let kind = self.pick(&["text", "integer", "boolean", "email"]);
        let first = question("a", self.template(1), kind);
        let mut second = question("b", self.template(1), "text");
        second["when"] = self.expression(1).into();
        json!({ "questions": [first, second], "timeout": 60_000, "on_timeout": self.node_id(nodes) })
    }

    /// What few nodes have, by the keys that both dialects share.
    fn extras(&mut self, node: &mut Map<String, Json>, nodes: usize) {
        let choices = self.byte();
        let mut set = |bit: u8, key: &str, value: Json| {
            if choices & bit != 0 {
                node.insert(key.to_owned(), value);
            }
        };
        set(1, "on_error", self.node_id(nodes).into());
        set(2, "output", "out".into());
        if choices & 4 != 0 {
            set(4, "retry", json!({ "max": self.below(11), "backoff_ms": 100 }));
        }
    }

    /// A flow of the list dialect, `f`.
    pub fn list(&mut self) -> String {
        let count = 1 + self.below(8);
        let nodes: Vec<Json> = (0..count)
            .map(|index| {
                let mut node = Map::new();
                node.insert("id".to_owned(), format!("n{index}").into());
                let (kind, config) = match self.below(4) {
                    0 => ("branch", self.branch(count)),
                    _ => self.work(count),
                };
                node.insert("type".to_owned(), kind.into());
                node.insert("config".to_owned(), config);
                if !self.seldom(5) {
                    node.insert("next".to_owned(), self.node_id(count).into());
                }
                if self.seldom(6) {
                    node.insert("when".to_owned(), self.expression(2).into());
                }
                self.extras(&mut node, count);
                Json::Object(node)
            })
            .collect();
        let triggers = json!([
            { "type": "message", "pattern": "(?i)^(yes|[0-9]+)$", "target": self.node_id(count) },
            { "type": "callback_query", "target": self.node_id(count) },
            { "type": "default", "target": "n0" },
        ]);
        json!({ "name": "f", "version": "1", "variables": { "v": [1, "two"] }, "triggers": triggers, "nodes": nodes })
            .to_string()
    }

    fn branch(&mut self, nodes: usize) -> Json {
        let conditions: Vec<Json> = (0..=self.below(3))
            .map(|_| json!({ "expression": self.expression(2), "next": self.node_id(nodes) }))
            .collect();
        json!({ "conditions": conditions, "default": self.node_id(nodes) })
    }

    /// A flow of the map dialect, `g`.
    pub fn map_dialect(&mut self) -> String {
        let count = 1 + self.below(6);
        let nodes: Map<String, Json> = (0..count)
            .map(|index| {
                let mut node = Map::new();
                let (kind, config) = self.work(count);
                node.insert(kind.to_owned(), config);
                if self.seldom(4) {
                    node.insert("out_map".to_owned(), self.map(2));
                }
                if self.seldom(4) {
                    node.insert("err_map".to_owned(), self.map(1));
                }
                self.extras(&mut node, count);
                node.insert("routing".to_owned(), self.routing(count));
                (format!("n{index}"), Json::Object(node))
            })
            .collect();
        json!({ "id": "g", "type": "messaging", "start": "n0", "nodes": nodes }).to_string()
    }

    fn routing(&mut self, nodes: usize) -> Json {
        let arms = (0..self.below(4)).map(|_| match self.below(5) {
            0 => json!({ "condition": self.expression(2), "to": self.node_id(nodes) }),
            1 => json!({ "status": self.pick(&["ok", "error", "skipped", "s"]), "to": self.node_id(nodes) }),
            2 => json!({ "condition": "response.action == 'go'", "to": self.node_id(nodes) }),
            3 => json!({ "on_message": true, "to": self.node_id(nodes) }),
            _ => json!({ "condition": self.expression(1), "reply": true }),
        });
        let mut arms: Vec<Json> = arms.collect();
        arms.push(if self.seldom(3) { json!({ "out": true }) } else { json!({ "to": self.node_id(nodes) }) });
        arms.into()
    }
}
