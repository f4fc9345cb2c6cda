//! Words of a command line, and URLs: nothing is lost, every place is inside its word, and no secret is shown.

use weir_args::template::Template;
use weir_args::value::{self, Kind};
use weir_args::{CommandLine, Item, StreamName, Text, parse, property, redact, source_id, suggest, url};
use weir_rtmp::{RtmpUrl, StreamPath};

const KINDS: &[Kind] = &[
    Kind::Bool,
    Kind::Int { min: i64::MIN, max: i64::MAX },
    Kind::Frac,
    Kind::Millis,
    Kind::Size,
    Kind::Sizes,
    Kind::Str,
    Kind::Strs,
    Kind::Secret,
];

/// Words, one a line.
pub fn arguments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    line(&words);
    words.iter().for_each(|w| word(w));
}

fn line(words: &[String]) {
    let parsed = parse(words);
    for item in &parsed.items {
        let range = item.first_word()..item.first_word() + item.word_count();
        assert_eq!(item.words(), &words[range], "items print back");
    }
    let secrets = parsed.secrets(|_| false);
    let line = CommandLine::new(words, &secrets);
    for d in &parsed.diagnostics {
        assert!(words[d.span.word].get(d.span.start..d.span.end).is_some());
        assert!(line.text().get(line.range(d.span)).is_some());
        assert!(!d.message.contains(char::is_control));
    }
    for token in parsed.items.iter().flat_map(Item::tokens) {
        let s = token.span;
        assert!(!s.is_empty() && words[s.word].get(s.start..s.end).is_some());
    }
}

fn word(word: &str) {
    for name in [StreamName::Secret, StreamName::Public] {
        let places = url::secrets(word, name);
        assert!(places.into_iter().all(|place| word.get(place).is_some()));
        let _ = redact(word, name);
    }
    for kind in KINDS {
        let _ = value::parse(*kind, Some(word));
    }
    let text = |text: &str| Text { text: text.to_owned(), span: weir_args::Span::new(0, 0..text.len()) };
    let (name, given) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(text(value))));
    let _ = (property::parse(&text(name), given.as_ref()), source_id::parse(&text(word)));
    let _ = Template::parse(word).fill(7, |key| Some(key.to_owned()));
    let _ = suggest(word, ["rtmp_listen", "stall"]);
    if let Ok(url) = RtmpUrl::parse(word) {
        let shown = url.to_string();
        let password = url.password.expose();
        assert!(password.len() < 4 || !shown.contains(&format!(":{password}@")), "{shown}");
    }
    if let Ok(path) = StreamPath::resolve(name, "", word) {
        let _ = path.to_string();
    }
}
