//! The generated parts, each by itself in a real engine: every constant comes back, and the choice among nodes answers as
//! our host does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_compose::generated::{self, Empty};
use greentic_compose::{ComposeError, Data, FlowRecords, Language, Route};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::{Component, Instance, Linker, ResourceType, Val};
use wasmtime::{Engine, Store};

const WASI: &str = "0.2.12";

const ROUTE: &str = "greentic:edge/route@1.0.0";
const FLOW: &str = "greentic:edge/flow@1.0.0";
const SETTINGS: &str = "greentic:edge/settings@1.0.0";
const NODES: &str = "greentic:edge/nodes@1.0.0";
const SECRETS: &str = "greentic:edge/secrets@1.0.0";

/// One instance and what it lives in.
struct Guest {
    store: Store<()>,
    instance: Instance,
}

impl Guest {
    fn new(wasm: &[u8], link: impl FnOnce(&mut Linker<()>)) -> Guest {
        let engine = Engine::default();
        let component = Component::new(&engine, wasm).unwrap();
        let mut linker = Linker::new(&engine);
        link(&mut linker);
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &component).unwrap();
        Guest { store, instance }
    }

    fn call(&mut self, interface: &str, function: &str, params: &[Val]) -> Val {
        let interface = self.instance.get_export_index(&mut self.store, None, interface).unwrap();
        let function = self.instance.get_export_index(&mut self.store, Some(&interface), function).unwrap();
        let function = self.instance.get_func(&mut self.store, function).unwrap();
        let mut results = [Val::Bool(false)];
        function.call(&mut self.store, params, &mut results).unwrap();
        let [result] = results;
        result
    }

    fn node(&mut self, flow: u32, index: u32) -> Option<Vec<u8>> {
        match self.call(FLOW, "node", &[Val::U32(flow), Val::U32(index)]) {
            Val::Option(record) => record.map(|record| bytes(&record)),
            other => panic!("{other:?}"),
        }
    }

    fn entry(&mut self, name: Option<&str>) -> Option<Vec<(String, Val)>> {
        let name = Val::Option(name.map(|name| Box::new(text(name))));
        match self.call(FLOW, "entry", &[name]) {
            Val::Option(entry) => entry.map(|entry| fields(*entry)),
            other => panic!("{other:?}"),
        }
    }
}

fn text(text: &str) -> Val {
    Val::String(text.into())
}

fn optional(text: Option<&str>) -> Val {
    Val::Option(text.map(|text| Box::new(Val::String(text.into()))))
}

