//! Telegram updates as Telegram sends them (PROTOCOLS.md §3, samples/telegram-*.json), with the parts that vary.

use serde_json::{Value, json};

fn person(id: i64) -> Value {
    json!({"last_name": "Test Lastname", "id": id, "is_bot": false, "first_name": "Test Firstname", "username": "Testusername"})
}

fn private_chat(id: i64) -> Value {
    json!({"last_name": "Test Lastname", "id": id, "type": "private", "first_name": "Test Firstname", "username": "Testusername"})
}

/// A text message in a private chat.
pub fn text(update_id: u64, chat: i64, text: &str) -> String {
    json!({"update_id": update_id, "message": {
        "date": 1_441_645_532, "chat": private_chat(chat), "message_id": update_id, "from": person(chat), "text": text
    }})
    .to_string()
}

/// A pressed inline button.
pub fn callback(update_id: u64, chat: i64, callback_id: &str, data: &str) -> String {
    json!({"update_id": update_id, "callback_query": {
        "id": callback_id,
        "from": person(chat),
        "message": {
            "message_id": 1364,
            "from": {"id": 133_505_823, "is_bot": true, "first_name": "Test Bot", "username": "TestBot"},
            "chat": private_chat(chat),
            "date": 1_441_645_530,
            "text": "Pick one",
            "reply_markup": {"inline_keyboard": [[{"text": "Red", "callback_data": data}]]}
        },
        "chat_instance": "-3887392139",
        "data": data
    }})
    .to_string()
}

/// An edited message: the whole message again, with `edit_date`.
pub fn edited(update_id: u64, chat: i64, text: &str) -> String {
    json!({"update_id": update_id, "edited_message": {
        "date": 1_441_645_532, "edit_date": 1_441_645_600, "chat": private_chat(chat), "message_id": 1365,
        "from": person(chat), "text": text
    }})
    .to_string()
}
