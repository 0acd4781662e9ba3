//! HTTP as every channel sees it: the webhook that came, its answer, and the calls to make.
//!
//! Header values and bodies stay raw bytes, because signatures cover bytes. Neither a request nor a call shows its
//! contents in `Debug`: both carry secrets, a call even in its URL.

use greentic_types::Message;

/// One webhook, whole. Deliberately without `Debug`.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    pub method: &'a str,
    /// What follows the channel's own path: empty, or begins with `/`.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a [(String, Vec<u8>)],
    pub body: &'a [u8],
}

impl<'a> RawRequest<'a> {
    /// The header of this name in any case, if there is exactly one. A proof of authenticity that is given twice
    /// proves nothing: whoever stands between might have looked at the other one.
    pub fn sole_header(&self, name: &str) -> Option<&'a [u8]> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_slice())
    }
}

/// What the platform is answered once every message is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// 200 with nothing in it: some platforms act on what a body says.
    pub fn accepted() -> Self {
        Answer { status: 200, headers: Vec::new(), body: Vec::new() }
    }

    /// RFC 9457 problem JSON. `title` is a fixed phrase: nothing of the inside may show.
    pub fn problem(status: u16, title: &'static str) -> Self {
        let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status });
        Answer {
            status,
            headers: vec![("content-type".to_owned(), b"application/problem+json".to_vec())],
            body: body.to_string().into_bytes(),
        }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }
}

/// What a webhook came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub answer: Answer,
    /// Empty when the request was refused, a handshake, or of no interest.
    pub messages: Vec<Message>,
}

impl Received {
    pub fn refused(answer: Answer) -> Self {
        Received { answer, messages: Vec::new() }
    }

    pub fn accepted(messages: Vec<Message>) -> Self {
        Received { answer: Answer::accepted(), messages }
    }
}

/// One call to the platform's API, ready to send.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiCall {
    pub method: &'static str,
    /// May hold the credentials (Telegram's does): never to be logged.
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for ApiCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiCall")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_any_case_and_only_when_it_is_the_only_one() {
        let one = [("x-A".to_owned(), b"1".to_vec()), ("Other".to_owned(), b"2".to_vec())];
        let request = RawRequest { method: "POST", path: "", query: None, headers: &one, body: b"" };
        assert_eq!(request.sole_header("X-a"), Some(b"1".as_slice()));
        assert_eq!(request.sole_header("missing"), None);

        let two = [("X-A".to_owned(), b"1".to_vec()), ("x-a".to_owned(), b"1".to_vec())];
        let request = RawRequest { headers: &two, ..request };
        assert_eq!(request.sole_header("x-a"), None);
    }

    #[test]
    fn a_call_does_not_show_its_url_or_body() {
        let call = ApiCall {
            method: "POST",
            url: "https://example.com/botTOKEN/x".to_owned(),
            headers: vec![("authorization".to_owned(), b"TOKEN".to_vec())],
            body: b"TOKEN".to_vec(),
        };
        let shown = format!("{call:?}");
        assert!(!shown.contains("TOKEN") && !shown.contains("84"), "{shown}");
    }
}
