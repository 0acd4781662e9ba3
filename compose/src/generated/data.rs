//! What our host tells a route's edge and provider, baked in: nothing in a request or in the environment can choose
//! another tenant, flow or setting. Every answer is a constant; only the time is asked for.

use super::abi::{Image, Text, Value};
use super::component;
use super::module::{Import, Module, constant, double_word, if_text_is, word};
use super::texts::Languages;
use crate::{ComposeError, Data, Route};
use wasm_encoder::{BlockType, InstructionSink, ValType};

/// Offset of `received-at` in `route.route`.
const RECEIVED_AT: u64 = 56;

/// Size of `option<list<u8>>`: what one entry of a flow's node table takes.
const NODE_BYTES: u32 = 12;

/// log2 of the size of an entry of the table of flows: number of nodes, address of the node table.
const FLOW_BITS: i32 = 3;

/// The component. `wasi` is the WASI version of the parts that it is linked with.
pub fn data(data: &Data<'_>, wasi: &str) -> Result<Vec<u8>, ComposeError> {
    let mut image = Image::default();
    let settings = text_value(&mut image, data.provider_settings);
    let settings = image.value(&settings);
    let constants = Constants::place(&mut image, data)?;
    let languages = Languages::place(&mut image, &data.languages);
    let mut module = Module::new(&[Import {
        module: format!("wasi:clocks/wall-clock@{wasi}"),
        name: "now".into(),
        params: vec![ValType::I32],
    }]);
    let now = 0;
    module.export_constant("greentic:edge/settings@1.0.0#config", settings);
    module.export_constant("greentic:edge/route@1.0.0#config", constants.flow_config);
    let current = module.function(&[], &[ValType::I32], &[], |code| constants.current(code, now));
    module.export("greentic:edge/route@1.0.0#current", current);
    let node = module.function(&[ValType::I32; 2], &[ValType::I32], &[ValType::I32], |code| constants.node(code));
    module.export("greentic:edge/flow@1.0.0#node", node);
    let allocator = module.allocator(image.end());
    let comparison = module.comparison();
    let entry = module.function(&[ValType::I32; 3], &[ValType::I32], &[], |code| constants.entry(code, comparison));
    module.export("greentic:edge/flow@1.0.0#entry", entry);
    module.export("cabi_post_greentic:edge/flow@1.0.0#entry", allocator.release);
    let texts = languages.function(&mut module, &allocator, comparison);
    module.export("greentic:edge/route@1.0.0#texts", texts);
    module.export("cabi_post_greentic:edge/route@1.0.0#texts", allocator.release);
    component("data", &[wall_clock(wasi)], &world(wasi), module.finish(&image)?)
}

fn wall_clock(version: &str) -> String {
    format!(
        "package wasi:clocks@{version};
interface wall-clock {{
    record datetime {{ seconds: u64, nanoseconds: u32 }}
    now: func() -> datetime;
}}
"
    )
}

fn world(wasi: &str) -> String {
    format!(
        "package greentic:composed;
world data {{
    import wasi:clocks/wall-clock@{wasi};
    export greentic:edge/route@1.0.0;
    export greentic:edge/flow@1.0.0;
    export greentic:edge/settings@1.0.0;
}}
"
    )
}

/// Addresses of what the functions answer with.
struct Constants {
    route: u32,
    flow_config: u32,
    /// Where `wall-clock.now` writes.
    clock: u32,
    /// Name and `some(flow-entry)` of each flow.
    entries: Vec<(Text, u32)>,
    default_entry: u32,
    flows: u32,
    flow_count: u32,
    /// `none`, of any option no larger than `option<flow-entry>`.
    none: u32,
}

impl Constants {
    fn place(image: &mut Image, data: &Data<'_>) -> Result<Constants, ComposeError> {
        let route = route_value(image, data.route);
        let route = image.value(&route);
        let flow_config = text_value(image, data.flow_config);
        let flow_config = image.value(&flow_config);
        let clock = image.value(&Value::Record(vec![Value::U64(0), Value::U32(0)]));
        let pack_version = image.text(data.pack_version);

        let (mut entries, mut table, mut flow_count) = (Vec::new(), Vec::new(), 0_u32);
        for flow in &data.flows {
            let name = image.text(flow.name);
            let head = image.text(flow.head);
            let entry = entry_value(flow_count, name, pack_version, head);
            entries.push((name, image.value(&Value::some(entry))));

            let mut nodes = Vec::new();
            let mut count = 0_u32;
            for record in &flow.nodes {
                nodes.extend(Value::some(text_value(image, record)).encode());
                count += 1;
            }
            let row = Value::Record(vec![Value::U32(count), Value::U32(image.put(&nodes, 4))]);
            table.extend(row.encode());
            flow_count += 1;
        }
        let unknown = Text { address: 0, length: 0 };
        let none = image.value(&Value::None(Box::new(entry_value(0, unknown, unknown, unknown))));
        let default_entry = match data.default_flow {
            None => none,
            Some(wanted) => {
                let of_name = data.flows.iter().zip(&entries).find(|(flow, _)| flow.name == wanted);
                let (_, (_, entry)) = of_name.ok_or_else(|| ComposeError::NoSuchFlow { name: wanted.to_owned() })?;
                *entry
            }
        };
        let flows = image.put(&table, 4);
        Ok(Constants { route, flow_config, clock, entries, default_entry, flows, flow_count, none })
    }

