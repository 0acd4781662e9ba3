//! Which intent a message means: BM25 over the phrases, titles and tags of each, from an index that is made at build.
//!
//! Two numbers decide. BM25 says which intent fits best. Whether it fits at all is its confidence: the share of one of
//! its phrases that the message holds, by the weight of the words, so that 1 is a phrase said in full. Below the
//! threshold nothing is found, and whatever can't be read finds nothing either: the flow goes on as if not asked.
//!
//! Words are runs of letters and digits, in lower case, without the accents of Latin letters and without the ending of
//! a plural. Languages that write no spaces are taken letter by letter. Words that say little (`the`, `ich`) weigh
//! little. A phrase such as `.*` stands for its intent being the one for everything else.

use crate::ir::{Program, Text};
use minicbor::{Decode, Decoder, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// Where a node names none.
#[cfg(feature = "compile")]
pub const DEFAULT_THRESHOLD: f32 = 0.5;

/// Words of a message that are looked up.
const MAX_WORDS: usize = 128;

/// Bytes of a message that are looked at.
const MAX_TEXT: usize = 8 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub intent: String,
    pub target: String,
    /// Its confidence, from 0 to 1; 0 for the intent for everything else.
    pub score: f32,
}

#[derive(Debug, Encode, Decode)]
struct Index<'b> {
    #[n(0)]
    threshold: f32,
    /// In the order of the flow: of two that fit as well, the first.
    #[b(1)]
    intents: Vec<IntentRecord<'b>>,
    /// Each phrase's intent, and the weight of its words.
    #[n(2)]
    phrases: Vec<(u32, f32)>,
    /// The intent for everything else.
    #[n(3)]
    fallback: Option<u32>,
    /// Sorted words: a text, then bytes with a [`Word`], one after another, so that most are passed over unread.
    #[b(4)]
    words: Program<'b>,
}

#[derive(Debug, Encode, Decode)]
struct IntentRecord<'b> {
    #[b(0)]
    name: Text<'b>,
    #[b(1)]
    target: Text<'b>,
}

#[derive(Debug, Encode, Decode)]
struct Word {
    /// In how few intents it is.
    #[n(0)]
    weight: f32,
    /// Intents that have it, and what it adds to their rank.
    #[n(1)]
    intents: Vec<(u32, f32)>,
    #[n(2)]
    phrases: Vec<u32>,
}

/// The intent that `text` means, if any.
pub fn rank(index: &[u8], text: &str) -> Option<Hit> {
    let index: Index<'_> = minicbor::decode(index).ok()?;
    let (ranks, shares) = matches(&index, text)?;
    let mut confidence: BTreeMap<u32, f32> = BTreeMap::new();
    for (phrase, share) in shares {
        let (intent, whole) = *index.phrases.get(usize::try_from(phrase).ok()?)?;
        let best = confidence.entry(intent).or_default();
        *best = best.max((share / whole).min(1.0));
    }
    let fits = ranks.into_iter().filter_map(|(intent, rank)| {
        let confidence = confidence.get(&intent).copied().filter(|confidence| *confidence >= index.threshold)?;
        Some((intent, rank, confidence))
    });
    // Strictly better only: of equals the first stays.
    let best = fits.fold(None, |best: Option<(u32, f32, f32)>, next| match best {
        Some((_, rank, confidence)) if (next.1, next.2) <= (rank, confidence) => best,
        _ => Some(next),
    });
    let (intent, score) = match best {
        Some((intent, _, confidence)) => (intent, confidence),
        None => (index.fallback?, 0.0),
    };
    let found = index.intents.get(usize::try_from(intent).ok()?)?;
    Some(Hit { intent: found.name.as_str().to_owned(), target: found.target.as_str().to_owned(), score })
}

type Sums = BTreeMap<u32, f32>;