fn bytes(value: &Val) -> Vec<u8> {
    let Val::List(items) = value else { panic!("{value:?}") };
    items
        .iter()
        .map(|item| match item {
            Val::U8(byte) => *byte,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn fields(value: Val) -> Vec<(String, Val)> {
    match value {
        Val::Record(fields) => fields,
        other => panic!("{other:?}"),
    }
}

fn record(fields: &[(&str, Val)]) -> Val {
    Val::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

fn route() -> Route {
    Route {
        env: "prod".into(),
        tenant: "acme".into(),
        team: Some("süd".into()),
        channel: "telegram".into(),
        egress_subject: "greentic.egress.prod.acme.x.telegram".into(),
        events_subject: "greentic.events.prod.acme".into(),
        session_ttl_seconds: 1_800,
        default_locale: "de-CH".into(),
        error_message: "Something went wrong.".into(),
        nodes: 200,
        outgoing: 20,
        session_bytes: u32::MAX,
    }
}

fn data<'a>(route: &'a Route, flows: Vec<FlowRecords<'a>>, default_flow: Option<&'a str>) -> Data<'a> {
    Data {
        route,
        flow_config: b"\xa1\x61k\x01",
        provider_settings: r#"{"mode":"markdown"}"#,
        pack_version: "abc123",
        default_flow,
        flows,
        languages: Vec::new(),
    }
}

/// A clock that gives another time whenever it is asked, and counts.
fn clock(linker: &mut Linker<()>, asked: Arc<AtomicU64>) {
    let mut clock = linker.instance(&format!("wasi:clocks/wall-clock@{WASI}")).unwrap();
    let now = move |_: wasmtime::StoreContextMut<'_, ()>,
                    _: wasmtime::component::types::ComponentFunc,
                    _: &[Val],
                    results: &mut [Val]| {
        let times = asked.fetch_add(1, Ordering::Relaxed);
        results[0] = record(&[("seconds", Val::U64(1_790_000_000 + times)), ("nanoseconds", Val::U32(123_999_999))]);
        Ok(())
    };
    clock.func_new("now", now).unwrap();
}

fn data_guest(data: &Data<'_>) -> (Guest, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let wasm = generated::data(data, WASI).unwrap();
    let guest = Guest::new(&wasm, |linker| clock(linker, Arc::clone(&asked)));
    (guest, asked)
}

#[test]
fn every_field_of_a_route_comes_back_and_the_time_is_asked_for_once() {
    let route = route();
    let (mut guest, asked) = data_guest(&data(&route, Vec::new(), None));
    let tenant = record(&[("env-id", text("prod")), ("tenant-id", text("acme")), ("team-id", optional(Some("süd")))]);
    let limits = record(&[("nodes", Val::U32(200)), ("outgoing", Val::U32(20)), ("session-bytes", Val::U32(u32::MAX))]);
    let expected = record(&[
        ("tenant", tenant),
        ("channel", text("telegram")),
        ("egress-subject", text("greentic.egress.prod.acme.x.telegram")),
        ("events-subject", text("greentic.events.prod.acme")),
        ("session-ttl-seconds", Val::U32(1_800)),
        ("received-at", Val::U64(1_790_000_000_123)),
        ("default-locale", text("de-CH")),
        ("error-message", text("Something went wrong.")),
        ("limits", limits),
    ]);
    for _ in 0..3 {
        assert_eq!(guest.call(ROUTE, "current", &[]), expected);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(bytes(&guest.call(ROUTE, "config", &[])), b"\xa1\x61k\x01");
    assert_eq!(guest.call(SETTINGS, "config", &[]), text(r#"{"mode":"markdown"}"#));
}

#[test]
fn a_route_without_team_has_none() {
    let route = Route { team: None, ..route() };
    let (mut guest, _) = data_guest(&data(&route, Vec::new(), None));
    let current = fields(guest.call(ROUTE, "current", &[]));
    assert_eq!(current[0].0, "tenant");
    assert_eq!(fields(current[0].1.clone())[2], ("team-id".to_owned(), optional(None)));
}

#[test]
fn flows_are_found_by_name_and_the_default_without_one() {
    let route = route();
    let flows = vec![
        FlowRecords { name: "main", head: b"head of main", nodes: vec![b"zero", b"", b"two"] },
        FlowRecords { name: "mail", head: b"", nodes: Vec::new() },
    ];
    let (mut guest, _) = data_guest(&data(&route, flows, Some("mail")));
    let entry = |number: u32, name: &str, head: &[u8]| {
        let head = Val::List(head.iter().map(|byte| Val::U8(*byte)).collect());
        let named =
            [("flow", Val::U32(number)), ("name", text(name)), ("pack-version", text("abc123")), ("head", head)];
        Some(fields(record(&named)))
    };
    assert_eq!(guest.entry(Some("main")), entry(0, "main", b"head of main"));
    assert_eq!(guest.entry(Some("mail")), entry(1, "mail", b""));
    assert_eq!(guest.entry(None), entry(1, "mail", b""));
    for unknown in ["", "Main", "mai", "main2", &"m".repeat(300_000)] {
        assert_eq!(guest.entry(Some(unknown)), None);
    }

    assert_eq!(guest.node(0, 0).unwrap(), b"zero");
    assert_eq!(guest.node(0, 1).unwrap(), b"");
    assert_eq!(guest.node(0, 2).unwrap(), b"two");
    for (flow, index) in [(0, 3), (0, u32::MAX), (1, 0), (2, 0), (u32::MAX, 0), (0x2000_0000, 0), (0, 0x1555_5556)] {
        assert_eq!(guest.node(flow, index), None, "{flow} {index}");
    }
}

#[test]
fn without_flows_nothing_is_found() {
    let route = route();
    let (mut guest, _) = data_guest(&data(&route, Vec::new(), None));
    assert_eq!(guest.entry(None), None);
    assert_eq!(guest.entry(Some("main")), None);
    assert_eq!(guest.node(0, 0), None);
}

#[test]
fn a_default_flow_that_is_not_there_is_refused() {
    let route = route();
    let refused = generated::data(&data(&route, Vec::new(), Some("main")), WASI).unwrap_err();
    assert!(matches!(refused, ComposeError::NoSuchFlow { .. }), "{refused}");
}

#[test]
fn a_name_is_looked_up_often_without_memory_growing_past_its_limit() {
    let route = route();
    let (mut guest, _) = data_guest(&data(&route, Vec::new(), None));
    let name = "x".repeat(4 << 20);
    // More in all than the four gibibytes that a memory can hold, so each call gives back what it took.
    for _ in 0..1_100 {
        assert_eq!(guest.entry(Some(&name)), None);
    }
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let route = route();
    let make = || {
        let flows = vec![FlowRecords { name: "main", head: b"h", nodes: vec![b"n"] }];
        generated::data(&data(&route, flows, Some("main")), WASI).unwrap()
    };
    assert_eq!(make(), make());
}

proptest! {
    // Each case compiles a component.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_records_come_back(
        names in prop::collection::btree_set("\\PC{0,12}", 0..5),
        records in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6), 5),
        strings in prop::collection::vec("\\PC{0,40}", 7),
        numbers in any::<[u32; 4]>(),
    ) {
        let route = Route {
            env: strings[0].clone(),
            tenant: strings[1].clone(),
            team: (numbers[0] % 2 == 0).then(|| strings[2].clone()),
            channel: strings[3].clone(),
            egress_subject: strings[4].clone(),
            events_subject: strings[6].clone(),
            session_ttl_seconds: numbers[0],
            default_locale: strings[5].clone(),
            error_message: strings[0].clone(),
            nodes: numbers[1],
            outgoing: numbers[2],
            session_bytes: numbers[3],
        };
        let flows: Vec<FlowRecords<'_>> = names
            .iter()
            .zip(&records)
            .map(|(name, records)| FlowRecords {
                name,
                head: records.first().map(Vec::as_slice).unwrap_or_default(),
                nodes: records.iter().map(Vec::as_slice).collect(),
            })
            .collect();
        let default_flow = names.first().map(String::as_str);
        let (mut guest, _) = data_guest(&data(&route, flows, default_flow));

        let current = fields(guest.call(ROUTE, "current", &[]));
        prop_assert_eq!(&current[1].1, &text(&route.channel));
        prop_assert_eq!(&current[2].1, &text(&route.egress_subject));
        prop_assert_eq!(&current[3].1, &text(&route.events_subject));
        prop_assert_eq!(&current[4].1, &Val::U32(route.session_ttl_seconds));
        prop_assert_eq!(&fields(current[0].1.clone())[2].1, &optional(route.team.as_deref()));
        for (number, (name, records)) in (0_u32..).zip(names.iter().zip(&records)) {
            let entry = guest.entry(Some(name)).unwrap();
            prop_assert_eq!(&entry[0].1, &Val::U32(number));
            prop_assert_eq!(&entry[1].1, &text(name));
            prop_assert_eq!(&bytes(&entry[3].1), &records.first().cloned().unwrap_or_default());
            for (index, record) in (0_u32..).zip(records) {
                let found = guest.node(number, index);
                prop_assert_eq!(found.as_ref(), Some(record));
            }
            prop_assert_eq!(guest.node(number, u32::try_from(records.len()).unwrap()), None);
        }
        prop_assert_eq!(guest.entry(None).map(|entry| entry[1].1.clone()), default_flow.map(text));
    }
}

/// What is answered in each language, by its tag.
type Catalogues<'a> = [(&'a str, &'a [(&'a str, &'a str)])];

fn texts_guest(route: &Route, catalogues: &Catalogues<'_>) -> Guest {
    let languages = catalogues
        .iter()
        .map(|(tag, texts)| Language { tag: (*tag).to_owned(), texts: texts.iter().copied().collect() });
    data_guest(&Data { languages: languages.collect(), ..data(route, Vec::new(), None) }).0
}

fn texts(guest: &mut Guest, locale: &str, keys: &[&str]) -> Vec<Option<String>> {
    let keys = Val::List(keys.iter().map(|key| text(key)).collect());
    let Val::List(answers) = guest.call(ROUTE, "texts", &[text(locale), keys]) else { panic!("no list") };
    let answer = |answer: Val| match answer {
        Val::Option(None) => None,
        Val::Option(Some(found)) => match *found {
            Val::String(found) => Some(found),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    answers.into_iter().map(answer).collect()
}

#[test]
fn texts_are_found_as_our_host_finds_them() {
    let route = route();
    let catalogues: &Catalogues<'_> = &[
        ("de", &[("bye", "Tschüss"), ("hi", "Hallo"), ("only.en", "Only")]),
        ("de-ch", &[("bye", "Tschüss"), ("hi", "Grüezi"), ("only.en", "Only")]),
        ("", &[("bye", "Bye"), ("hi", "Hi"), ("only.en", "Only")]),
    ];
    let mut guest = texts_guest(&route, catalogues);
    let some = |text: &str| Some(text.to_owned());
    // Often, because what an answer took must be given back.
    for _ in 0..200 {
        for (locale, hi, bye) in [
            ("de", "Hallo", "Tschüss"),
            ("DE_ch", "Grüezi", "Tschüss"),
            ("de-CH-1996", "Grüezi", "Tschüss"),
            ("de-AT", "Hallo", "Tschüss"),
            ("fr-CH", "Hi", "Bye"),
            ("d", "Hi", "Bye"),
            ("-de", "Hi", "Bye"),
            ("", "Hi", "Bye"),
            ("de-".repeat(1_000).as_str(), "Hi", "Bye"),
        ] {
            let found = texts(&mut guest, locale, &["hi", "nowhere", "bye", "only.en", ""]);
            assert_eq!(found, [some(hi), None, some(bye), some("Only"), None], "{locale:.20}");
        }
        assert_eq!(texts(&mut guest, "de", &[]), Vec::<Option<String>>::new());
    }
    let mut without = texts_guest(&route, &[]);
    assert_eq!(texts(&mut without, "de", &["hi"]), [None]);
}

#[test]
fn only_listed_secrets_are_asked_for() {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let wasm = generated::secrets(&["api_key", "spare"]).unwrap();
    let mut guest = Guest::new(&wasm, |linker| {
        let get = move |_: wasmtime::StoreContextMut<'_, ()>,
                        _: wasmtime::component::types::ComponentFunc,
                        params: &[Val],
                        results: &mut [Val]| {
            counted.fetch_add(1, Ordering::Relaxed);
            let value = Val::List(b"value".iter().map(|byte| Val::U8(*byte)).collect());
            results[0] = Val::Option((params[0] == text("api_key")).then(|| Box::new(value)));
            Ok(())
        };
        linker.instance(SECRETS).unwrap().func_new("get", get).unwrap();
    });
    let mut get = |name: &str| match guest.call(SECRETS, "get", &[text(name)]) {
        Val::Option(value) => value.map(|value| bytes(&value)),
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        assert_eq!(get("api_key").as_deref(), Some(&b"value"[..]));
        assert_eq!(get("spare"), None);
        for foreign in ["bot_token", "api_ke", "api_keyx", "API_KEY", ""] {
            assert_eq!(get(foreign), None, "{foreign}");
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 6);
}

#[test]
fn without_a_secret_nobody_is_asked() {
    let mut guest = Guest::new(&generated::secrets(&[]).unwrap(), |_| {});
    assert_eq!(guest.call(SECRETS, "get", &[text("api_key")]), Val::Option(None));
}

type Outcome = (bool, Option<String>, Option<String>);
type Answer = Result<Option<String>, (String, String)>;

/// A dispatcher over components that say what they were given, or what is asked for in `content`.
fn dispatcher(
    names: &[&'static str],
    outcome: impl Fn(&str, &[(String, Val)]) -> Outcome + Send + Sync + 'static,
) -> Guest {
    let wasm = generated::dispatcher(names).unwrap();
    let outcome = Arc::new(outcome);
    Guest::new(&wasm, |linker| {
        for (index, name) in names.iter().enumerate() {
            let (name, outcome) = (*name, Arc::clone(&outcome));
            let node = move |_: wasmtime::StoreContextMut<'_, ()>,
                             _: wasmtime::component::types::ComponentFunc,
                             params: &[Val],
                             results: &mut [Val]| {
                let (success, data, error) = outcome(name, &fields(params[0].clone()));
                results[0] = record(&[
                    ("success", Val::Bool(success)),
                    ("data", optional(data.as_deref())),
                    ("error", optional(error.as_deref())),
                ]);
                Ok(())
            };
            linker.root().func_new(&generated::node_import(index), node).unwrap();
        }
    })
}

fn invoke(guest: &mut Guest, component: &str, operation: &str) -> Answer {
    let payload = record(&[
        ("message-id", text("m-1")),
        ("content", text("grüezi")),
        ("sender", text("u-7")),
        ("timestamp", Val::U64(u64::MAX - 1)),
    ]);
    let string = |value: Val| match value {
        Val::String(string) => string,
        other => panic!("{other:?}"),
    };
    let limit = Val::Option(Some(Box::new(Val::U32(250))));
    match guest.call(NODES, "invoke", &[text(component), text(operation), payload, limit]) {
        Val::Result(Ok(Some(data))) => match *data {
            Val::Option(data) => Ok(data.map(|data| string(*data))),
            other => panic!("{other:?}"),
        },
        Val::Result(Err(Some(error))) => match *error {
            Val::Variant(case, Some(reason)) => Err((case, string(*reason))),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn error(case: &str, reason: &str) -> Answer {
    Err((case.into(), reason.into()))
}

#[test]
fn the_named_node_gets_the_message_and_its_data_comes_back() {
    let mut guest = dispatcher(&["shout", "shoot", "a"], |name, message| {
        let expected = [
            ("id".to_owned(), text("m-1")),
            ("content".to_owned(), text("grüezi")),
            ("sender".to_owned(), text("u-7")),
            ("timestamp".to_owned(), Val::U64(u64::MAX - 1)),
        ];
        assert_eq!(message, expected);
        (true, Some(format!("{name} ran")), Some("ignored on success".into()))
    });
    for _ in 0..2 {
        for name in ["a", "shoot", "shout"] {
            for operation in ["", "execute"] {
                assert_eq!(invoke(&mut guest, name, operation), Ok(Some(format!("{name} ran"))));
            }
        }
    }
}

#[test]
fn unknown_components_and_operations_are_told_as_our_host_tells_them() {
    let mut guest = dispatcher(&["shout"], |_, _| panic!("no node is to run"));
    for name in ["", "shou", "shoutx", "Shout"] {
        let reason = format!("no component `{name}` in this pack");
        assert_eq!(invoke(&mut guest, name, "execute"), error("unknown", &reason));
    }
    for operation in ["run", "executE", "execute2"] {
        let reason = format!("component `shout` has no `{operation}`");
        assert_eq!(invoke(&mut guest, "shout", operation), error("unknown", &reason));
    }
    // A name before an operation, when both are wrong.
    assert_eq!(invoke(&mut guest, "x", "y"), error("unknown", "no component `x` in this pack"));
}

#[test]
fn a_pack_without_components_has_none() {
    let mut guest = dispatcher(&[], |_, _| panic!("there is no node"));
    assert_eq!(invoke(&mut guest, "shout", ""), error("unknown", "no component `shout` in this pack"));
}

#[test]
fn outcomes_are_translated_as_our_host_translates_them() {
    let largest = "x".repeat(262_144);
    let too_large = || Some("x".repeat(262_145));
    let cases: Vec<(Outcome, Answer)> = vec![
        ((true, None, None), Ok(None)),
        ((true, Some(String::new()), None), Ok(Some(String::new()))),
        ((true, Some(largest.clone()), None), Ok(Some(largest.clone()))),
        ((false, Some("partial".into()), Some("no stock".into())), error("failed", "no stock")),
        ((false, None, Some(String::new())), error("failed", "")),
        ((false, None, None), error("failed", "no reason given")),
        ((false, None, Some(largest.clone())), error("failed", &largest)),
        ((true, too_large(), None), error("failed", "its answer is larger than 262144 bytes")),
        ((true, None, too_large()), error("failed", "its answer is larger than 262144 bytes")),
        ((false, too_large(), Some("why".into())), error("failed", "its answer is larger than 262144 bytes")),
    ];
    // One instance for all: what an earlier answer left in memory must not show.
    let outcomes: Vec<Outcome> = cases.iter().map(|(outcome, _)| outcome.clone()).collect();
    let next = AtomicU64::new(0);
    let mut guest = dispatcher(&["node"], move |_, _| {
        let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
        outcomes[at % outcomes.len()].clone()
    });
    for round in 0..3 {
        for (index, (_, expected)) in cases.iter().enumerate() {
            assert!(invoke(&mut guest, "node", "") == *expected, "round {round}, case {index}");
        }
    }
}

#[test]
fn an_empty_environment_and_file_system_have_nothing() {
    let wasm = generated::nothing(Empty { environment: true, preopens: true }, WASI).unwrap();
    let mut guest = Guest::new(&wasm, |linker| {
        let mut types = linker.instance(&format!("wasi:filesystem/types@{WASI}")).unwrap();
        types.resource("descriptor", ResourceType::host::<()>(), |_, _| Ok(())).unwrap();
    });
    let environment = format!("wasi:cli/environment@{WASI}");
    assert_eq!(guest.call(&environment, "get-environment", &[]), Val::List(Vec::new()));
    assert_eq!(guest.call(&environment, "get-arguments", &[]), Val::List(Vec::new()));
    assert_eq!(guest.call(&environment, "initial-cwd", &[]), Val::Option(None));
    let preopens = format!("wasi:filesystem/preopens@{WASI}");
    assert_eq!(guest.call(&preopens, "get-directories", &[]), Val::List(Vec::new()));
}

#[test]
fn an_empty_environment_alone_imports_nothing() {
    let wasm = generated::nothing(Empty { environment: true, preopens: false }, "0.2.6").unwrap();
    let mut guest = Guest::new(&wasm, |_| {});
    assert_eq!(guest.call("wasi:cli/environment@0.2.6", "get-environment", &[]), Val::List(Vec::new()));
}
