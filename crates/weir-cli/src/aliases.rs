//! Aliases: words that stand for others, kept in a file of the user's, one a line (gpac-semantics 1.9).
//!
//! `@{1}`, `@{N}`, `@{n-1}`, `@{1,2}` and `@{2:N}` in an alias stand for words behind it; with `-` in front for a list of
//! them, with `+` the word that holds it comes once for each. Words so used are taken from the line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use weir::args::{OwnOption, normalise};

/// Longest file of aliases, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// Aliases in a line, those in aliases among them.
const MOST_ALIASES: usize = 64;
/// Words that a line may grow to.
const MOST_WORDS: usize = 1 << 16;

/// Names, and the words they stand for.
#[derive(Default)]
pub(crate) struct Aliases(BTreeMap<String, Vec<String>>);

/// Where they are kept; `None` for a user without a home.
fn path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("weir").join("aliases"))
}

impl Aliases {
    /// Those of the user; none, where there is no file.
    pub(crate) fn load() -> Result<Self, String> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let wrong = |why: &dyn std::fmt::Display| format!("aliases in {}: {why}", path.display());
        match fs::metadata(&path) {
            Ok(m) if m.len() > FILE_MAX => return Err(wrong(&format!("the file has more than {FILE_MAX} bytes"))),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            _ => {}
        }
        fs::read_to_string(&path).map(|text| Self::of(&text)).map_err(|e| wrong(&e))
    }

    fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let entry = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            words.next().map(|name| (name, words.collect()))
        };
        Self(lines.filter_map(entry).collect())
    }

    /// Keeps `NAME WORDS...`, or forgets `NAME`.
    pub(crate) fn keep(said: &str, is_taken: impl Fn(&str) -> bool) -> Result<(), String> {
        let mut words = said.split_whitespace().map(str::to_owned);
        let name = words.next().ok_or("-alias needs a name and words: -alias=\"NAME WORDS...\"")?;
        if is_taken(&name) || name.starts_with(['-', '@', '#']) || name.contains([':', '=']) {
            return Err(format!("{name} cannot be an alias: it means something already"));
        }
        let path = path().ok_or("there is no folder for aliases: neither XDG_CONFIG_HOME nor HOME is set")?;
        let mut all = Self::load()?;
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            all.0.remove(&name).ok_or(format!("there is no alias {name}"))?;
        } else {
            all.0.insert(name, words);
        }
        let text: String = all.0.iter().map(|(name, words)| format!("{name} {}\n", words.join(" "))).collect();
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.and_then(|()| fs::write(&path, text)).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// The words without aliases.
    pub(crate) fn expand(&self, words: &[String], own: &[OwnOption<'_>]) -> Result<Vec<String>, String> {
        let mut words = words.to_vec();
        for _ in 0..MOST_ALIASES {
            let free = free(&words, own);
            let Some(nth) = free.iter().position(|at| self.0.contains_key(&words[*at])) else { return Ok(words) };
            words = self.replace(&words, free[nth], &free[nth + 1..])?;
            if words.len() > MOST_WORDS {
                return Err(format!("aliases make more than {MOST_WORDS} words of this"));
            }
        }
        Err(format!("there are more than {MOST_ALIASES} aliases here; does one hold itself?"))
    }

    /// The words with the alias at `at` replaced; `behind` are the places of the words it may use.
    fn replace(&self, words: &[String], at: usize, behind: &[usize]) -> Result<Vec<String>, String> {
        let args: Vec<&str> = behind.iter().map(|i| words[*i].as_str()).collect();
        let mut used = BTreeSet::new();
        let mut filled = Vec::new();
        for word in &self.0[&words[at]] {
            filled.extend(fill(word, &args, &mut used).map_err(|why| format!("alias {}: {why}", words[at]))?);
        }
        let is_used = |i: usize| behind.iter().position(|b| *b == i).is_some_and(|n| used.contains(&n));
        let rest = (at + 1..words.len()).filter(|i| !is_used(*i)).map(|i| words[i].clone());
        Ok(words[..at].iter().cloned().chain(filled).chain(rest).collect())
    }
}

/// Places of the words that are no options, nor belong to one.
fn free(words: &[String], own: &[OwnOption<'_>]) -> Vec<usize> {
    let (_, claimed) = normalise(words, own);
    let mut is_target = false;
    let mut free = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !is_target && !claimed[at] && !word.starts_with('-') {
            free.push(at);
        }
        is_target = !is_target && matches!(word.as_str(), "-i" | "-o" | "-src" | "-dst");
    }
    free
}

