//! Every kind of update that PROTOCOLS.md §3.3 names, as far as we read it.

use super::{assert_ignored, message};
use greentic_types::{Action, MessageKind};
use serde_json::{Value, json};

/// Official test update (core.telegram.org/bots/webhooks).
const PLAIN_TEXT: &str = r#"{"update_id":10002,"message":{"date":1441645532,"chat":{"last_name":"Test Lastname","id":1111111,"type":"private","first_name":"Test Firstname","username":"Testusername"},"message_id":1365,"from":{"last_name":"Test Lastname","id":1111111,"is_bot":false,"first_name":"Test Firstname","username":"Testusername"},"text":"hello"}}"#;

const CALLBACK_QUERY: &str = r#"{"update_id":10010,"callback_query":{"id":"4382bfdwdsb323b2d9","from":{"last_name":"Test Lastname","id":1111111,"is_bot":false,"first_name":"Test Firstname","username":"Testusername"},"message":{"message_id":1364,"from":{"id":133505823,"is_bot":true,"first_name":"Test Bot","username":"TestBot"},"chat":{"last_name":"Test Lastname","id":1111111,"type":"private","first_name":"Test Firstname","username":"Testusername"},"date":1441645530,"text":"Pick one","reply_markup":{"inline_keyboard":[[{"text":"Red","callback_data":"color:red"}]]}},"chat_instance":"-3887392139","data":"color:red"}}"#;

/// A message in a supergroup with these members beside its frame.
fn in_group(members: Value) -> String {
    update("message", members)
}

fn update(kind: &str, members: Value) -> String {
    let mut message = json!({
        "message_id": 77,
        "date": 1_700_000_000,
        "chat": { "id": -1_001_234_567_890_123_i64, "type": "supergroup", "title": "Team" },
        "from": { "id": 5, "first_name": "Ann", "language_code": "de" },
    });
    message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "update_id": 1, kind: message }).to_string()
}

#[test]
fn plain_text() {
    let message = message(PLAIN_TEXT);
    assert_eq!(message.delivery_id, "10002");
    assert_eq!(message.kind, MessageKind::Message);
    assert_eq!((message.conversation.as_str(), message.user.as_str()), ("1111111", "1111111"));
    assert_eq!(message.user_name.as_deref(), Some("Test Firstname Test Lastname"));
    assert_eq!(message.message_id.as_deref(), Some("1365"));
    assert_eq!((message.text.as_str(), message.timestamp), ("hello", 1_441_645_532_000));
    assert!(message.starts_turn);
    assert_eq!((message.thread, message.reply_context, message.acknowledgement), (None, None, None));
}

#[test]
fn a_button_press_is_the_clicking_users_and_must_be_answered() {
    let message = message(CALLBACK_QUERY);
    assert_eq!((message.delivery_id.as_str(), message.kind), ("10010", MessageKind::Interaction));
    assert_eq!(message.action, Some(Action { id: "4382bfdwdsb323b2d9".into(), value: "color:red".into() }));
    assert_eq!((message.user.as_str(), message.conversation.as_str()), ("1111111", "1111111"));
    assert_eq!((message.message_id.as_deref(), message.text.as_str()), (Some("1364"), "color:red"));
    let acknowledgement: Value = serde_json::from_str(&message.acknowledgement.unwrap()).unwrap();
    assert_eq!(acknowledgement, json!({ "callback_query_id": "4382bfdwdsb323b2d9" }));
    assert!(message.starts_turn);
}

#[test]
fn a_press_without_its_message_or_data_is_still_answered() {
    let inline = r#"{"update_id":1,"callback_query":{"id":"9","from":{"id":5},"inline_message_id":"x","data":"go"}}"#;
    let pressed = message(inline);
    assert_eq!((pressed.conversation.as_str(), pressed.message_id, pressed.starts_turn), ("5", None, true));

    let old = r#"{"update_id":1,"callback_query":{"id":"9","from":{"id":5},"message":{"chat":{"id":-7,"type":"group"},"message_id":3,"date":0},"data":"go"}}"#;
    let pressed = message(old);
    assert_eq!((pressed.conversation.as_str(), pressed.message_id.as_deref()), ("-7", Some("3")));

    let game = r#"{"update_id":1,"callback_query":{"id":"9","from":{"id":5},"game_short_name":"chess"}}"#;
    let pressed = message(game);
    assert!(!pressed.starts_turn && pressed.acknowledgement.is_some());
}

#[test]
fn names_locale_and_64_bit_ids_come_whole() {
    let message = message(&in_group(json!({ "text": "a 😀 \"b\"" })));
    assert_eq!(message.conversation, "-1001234567890123");
    assert_eq!((message.user_name.as_deref(), message.locale.as_deref()), (Some("Ann"), Some("de")));
    assert_eq!(message.text, "a 😀 \"b\"");
}

