//! The only place that writes to the terminal. Nothing here fails or panics because nobody reads, and no secret of the
//! command line and no control character from elsewhere gets through.

use std::io::{self, IsTerminal, Write, stderr, stdout};

use terminal_size::{Width, terminal_size_of};

use crate::{FAILED, OK};

/// Columns for text when it does not go to a terminal, and at most.
const COLUMNS: usize = 100;
/// Columns below which text is not squeezed.
const FEWEST_COLUMNS: usize = 40;
/// Shorter secrets are not looked for in running text: they would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// Standard error: messages, logs, the status line.
#[derive(Clone)]
pub(crate) struct Screen {
    secrets: Vec<String>,
}

impl Screen {
    /// A screen on which these texts never appear.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|s| s.len() >= SHORTEST_SECRET).collect();
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len())); // one may hold another
        Self { secrets }
    }

    /// Prints lines of text.
    pub(crate) fn print(&self, text: &str) {
        write(&mut stderr(), &format!("{}\n", self.clean(text)));
    }

    /// Prints an error that is about no word.
    pub(crate) fn error(&self, text: &str) {
        self.print(&format!("error: {text}"));
    }

    /// Writes text that was made here, with its control sequences.
    pub(crate) fn raw(text: &str) {
        write(&mut stderr(), text);
    }

    /// `text` without secrets, and with all control characters but line breaks escaped.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() && c != '\n' { clean.extend(c.escape_default()) } else { clean.push(c) }
        }
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "***");
            }
        }
        clean
    }
}

impl Screen {
    /// A text of the same length without secrets.
    pub(crate) fn masked(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), &"*".repeat(secret.len())))
    }
}

/// Whether standard error is a terminal that knows control sequences.
pub(crate) fn is_terminal() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal; `COLUMNS` or 80 when it does not say.
pub(crate) fn terminal_columns() -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_size_of(stderr()).map(|(Width(w), _)| usize::from(w)).filter(|w| *w > 0).or_else(told).unwrap_or(80)
}

/// Columns to lay text out for.
pub(crate) fn text_columns(to: &impl IsTerminal) -> usize {
    if to.is_terminal() { terminal_columns().clamp(FEWEST_COLUMNS, COLUMNS) } else { COLUMNS }
}

/// Writes to standard output; the exit code. That nobody reads on is no failure.
pub(crate) fn out(text: &str) -> u8 {
    let written = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Screen::new([]).error(&format!("cannot write to standard output: {e}"));
            FAILED
        }
        _ => OK,
    }
}

/// What cannot be said cannot be complained about either.
fn write(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_control_characters_do_not_get_through() {
        let screen = Screen::new(["hush", "hush-hush", "a"].map(String::from));
        assert_eq!(screen.clean("a hush-hush hush\x1b[2J\r\nb"), "a *** ***\\u{1b}[2J\\r\nb");
    }
}