/// A word of an alias with words behind the alias in it.
fn fill(word: &str, args: &[&str], used: &mut BTreeSet<usize>) -> Result<Vec<String>, String> {
    let Some(from) = word.find("@{") else { return Ok(vec![word.to_owned()]) };
    let len = word[from..].find('}').ok_or_else(|| format!("{word}: the {{ is never closed"))?;
    let (before, inner, after) = (&word[..from], &word[from + 2..from + len], &word[from + len + 1..]);
    let (mode, places) = match inner.chars().next() {
        Some(mode @ ('-' | '+')) => (Some(mode), &inner[1..]),
        _ => (None, inner),
    };
    let chosen = indices(places, inner, args.len())?;
    used.extend(&chosen);
    let texts: Vec<&str> = chosen.iter().map(|i| args[*i]).collect();
    let parts: Vec<String> = match mode {
        Some('+') => texts.iter().map(|t| (*t).to_owned()).collect(),
        Some(_) => vec![texts.join(",")],
        None => vec![texts.join(" ")],
    };
    // Several words in one place are several words.
    if mode.is_none() && before.is_empty() && after.is_empty() {
        return Ok(texts.iter().map(|t| (*t).to_owned()).collect());
    }
    let mut all = Vec::new();
    for part in parts {
        all.extend(fill(after, args, used)?.into_iter().map(|rest| format!("{before}{part}{rest}")));
    }
    Ok(all)
}

/// Which of `count` words are meant, from 0: `1`, `N`, `1,2`, `2:N`, `:N`.
fn indices(text: &str, whole: &str, count: usize) -> Result<Vec<usize>, String> {
    let one = |text: &str| index(text, count).ok_or_else(|| missing(whole, count));
    match text.split_once(':') {
        Some((first, last)) => {
            let first = if first.is_empty() { one("1")? } else { one(first)? };
            let last = if last.is_empty() { one("N")? } else { one(last)? };
            Ok((first..=last).collect())
        }
        None => text.split(',').map(one).collect(),
    }
}

fn missing(whole: &str, count: usize) -> String {
    format!("@{{{whole}}} stands for words behind it, and there are {count}")
}

/// The place of `3`, `N` or `n-1` among `count` words.
fn index(text: &str, count: usize) -> Option<usize> {
    let nth = match text.strip_prefix(['n', 'N']) {
        Some("") => count,
        Some(back) => count.checked_sub(back.strip_prefix('-')?.parse().ok()?)?,
        None => text.parse().ok()?,
    };
    nth.checked_sub(1).filter(|at| *at < count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(file: &str, line: &str) -> Result<String, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Aliases::of(file).expand(&words, crate::options::OWN).map(|words| words.join(" "))
    }

    #[test]
    fn words_behind_are_used_and_taken_away() {
        let foo = "foo src=@{N} dst=test.mp4";
        assert_eq!(expanded(foo, "foo f1 f2").as_deref(), Ok("src=f2 dst=test.mp4 f1"));
        assert_eq!(expanded(foo, "-graph foo -stats f1").as_deref(), Ok("-graph src=f1 dst=test.mp4 -stats"));
        assert_eq!(expanded("l inspect src=@{+:N}", "l f1 f2").as_deref(), Ok("inspect src=f1 src=f2"));
        assert_eq!(expanded("l inspect src=@{+2:N}", "l f1 f2 f3").as_deref(), Ok("inspect src=f2 src=f3 f1"));
        assert_eq!(expanded("l flist:srcs=@{-1,n-1}:x=@{N}", "l a b c").as_deref(), Ok("flist:srcs=a,b:x=c"));
        assert_eq!(expanded("l @{2:}", "l a b c").as_deref(), Ok("b c a"));
    }

    #[test]
    fn aliases_hold_others_and_never_turn_for_ever() {
        assert_eq!(expanded("a b c=avc\n# a comment\nb avgen", "plan a -o a").as_deref(), Ok("plan avgen c=avc -o a"));
        assert!(expanded("a b\nb a", "a").is_err_and(|e| e.contains("hold itself")));
        assert!(expanded("a a a a a", "a").is_err());
        assert!(expanded("a src=@{2}", "a x").is_err_and(|e| e.contains("there are 1")));
        assert!(expanded("a src=@{0}", "a x").is_err() && expanded("a src=@{1", "a x").is_err());
        assert!(expanded("a src=@{n-9}", "a x").is_err() && expanded("a src=@{+}", "a x").is_err());
    }
}