#[test]
fn a_topic_is_a_thread_and_a_plain_reply_is_none() {
    let topic = message(&in_group(json!({ "text": "a", "message_thread_id": 42, "is_topic_message": true })));
    assert_eq!(topic.thread.as_deref(), Some("42"));
    let context: Value = serde_json::from_str(&topic.reply_context.unwrap()).unwrap();
    assert_eq!(context, json!({ "message_id": 77 }));
    let reply = message(&in_group(json!({ "text": "a", "message_thread_id": 42 })));
    assert_eq!((reply.thread, reply.reply_context), (None, None));
}

#[test]
fn commands_and_deep_links() {
    let start = message(&in_group(json!({ "text": "/Start@testbot promo-1" })));
    assert_eq!((start.kind, start.command.as_deref()), (MessageKind::Command, Some("/start")));
    assert_eq!(start.text, "promo-1");
    let marked = json!({ "text": "/help", "entities": [{ "type": "bot_command", "offset": 0, "length": 5 }] });
    assert_eq!(message(&in_group(marked)).command.as_deref(), Some("/help"));
    let code = json!({ "text": "/help", "entities": [{ "type": "code", "offset": 0, "length": 5 }] });
    assert_eq!(message(&in_group(code)).kind, MessageKind::Message);
}

#[test]
fn a_command_for_another_bot_is_dropped_in_groups_only() {
    assert_ignored(&in_group(json!({ "text": "/start@OtherBot" })));
    let private = in_group(json!({ "text": "/start@OtherBot", "chat": { "id": 5, "type": "private" } }));
    assert_eq!(message(&private).command.as_deref(), Some("/start"));
}

#[test]
fn files_by_kind() {
    let file = json!({ "file_id": "F", "file_size": 9, "mime_type": "a/b", "file_name": "n" });
    for (member, kind) in [
        ("document", "file"),
        ("voice", "audio"),
        ("audio", "audio"),
        ("video", "video"),
        ("video_note", "video"),
        ("animation", "video"),
        ("sticker", "sticker"),
    ] {
        let message = message(&in_group(json!({ member: file, "caption": "see" })));
        let [attachment] = message.attachments.as_slice() else { panic!("{member}") };
        assert_eq!((attachment.kind.as_str(), attachment.reference.as_str()), (kind, "F"), "{member}");
        assert_eq!((attachment.size, attachment.mime_type.as_deref()), (Some(9), Some("a/b")));
        assert_eq!((message.text.as_str(), message.starts_turn), ("see", true));
    }
}

#[test]
fn one_picture_in_many_sizes_is_the_largest_and_an_animation_is_no_second_document() {
    let photo = message(&in_group(json!({ "photo": [{ "file_id": "S" }, { "file_id": "L", "file_size": 100 }] })));
    let references: Vec<&str> = photo.attachments.iter().map(|a| a.reference.as_str()).collect();
    assert_eq!((references, photo.kind), (vec!["L"], MessageKind::Message));
    let animation = json!({ "animation": { "file_id": "A" }, "document": { "file_id": "A" } });
    assert_eq!(message(&in_group(animation)).attachments.len(), 1);
}

#[test]
fn places_contacts_polls_and_dice() {
    let place = json!({ "latitude": 52.5, "longitude": -13.25 });
    let reference = |members: Value| {
        let message = message(&in_group(members));
        let [attachment] = message.attachments.as_slice() else { panic!("{:?}", message.attachments) };
        (attachment.kind.clone(), attachment.name.clone(), attachment.reference.clone())
    };
    let expect = |kind: &str, name: Option<&str>, reference: &str| {
        (kind.to_owned(), name.map(str::to_owned), reference.to_owned())
    };
    assert_eq!(reference(json!({ "location": place })), expect("location", None, "geo:52.5,-13.25"));
    let venue = json!({ "location": place, "venue": { "location": place, "title": "Bar", "address": "1" } });
    assert_eq!(reference(venue), expect("location", Some("Bar"), "geo:52.5,-13.25"));
    let contact = json!({ "contact": { "phone_number": "+491", "first_name": "Bo" } });
    assert_eq!(reference(contact), expect("contact", Some("Bo"), "tel:+491"));
    let poll = json!({ "poll": { "id": "p", "question": "Why?", "options": [] } });
    assert_eq!(reference(poll), expect("poll", Some("Why?"), "p"));
    assert_eq!(reference(json!({ "dice": { "emoji": "🎲", "value": 6 } })), expect("dice", Some("🎲"), "6"));
}

#[test]
fn service_messages_start_no_turn() {
    for members in
        [json!({ "pinned_message": {} }), json!({ "migrate_to_chat_id": -1001 }), json!({ "new_chat_title": "x" })]
    {
        let message = message(&in_group(members));
        assert_eq!((message.kind, message.starts_turn), (MessageKind::Event, false));
    }
    let joined = message(&in_group(
        json!({ "new_chat_members": [{ "id": 1, "is_bot": true }, { "id": 8, "first_name": "Bo" }] }),
    ));
    assert_eq!((joined.kind, joined.user.as_str(), joined.starts_turn), (MessageKind::Joined, "8", false));
    let left = message(&in_group(json!({ "left_chat_member": { "id": 8 } })));
    assert_eq!((left.kind, left.user.as_str(), left.starts_turn), (MessageKind::Left, "8", false));
    assert_ignored(&in_group(json!({ "left_chat_member": { "id": 8, "is_bot": true } })));
}

