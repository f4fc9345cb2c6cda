//! What holds for any words at all: no panic, nothing lost, every place inside the words.

use proptest::prelude::*;
use weir_args::{CommandLine, Item, Parsed, StreamName, parse, redact, suggest, url, value};

/// Words made of the grammar's own pieces, so that its corners meet.
fn word() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        ":",
        "::",
        "=",
        "#",
        "!",
        "@",
        "@@",
        ",",
        "-",
        "--",
        "-+",
        "-i",
        "-o",
        "src=",
        "dst=",
        "c=",
        "enc",
        ":gpac:",
        ":gpac",
        ":gfopt:",
        "://",
        "rtmp://",
        "http://h:80/",
        "[::1]",
        "[",
        "]",
        "/",
        "\\",
        "?",
        "&",
        "<a>",
        "<",
        ">:",
        "T00:01",
        "C1:2",
        "=t1:3",
        "a",
        "b",
        "opt",
        "1935",
        "99999",
        "user:pass@",
        "é",
        "\n",
        "'",
        " ",
        "",
        ".mp4",
        "C:",
    ]);
    prop_oneof![
        3 => prop::collection::vec(piece, 0..10).prop_map(|p| p.concat()),
        1 => any::<String>(),
    ]
}

fn command() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(word(), 0..8)
}

fn covered(parsed: &Parsed, words: &[String]) -> Vec<usize> {
    let mut reached = vec![0; words.len()];
    for token in parsed.items.iter().flat_map(Item::tokens) {
        let s = token.span;
        assert_eq!(s.start, reached[s.word], "tokens follow one another: {words:?} {parsed:?}");
        assert!(!s.is_empty() && words[s.word].get(s.start..s.end).is_some());
        reached[s.word] = s.end;
    }
    reached
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_print_back_and_tokens_tile_their_words(words in command()) {
        let parsed = parse(&words);
        let reached = covered(&parsed, &words);
        let mut printed = Vec::new();
        for item in &parsed.items {
            let range = item.first_word()..item.first_word() + item.word_count();
            prop_assert_eq!(item.words(), &words[range.clone()]);
            prop_assert_eq!(item.to_string(), words[range.clone()].join(" "));
            for at in range {
                prop_assert_eq!(reached[at], words[at].len());
            }
            printed.extend(item.words());
        }
        // Only unknown options and a last -i or -o make no item, and each is an error.
        if printed.len() < words.len() {
            prop_assert!(parsed.has_errors());
        } else {
            prop_assert_eq!(parse(&printed), parsed);
        }
    }

    #[test]
    fn places_are_inside_the_words_and_the_line(words in command()) {
        let parsed = parse(&words);
        let secrets = parsed.secrets(|_| false);
        let line = CommandLine::new(&words, &secrets);
        for d in &parsed.diagnostics {
            prop_assert!(words[d.span.word].get(d.span.start..d.span.end).is_some());
            prop_assert!(line.text().get(line.range(d.span)).is_some(), "{:?} {:?}", d, line);
            prop_assert!(!d.message.is_empty() && !d.message.contains(char::is_control));
        }
        let plain = CommandLine::new(&words, &[]);
        prop_assert!(!plain.text().contains(char::is_control));
        for token in parsed.items.iter().flat_map(Item::tokens) {
            prop_assert!(plain.text().get(plain.range(token.span)).is_some());
        }
    }

    #[test]
    fn a_url_with_a_port_never_needs_an_escape(
        scheme in "rtmps?|https?|srt|tcp", host in "[a-z][a-z0-9.-]{0,8}|\\[::1\\]", port in 0u16..,
        path in "(/[a-z0-9._-]{1,6}){0,3}", option in "[a-z][a-z0-9_-]{0,6}", value in "[a-z0-9]{0,4}",
    ) {
        let url = format!("{scheme}://{host}:{port}{path}");
        for text in [format!("{url}:{option}={value}"), format!("{url}:{option}"), format!("{url}:gpac:{option}")] {
            for keyword in ["-i", "-o"] {
                let parsed = parse(&[keyword.to_owned(), text.clone()]);
                let d = parsed.declarations().next().expect("one declaration");
                prop_assert_eq!(&d.name.text, &url);
                if option != "gpac" {
                    prop_assert_eq!(d.args.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), vec![option.as_str()]);
                }
            }
        }
    }

    #[test]
    fn a_key_is_never_shown_whole(app in "[a-z]{1,8}", key in "[a-zA-Z0-9_-]{1,30}", pass in "[A-Z]{5,9}") {
        let shown = redact(&format!("rtmp://user:{pass}@host/{app}/{key}?q={pass}"), StreamName::Secret);
        let prefix = &key[..4.min(key.len() / 2)];
        prop_assert_eq!(shown, format!("rtmp://***@host/{app}/{prefix}***?q=***"));
    }

    #[test]
    fn nothing_panics(text in word(), other in word()) {
        let _ = redact(&text, StreamName::Secret);
        for s in url::secrets(&text, StreamName::Secret) {
            prop_assert!(text.get(s).is_some());
        }
        let _ = suggest(&text, [other.as_str()]);
        let int = value::Kind::Int { min: i64::MIN, max: i64::MAX };
        for kind in [int, value::Kind::Frac, value::Kind::Millis, value::Kind::Size, value::Kind::Sizes, value::Kind::Strs] {
            let _ = value::parse(kind, Some(&text));
        }
    }

    #[test]
    fn numbers_never_panic(text in "[-+]?[0-9]{0,25}[.:/x-]?[0-9]{0,25}[kMGTIs]{0,2}", t in "T[0-9.:e]{0,20}") {
        let int = value::Kind::Int { min: i64::MIN, max: i64::MAX };
        for kind in [int, value::Kind::Frac, value::Kind::Millis, value::Kind::Size] {
            let _ = (value::parse(kind, Some(&text)), value::parse(kind, Some(&t)));
        }
    }
}
