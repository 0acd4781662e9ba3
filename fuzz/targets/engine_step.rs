//! Any bytes as the records of a flow: the engine ends the turn within its node limit.
#![no_main]

use greentic_flow::engine::{Answer, Effect, EntryRef, Inputs, Limits, Turn};
use greentic_types::{Message, MessageKind, TenantCtx};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, Vec<Vec<u8>>, String)| {
    let (head, nodes, text) = input;
    let message = Message {
        delivery_id: "1".into(),
        kind: MessageKind::Message,
        conversation: "c".into(),
        thread: None,
        user: "u".into(),
        user_name: None,
        message_id: None,
        text,
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: None,
        timestamp: 0,
        starts_turn: true,
        reply_context: None,
        acknowledgement: None,
    };
    let tenant = TenantCtx { env_id: "dev".into(), tenant_id: "t".into(), team_id: None };
    let mut turn = Turn::new(Inputs {
        message: &message,
        tenant: &tenant,
        channel: "c",
        record: None,
        now_ms: 0,
        error_message: "",
        limits: Limits { nodes: 100, outgoing: 32 },
        default_locale: "en",
    });
    let mut effect = turn.step(Answer::Start);
    for _ in 0..1_000 {
        effect = match effect {
            Effect::Entry { .. } => {
                turn.step(Answer::Entry(Some(EntryRef { flow: 0, name: "f", pack_version: "v", head: &head })))
            }
            Effect::Node { index, .. } => turn.step(Answer::Node(nodes.get(index as usize).map(Vec::as_slice))),
            Effect::Config => turn.step(Answer::Config(&[0xa0])),
            Effect::Invoke { .. } => turn.step(Answer::Invoked(Ok(None))),
            Effect::Done(_) => return,
        };
    }
    unreachable!("the turn did not end");
});