    /// The time is asked for once: a turn has one clock.
    fn current(&self, code: &mut InstructionSink<'_>, now: u32) {
        constant(code, self.route);
        code.i64_load(double_word(RECEIVED_AT)).i64_eqz().if_(BlockType::Empty);
        constant(code, self.clock);
        code.call(now);
        constant(code, self.route);
        constant(code, self.clock);
        code.i64_load(double_word(0)).i64_const(1000).i64_mul();
        constant(code, self.clock);
        code.i64_load32_u(word(8)).i64_const(1_000_000).i64_div_u().i64_add();
        code.i64_store(double_word(RECEIVED_AT)).end();
        constant(code, self.route);
    }

    /// `(tag, address, length)` of the name: `none` is the default flow.
    fn entry(&self, code: &mut InstructionSink<'_>, comparison: u32) {
        let (tag, address, length) = (0, 1, 2);
        code.local_get(tag).i32_eqz().if_(BlockType::Empty);
        constant(code, self.default_entry);
        code.return_().end();
        for (name, entry) in &self.entries {
            if_text_is(code, comparison, (address, length), *name, |code| {
                constant(code, *entry);
                code.return_();
            });
        }
        constant(code, self.none);
    }

    fn node(&self, code: &mut InstructionSink<'_>) {
        let (flow, index, row) = (0, 1, 2);
        code.local_get(flow);
        constant(code, self.flow_count);
        code.i32_ge_u().if_(BlockType::Empty);
        constant(code, self.none);
        code.return_().end();

        constant(code, self.flows);
        code.local_get(flow).i32_const(FLOW_BITS).i32_shl().i32_add().local_set(row);
        code.local_get(index).local_get(row).i32_load(word(0)).i32_ge_u().if_(BlockType::Empty);
        constant(code, self.none);
        code.return_().end();

        code.local_get(row).i32_load(word(4)).local_get(index);
        constant(code, NODE_BYTES);
        code.i32_mul().i32_add();
    }
}

fn text_value(image: &mut Image, bytes: impl AsRef<[u8]>) -> Value {
    Value::Text(image.text(bytes))
}

fn route_value(image: &mut Image, route: &Route) -> Value {
    let team = match &route.team {
        Some(team) => Value::some(text_value(image, team)),
        None => Value::None(Box::new(text_value(image, ""))),
    };
    let tenant = Value::Record(vec![text_value(image, &route.env), text_value(image, &route.tenant), team]);
    Value::Record(vec![
        tenant,
        text_value(image, &route.channel),
        text_value(image, &route.egress_subject),
        text_value(image, &route.events_subject),
        Value::U32(route.session_ttl_seconds),
        Value::U64(0),
        text_value(image, &route.default_locale),
        text_value(image, &route.error_message),
        Value::Record(vec![Value::U32(route.nodes), Value::U32(route.outgoing), Value::U32(route.session_bytes)]),
    ])
}

fn entry_value(flow: u32, name: Text, pack_version: Text, head: Text) -> Value {
    Value::Record(vec![Value::U32(flow), Value::Text(name), Value::Text(pack_version), Value::Text(head)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::contract;
    use wit_parser::{SizeAlign, Type, TypeDefKind};

    /// Offsets of a record's fields and its size, as the contract's own text has them.
    fn layout(interface: &str, record: &str) -> (Vec<(String, usize)>, usize) {
        let resolve = contract(&[wall_clock("0.2.0")]).unwrap();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let (_, interface) =
            resolve.interfaces.iter().find(|(_, known)| known.name.as_deref() == Some(interface)).unwrap();
        let id = interface.types[record];
        let TypeDefKind::Record(fields) = &resolve.types[id].kind else { panic!("no record") };
        let offsets = sizes.field_offsets(fields.fields.iter().map(|field| &field.ty));
        let names = fields.fields.iter().map(|field| field.name.clone());
        let offsets = names.zip(offsets.iter().map(|(offset, _)| offset.size_wasm32())).collect();
        (offsets, sizes.size(&Type::Id(id)).size_wasm32())
    }

    #[test]
    fn a_route_is_laid_out_as_the_contract_says() {
        let (fields, size) = layout("route", "route");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "tenant",
                "channel",
                "egress-subject",
                "events-subject",
                "session-ttl-seconds",
                "received-at",
                "default-locale",
                "error-message",
                "limits"
            ]
        );
        let received_at = fields.iter().find(|(name, _)| name == "received-at").unwrap().1;
        assert_eq!(u64::try_from(received_at).unwrap(), RECEIVED_AT);
        let route = route_value(&mut Image::default(), &Route::default());
        assert_eq!(route.encode().len(), size);
    }

    #[test]
    fn an_entry_is_laid_out_as_the_contract_says() {
        let (fields, size) = layout("flow", "flow-entry");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["flow", "name", "pack-version", "head"]);
        let text = Text { address: 0, length: 0 };
        assert_eq!(entry_value(0, text, text, text).encode().len(), size);
    }

    #[test]
    fn a_time_is_laid_out_as_wasi_says() {
        let (fields, size) = layout("wall-clock", "datetime");
        assert_eq!(fields, [("seconds".to_owned(), 0), ("nanoseconds".to_owned(), 8)]);
        assert_eq!(Value::Record(vec![Value::U64(0), Value::U32(0)]).encode().len(), size);
    }

    #[test]
    fn tables_are_indexed_by_the_sizes_of_their_entries() {
        let node = Value::some(Value::Text(Text { address: 0, length: 0 }));
        assert_eq!(node.encode().len(), usize::try_from(NODE_BYTES).unwrap());
        assert_eq!(Value::Record(vec![Value::U32(0), Value::U32(0)]).encode().len(), 1 << FLOW_BITS);
    }
}