#[test]
fn edits_and_channel_posts_start_no_turn() {
    for kind in ["edited_message", "edited_channel_post"] {
        let edited = message(&update(kind, json!({ "text": "/start", "edit_date": 1_700_000_001 })));
        assert_eq!((edited.kind, edited.text.as_str(), edited.starts_turn), (MessageKind::Edited, "/start", false));
    }
    let post = message(&update(
        "channel_post",
        json!({ "text": "news", "from": null, "sender_chat": { "id": -1002, "title": "News" } }),
    ));
    assert_eq!((post.kind, post.user.as_str(), post.starts_turn), (MessageKind::Message, "-1002", false));
    assert_eq!(post.user_name.as_deref(), Some("News"));
}

#[test]
fn bots_are_not_listened_to() {
    for kind in ["message", "edited_message", "channel_post"] {
        assert_ignored(&update(kind, json!({ "text": "a", "from": { "id": 9, "is_bot": true } })));
    }
    assert_ignored(&in_group(json!({ "text": "a", "via_bot": { "id": 9, "is_bot": true, "username": "testbot" } })));
    let other = in_group(json!({ "text": "a", "via_bot": { "id": 9, "is_bot": true, "username": "gif" } }));
    assert!(message(&other).starts_turn);
}

#[test]
fn reactions_tell_the_difference() {
    let reaction = json!({ "update_id": 1, "message_reaction": {
        "chat": { "id": 5, "type": "private" }, "message_id": 3, "date": 2, "user": { "id": 5 },
        "old_reaction": [{ "type": "emoji", "emoji": "👍" }, { "type": "paid" }],
        "new_reaction": [{ "type": "custom_emoji", "custom_emoji_id": "77" }, { "type": "paid" }],
    }});
    let message_ = message(&reaction.to_string());
    assert_eq!((message_.kind, message_.text.as_str()), (MessageKind::Reaction, "+77 -👍"));
    assert_eq!((message_.message_id.as_deref(), message_.timestamp, message_.starts_turn), (Some("3"), 2000, false));

    let anonymous = r#"{"update_id":1,"message_reaction":{"chat":{"id":-1},"actor_chat":{"id":-2},"new_reaction":[]}}"#;
    assert_eq!(message(anonymous).user, "-2");
    assert_ignored(r#"{"update_id":1,"message_reaction":{"chat":{"id":-1},"user":{"id":2,"is_bot":true}}}"#);
}

#[test]
fn membership_of_the_bot() {
    let change = |old: Value, new: Value| {
        let update = json!({ "update_id": 1, "my_chat_member": {
            "chat": { "id": 5 }, "from": { "id": 5 }, "date": 1, "old_chat_member": old, "new_chat_member": new,
        }});
        let message = message(&update.to_string());
        assert!(!message.starts_turn);
        message.kind
    };
    let status = |status: &str| json!({ "status": status });
    assert_eq!(change(status("member"), status("kicked")), MessageKind::Left);
    assert_eq!(change(status("left"), status("administrator")), MessageKind::Joined);
    assert_eq!(change(Value::Null, status("member")), MessageKind::Joined);
    assert_eq!(change(status("member"), status("administrator")), MessageKind::Event);
    assert_eq!(change(status("member"), json!({ "status": "restricted", "is_member": false })), MessageKind::Left);
}

#[test]
fn other_kinds_are_accepted_and_ignored() {
    for kind in ["chat_member", "inline_query", "pre_checkout_query", "poll_answer", "business_message", "from_2030"] {
        assert_ignored(&json!({ "update_id": 1, kind: { "id": "1", "from": { "id": 5 } } }).to_string());
    }
    assert_ignored(r#"{"update_id":1}"#);
}

#[test]
fn optional_members_of_another_type_do_not_fail_the_update() {
    let odd = in_group(json!({
        "text": "still here", "date": "now", "entities": "x", "photo": { "a": 1 }, "sticker": [1], "is_topic_message": 1,
        "from": { "id": 5, "is_bot": "no", "first_name": 7, "username": "ann" }, "unknown": { "deep": [] },
    }));
    let message = message(&odd);
    assert_eq!(
        (message.text.as_str(), message.timestamp, message.user_name.as_deref()),
        ("still here", 0, Some("ann"))
    );
    for hopeless in
        [json!({ "chat": 5, "text": "a" }), json!({ "chat": null, "text": "a" }), json!({ "chat": [5], "text": "a" })]
    {
        assert_ignored(&in_group(hopeless));
    }
    assert_ignored(r#"{"update_id":1,"message":"hello"}"#);
    assert_ignored(r#"{"update_id":1,"callback_query":{"from":{"id":5},"data":"a"}}"#);
}
