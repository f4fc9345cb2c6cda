//! Rust sources as the rules see them: code without comments and literals, the paths it names, its functions, and which
//! lines are only built for tests.
//!
//! A light lexer, not a parser: it reads code that compiles and never judges what does not.

/// One source file.
pub(crate) struct Source {
    /// Path from the checkout, with `/`.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// As written, with comments and the insides of literals blanked. Lines are where they were.
    pub(crate) code: String,
    /// For each line, whether it is only built for tests.
    pub(crate) test: Vec<bool>,
}

/// A function: its name, first line and number of lines.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let all_test = ["/tests/", "/benches/", "/examples/"].iter().any(|dir| format!("/{path}").contains(dir));
        let test = if all_test { vec![true; text.lines().count()] } else { test_lines(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, test }
    }

    /// Marks the whole file as built for tests only.
    pub(crate) fn set_test(&mut self) {
        self.test.fill(true);
    }

    /// Every path named in the code (`a::b::c`, `a::b!`, and each leaf of a `use`), with its line, counted from 1.
    pub(crate) fn paths(&self) -> Vec<(usize, String)> {
        let tokens = tokens(&self.code);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            // `use<'a>` of a bound is no import.
            if tokens[at].text == "use" && tokens.get(at + 1).is_some_and(|t| t.text != "<") {
                at = use_tree(&tokens, at + 1, "", &mut found);
            } else if is_word(tokens[at].text) {
                at = inline_path(&tokens, at, &mut found);
            } else {
                at += 1;
            }
        }
        found
    }

    /// Every function with a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let tokens = tokens(&self.code);
        let is_fn = |i: &usize| tokens[*i].text == "fn" && tokens.get(i + 1).is_some_and(|t| is_word(t.text));
        (0..tokens.len()).filter(is_fn).filter_map(|i| function(&tokens, i)).collect()
    }

    /// Files that hold modules declared under `#[cfg(test)]`, as path prefixes without `.rs`.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let tokens = tokens(&self.code);
        let (dir, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = file.trim_end_matches(".rs");
        let home = if matches!(stem, "lib" | "main" | "mod") { dir.to_owned() } else { format!("{dir}/{stem}") };
        let declared = tokens.windows(3).filter(|w| w[0].text == "mod" && w[2].text == ";");
        declared.filter(|w| self.test[w[0].line - 1]).map(|w| format!("{home}/{}", w[1].text)).collect()
    }
}

/// Whether `path` has the segments of `pattern` in a row.
pub(crate) fn names(path: &str, pattern: &str) -> bool {
    let (path, pattern): (Vec<_>, Vec<_>) = (path.split("::").collect(), pattern.split("::").collect());
    path.windows(pattern.len()).any(|w| w == pattern)
}

/// Blanks comments and the insides of literals, and keeps every line break.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let skip = if after_word { None } else { literal(rest) };
        let len = skip.or_else(|| comment(rest)).or_else(|| quoted(rest, after_word));
        let taken = &rest[..len.unwrap_or(first.len_utf8())];
        if len.is_some() {
            out.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push(first);
        }
        after_word = len.is_none() && is_word_char(first);
        rest = &rest[taken.len()..];
    }
    out
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        let step = match here {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

/// A literal with a prefix: raw, byte and C strings, byte characters.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c"].into_iter().find(|p| {
        rest.strip_prefix(p)
            .is_some_and(|r| r.trim_start_matches('#').starts_with('"') || (*p == "b" && r.starts_with('\'')))
    })?;
    let after = &rest[prefix.len()..];
    if !prefix.ends_with('r') {
        return quoted(after, false).map(|len| prefix.len() + len);
    }
    let hashes = after.len() - after.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let body = &after[hashes + 1..];
    Some(prefix.len() + hashes + 1 + body.find(&end).map_or(body.len(), |at| at + end.len()))
}

/// A string or character literal without prefix. A lone `'` belongs to a lifetime.
fn quoted(rest: &str, after_word: bool) -> Option<usize> {
    let quote = rest.chars().next().filter(|c| *c == '"' || (*c == '\'' && !after_word))?;
    let mut chars = rest.char_indices().skip(1);
    if quote == '\'' {
        let (_, first) = chars.next()?;
        if first != '\\' {
            return chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
        }
        chars.next();
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| is_word_char(c) && !c.is_ascii_digit())
}

struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::`, and single characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (n, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
            let len = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                word => word,
            };
            found.push(Token { text: &rest[..len], line: n + 1 });
            rest = rest[len..].trim_start();
        }
    }
    found
}

/// Reads `a::b::c` or `a::b!` from `at`; where it ends.
fn inline_path(tokens: &[Token<'_>], mut at: usize, found: &mut Vec<(usize, String)>) -> usize {
    let line = tokens[at].line;
    let mut path = tokens[at].text.to_owned();
    at += 1;
    while let [colons, word, ..] = &tokens[at..]
        && colons.text == "::"
        && is_word(word.text)
    {
        path = format!("{path}::{}", word.text);
        at += 2;
    }
    if let [bang, next, ..] = &tokens[at..]
        && (bang.text, next.text != "=") == ("!", true)
    {
        path.push('!');
    }
    found.push((line, path));
    at
}

/// Reads one tree of a `use` from `at`; where it ends.
fn use_tree(tokens: &[Token<'_>], mut at: usize, prefix: &str, found: &mut Vec<(usize, String)>) -> usize {
    let mut path = prefix.to_owned();
    let mut leaf = true;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.text != "}") {
                    at = use_tree(tokens, at, &path, found);
                    at += usize::from(tokens.get(at).is_some_and(|t| t.text == ","));
                }
                leaf = false;
            }
            "as" => at += 1,
            "," | "}" | ";" => break,
            "::" => {}
            word if path.is_empty() => word.clone_into(&mut path),
            word => path = format!("{path}::{word}"),
        }
        at += 1;
    }
    if leaf && let Some(last) = tokens.get(at.saturating_sub(1)) {
        found.push((last.line, path));
    }
    at
}

/// Index behind the bracket that closes the one at `open`.
fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// Index behind the item that starts at `at`: behind its body, or its `;`.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at + 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn function(tokens: &[Token<'_>], at: usize) -> Option<Function> {
    let last = &tokens[item_end(tokens, at) - 1];
    let (name, line) = (tokens[at + 1].text.to_owned(), tokens[at].line);
    (last.text == "}").then(|| Function { name, line, lines: last.line - line + 1 })
}

/// Marks the lines of items under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let tokens = tokens(code);
    let mut lines = vec![false; code.lines().count()];
    for (i, window) in tokens.windows(MARK.len()).enumerate() {
        if window.iter().map(|t| t.text).eq(MARK) {
            let end = item_end(&tokens, i + MARK.len());
            lines[tokens[i].line - 1..tokens[end - 1].line].fill(true);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let cases = [
            ("a // unsafe\nb", "a          \nb"),
            ("a /* x /* y */ z */ b", "a                   b"),
            ("f(\"un\\\"safe\") g", "f(          ) g"),
            ("r#\"a\"b\"# c", "         c"),
            ("b'x' '\\'' 'y' c", "              c"),
            ("r#type 'a: &'a str", "r#type 'a: &'a str"),
            ("br\"\\\" var\"s\"", "      var   "),
        ];
        for (text, code) in cases {
            assert_eq!(blank(text), code, "of {text}");
        }
    }

    #[test]
    fn paths_of_uses_and_of_code() {
        let source = Source::new(
            "a.rs",
            "use std::{\n    fs,\n    net::{IpAddr, TcpStream as T},\n};\nfn f() { std::thread::sleep(x::<u8>()) }",
        );
        let paths = source.paths();
        for want in [(2, "std::fs"), (3, "std::net::IpAddr"), (3, "std::net::TcpStream"), (5, "std::thread::sleep")] {
            assert!(paths.contains(&(want.0, want.1.to_owned())), "{want:?} in {paths:?}");
        }
    }

    #[test]
    fn names_compares_whole_segments() {
        assert!(names("std::thread::sleep", "thread::sleep"));
        assert!(!names("std::threads::sleep", "thread::sleep"));
        assert!(!names("thread", "thread::sleep"));
    }

    #[test]
    fn functions_end_at_their_own_brace() {
        let source = Source::new("a.rs", "fn a(x: [u8; 2]) -> u8\n{\n  if x { y }\n}\nfn b();\nfn c() {}");
        let found: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 1, 4), ("c".to_owned(), 6, 1)]);
    }

    #[test]
    fn test_only_code_is_known() {
        let source = Source::new("x/src/lib.rs", "fn a() {}\n#[cfg(test)]\nmod t {\n  fn b() {}\n}\nfn c() {}");
        assert_eq!(source.test, [false, true, true, true, true, false]);
        let source = Source::new("x/src/lib.rs", "#[cfg(test)]\nmod sim;\nmod real;");
        assert_eq!(source.test_modules(), ["x/src/sim"]);
        let source = Source::new("x/src/a.rs", "#[cfg(test)]\n#[path]\nmod sim;");
        assert_eq!(source.test_modules(), ["x/src/a/sim"]);
        assert_eq!(Source::new("tests/src/a.rs", "fn a() {}").test, [true]);
    }
}
