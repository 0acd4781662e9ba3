//! What the demo needs beside the product: its bundle, a stand-in for the platform, and lines to try.

pub mod bundle;
pub mod platform;

/// Working commands, one for each thing to try. Update ids differ, because the same id again is the same message again.
pub fn try_lines(url: &str, secret_token: &str) -> String {
    let line = |what: &str, update: &str| {
        format!(
            "# {what}\ncurl -sS {url}/webhook/telegram/demo/default -H 'Content-Type: application/json' \\\n  \
             -H 'X-Telegram-Bot-Api-Secret-Token: {secret_token}' -d '{update}'\n"
        )
    };
    let text = |id: u32, text: &str| {
        format!(
            r#"{{"update_id":{id},"message":{{"message_id":{id},"date":1790000000,"chat":{{"id":7,"type":"private"}},"from":{{"id":7,"is_bot":false,"first_name":"Ada"}},"text":"{text}"}}}}"#
        )
    };
    let press = r#"{"update_id":3,"callback_query":{"id":"c3","from":{"id":7,"is_bot":false,"first_name":"Ada"},"message":{"message_id":2,"date":1790000000,"chat":{"id":7,"type":"private"}},"chat_instance":"1","data":"name"}}"#;
    [
        "\nThe demo plays Telegram's part, too: it prints below what the bot says. In another terminal:\n".to_owned(),
        line("say hello: the bot answers with a menu", &text(1, "hello")),
        line("the same update again, as platforms do: nothing happens twice", &text(1, "hello")),
        line("let a component of the pack work: a fresh WebAssembly instance with no rights", &text(2, "shout hello edge")),
        line("press the button: the bot asks and waits", press),
        line("answer it: the conversation goes on where it waited", &text(4, "Ada")),
        format!("# without the secret token: 403\ncurl -sS -o /dev/null -w '%{{http_code}}\\n' {url}/webhook/telegram/demo/default -d '{{}}'\n"),
        "Ctrl-C ends the demo.".to_owned(),
    ]
    .join("\n")
}