/// The rank of each intent, and the weight that is there of each phrase.
fn matches(index: &Index<'_>, text: &str) -> Option<(Sums, Sums)> {
    let wanted: BTreeSet<String> = words(text).take(MAX_WORDS).collect();
    let mut wanted = wanted.iter().peekable();
    let (mut ranks, mut shares) = (Sums::new(), Sums::new());
    let mut decoder = Decoder::new(&index.words);
    while decoder.position() < index.words.len() {
        let known = decoder.str().ok()?;
        let record = decoder.bytes().ok()?;
        while wanted.next_if(|word| word.as_str() < known).is_some() {}
        match wanted.peek() {
            None => break,
            Some(word) if word.as_str() != known => continue,
            Some(_) => {}
        }
        let word: Word = minicbor::decode(record).ok()?;
        for (intent, rank) in word.intents {
            *ranks.entry(intent).or_default() += rank;
        }
        for phrase in word.phrases {
            *shares.entry(phrase).or_default() += word.weight;
        }
    }
    Some((ranks, shares))
}

/// The words of a text, one by one.
fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
    let mut found = Vec::new();
    let mut word = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if is_word_alone(c) || !(c.is_alphanumeric() || is_joint(c)) {
            finish(&mut word, &mut found);
        }
        if is_word_alone(c) {
            found.push(c.to_string());
        } else if c.is_alphanumeric() {
            plain(c, &mut word);
        }
    }
    finish(&mut word, &mut found);
    found.into_iter()
}

fn finish(word: &mut String, found: &mut Vec<String>) {
    if !word.is_empty() {
        found.push(singular(&std::mem::take(word)));
    }
}

/// `don't` is one word, and accents may stand as signs of their own.
fn is_joint(c: char) -> bool {
    matches!(c, '\'' | '’' | '\u{300}'..='\u{36f}')
}

/// Letters of scripts that put no spaces between words: Thai, kana and Chinese characters.
fn is_word_alone(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{e4f}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Without the accent, as people write who have no key for it.
fn plain(c: char, out: &mut String) {
    let letter = match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' | 'ń' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ś' | 'š' => 's',
        'ù' | 'ú' | 'û' | 'ü' | 'ů' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ß' => {
            out.push_str("ss");
            return;
        }
        other => other,
    };
    out.push(letter);
}

/// English and most Romance plurals end in `s`. Done to phrases and messages alike, so that a word which only looks
/// like a plural still meets itself.
fn singular(word: &str) -> String {
    let stem = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() > 2);
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    let kept = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    match stem("s") {
        Some(stem) if !kept => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(feature = "compile")]
pub use build::{Intent, build};

#[cfg(feature = "compile")]
mod build {
    use super::{Index, IntentRecord, Word, words};
    use crate::ir::{Program, Text, append};
    use std::borrow::Cow;
    use std::collections::{BTreeMap, BTreeSet};

    /// BM25's saturation of a word that is repeated, and its share of a document's length: the values usual since Okapi.
    const K1: f32 = 1.2;
    const B: f32 = 0.75;

    /// What a word of a title counts for, against one of a phrase or tag.
    const TITLE: f32 = 2.0;

    /// What a word counts for that says little, as [`LIGHT`] has them.
    const LITTLE: f32 = 0.2;

    /// As `words` gives them.
    const LIGHT: &[&str] = &[
        "a", "am", "an", "and", "any", "are", "at", "be", "can", "could", "do", "doe", "for", "from", "has", "have",
        "how", "i", "im", "in", "is", "it", "like", "me", "my", "need", "of", "on", "or", "our", "please", "so",
        "some", "that", "the", "there", "this", "to", "want", "we", "what", "when", "where", "which", "who", "will",
        "with", "would", "you", "your", "aber", "als", "auch", "auf", "bitte", "das", "dem", "den", "der", "die",
        "ein", "eine", "einen", "er", "es", "fur", "haben", "hallo", "hello", "hi", "ich", "ihr", "ist", "kann",
        "mein", "meine", "mir", "mit", "mochte", "oder", "sie", "sind", "und", "uns", "von", "was", "wie", "wir", "zu",
    ];

    pub struct Intent<'i> {
        pub name: &'i str,
        pub target: &'i str,
        pub title: Option<&'i str>,
        pub tags: Vec<&'i str>,
        /// Phrases, or words, that mean it. `{{…}}` in them stands for anything.
        pub patterns: Vec<&'i str>,
    }

    /// What is collected of one word.
    #[derive(Default)]
    struct Uses {
        /// How much of it is in each intent.
        intents: BTreeMap<u32, f32>,
        phrases: BTreeSet<u32>,
    }

    /// The same intents give the same bytes.
    pub fn build(intents: &[Intent<'_>], threshold: f32) -> Vec<u8> {
        let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
        let mut phrases: Vec<u32> = Vec::new();
        let mut lengths: Vec<f32> = Vec::new();
        let mut fallback = None;
        for (intent, number) in intents.iter().zip(0u32..) {
            let mut length = 0.0;
            let texts = intent.patterns.iter().chain(&intent.tags).map(|text| (*text, 1.0));
            for (text, count) in texts.chain(intent.title.map(|title| (title, TITLE))) {
                let found: Vec<String> = words(&without_markers(text)).collect();
                if found.is_empty() {
                    if matches!(text.trim(), ".*" | "*" | ".+" | "^.*$" | "(.*)") {
                        fallback = fallback.or(Some(number));
                    }
                    continue;
                }
                let phrase = u32::try_from(phrases.len()).unwrap_or(u32::MAX);
                phrases.push(number);
                for word in found {
                    length += count;
                    let uses = uses.entry(word).or_default();
                    *uses.intents.entry(number).or_default() += count;
                    uses.phrases.insert(phrase);
                }
            }
            lengths.push(length);
        }
        encode(intents, uses, &phrases, &lengths, fallback, threshold)
    }

    fn encode(
        intents: &[Intent<'_>],
        uses: BTreeMap<String, Uses>,
        phrases: &[u32],
        lengths: &[f32],
        fallback: Option<u32>,
        threshold: f32,
    ) -> Vec<u8> {
        let count = intents.len() as f32;
        let average = (lengths.iter().sum::<f32>() / count.max(1.0)).max(1.0);
        let mut weights = vec![0.0f32; phrases.len()];
        let mut words = Vec::new();
        for (text, uses) in uses {
            let has = uses.intents.len() as f32;
            let rarity = (1.0 + (count - has + 0.5) / (has + 0.5)).ln();
            let weight = if LIGHT.contains(&text.as_str()) { rarity * LITTLE } else { rarity };
            for phrase in &uses.phrases {
                if let Some(sum) = usize::try_from(*phrase).ok().and_then(|phrase| weights.get_mut(phrase)) {
                    *sum += weight;
                }
            }
            let rank = |(intent, times): (u32, f32)| {
                let length = usize::try_from(intent).ok().and_then(|intent| lengths.get(intent)).copied();
                let share = 1.0 - B + B * length.unwrap_or(average) / average;
                (intent, weight * times * (K1 + 1.0) / (times + K1 * share))
            };
            let intents = uses.intents.into_iter().map(rank).collect();
            let mut record = Vec::new();
            append(&mut record, &Word { weight, intents, phrases: uses.phrases.into_iter().collect() });
            append(&mut words, &text);
            append(&mut words, &Program(Cow::Owned(record)));
        }
        let record = |intent: &Intent<'_>| IntentRecord { name: intent.name.into(), target: Text::from(intent.target) };
        let index = Index {
            threshold,
            intents: intents.iter().map(record).collect(),
            phrases: phrases.iter().copied().zip(weights).collect(),
            fallback,
            words: words.into(),
        };
        let mut bytes = Vec::new();
        append(&mut bytes, &index);
        bytes
    }

    /// Without `{{person}}` and the like, which stand for words that nobody knows yet.
    fn without_markers(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            out.push_str(before);
            out.push(' ');
            rest = behind.split_once("}}").map_or("", |(_, after)| after);
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn intent<'i>(name: &'i str, patterns: &[&'i str]) -> Intent<'i> {
        Intent { name, target: name, title: None, tags: Vec::new(), patterns: patterns.to_vec() }
    }

    fn service() -> Vec<u8> {
        let intents = [
            intent("billing", &["invoice", "payment", "charge", "I was charged twice"]),
            intent("technical", &["error", "bug", "not working", "app crashes"]),
            intent("refund", &["refund please", "I want my money back"]),
            intent("checkin", &["check in {{person}}", "{{person}} just arrived"]),
            Intent { title: Some("Opening hours"), tags: vec!["öffnungszeiten", "open"], ..intent("hours", &[]) },
        ];
        build(&intents, DEFAULT_THRESHOLD)
    }

    fn meant(index: &[u8], text: &str) -> Option<String> {
        rank(index, text).map(|hit| hit.intent)
    }

    #[test]
    fn messages_find_their_intent() {
        let index = service();
        for (text, expected) in [
            ("I have a question about my INVOICES", Some("billing")),
            ("the app is not working!", Some("technical")),
            ("could I get a refund", Some("refund")),
            ("money back now", Some("refund")),
            ("Rex just arrived", Some("checkin")),
            ("what are your opening hours?", Some("hours")),
            ("Wie sind die Offnungszeiten?", Some("hours")),
            ("ÖFFNUNGSZEITEN", Some("hours")),
            ("I want to know the weather", None),
            ("what is it", None),
            ("", None),
            ("!!!", None),
        ] {
            assert_eq!(meant(&index, text).as_deref(), expected, "{text}");
        }
        assert_eq!(rank(&index, "invoice").map(|hit| hit.score), Some(1.0));
    }

    #[test]
    fn the_better_one_wins_and_of_equals_the_first() {
        let index = build(&[intent("order", &["order"]), intent("cancel", &["cancel order"])], 0.5);
        assert_eq!(meant(&index, "cancel my order").as_deref(), Some("cancel"));
        assert_eq!(meant(&index, "my order").as_deref(), Some("order"));
        let index = build(&[intent("first", &["same"]), intent("second", &["same"])], 0.5);
        assert_eq!(meant(&index, "same").as_deref(), Some("first"));
    }

    #[test]
    fn one_intent_is_for_everything_else() {
        let index = build(&[intent("billing", &["invoice"]), intent("general", &[".*"])], 0.5);
        assert_eq!(meant(&index, "my invoice").as_deref(), Some("billing"));
        let hit = rank(&index, "something else").unwrap();
        assert_eq!((hit.intent.as_str(), hit.score), ("general", 0.0));
    }

    #[test]
    fn the_threshold_decides() {
        let of = |threshold| build(&[intent("a", &["red green blue"]), intent("b", &["yellow"])], threshold);
        assert_eq!(meant(&of(0.5), "red"), None);
        assert_eq!(meant(&of(0.3), "red").as_deref(), Some("a"));
    }

    #[test]
    fn scripts_without_spaces_are_read_by_letters() {
        let index = build(&[intent("refund", &["退款"]), intent("hours", &["营业时间"])], 0.5);
        assert_eq!(meant(&index, "我要退款").as_deref(), Some("refund"));
    }

    #[test]
    fn the_same_intents_give_the_same_bytes() {
        assert_eq!(service(), service());
        assert_eq!(
            words("Don't café-Straße, 3 companies' buses").collect::<Vec<_>>(),
            ["dont", "cafe", "strasse", "3", "company", "buse"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_text_panic(index in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
            let _ = rank(&index, &text);
            let _ = rank(&service(), &text);
        }

        #[test]
        fn no_damage_panics(at in 0usize..1000, byte in any::<u8>()) {
            let mut index = service();
            let length = index.len();
            index[at % length] = byte;
            let _ = rank(&index, "my invoice is not working");
        }

        #[test]
        fn a_phrase_said_in_full_is_found(words in prop::collection::vec("[a-z]{4,8}", 1..5), around in "[a-z ]{0,20}") {
            let phrase = words.join(" ");
            let index = build(&[intent("a", &[&phrase])], 0.9);
            let text = format!("{around} {phrase}");
            prop_assert!(rank(&index, &text).is_some());
        }
    }
}
