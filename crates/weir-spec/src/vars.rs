//! `${NAME}` and `${NAME:-DEFAULT}` in texts of a graph file.

use std::collections::BTreeMap;

/// Values of the names a file uses: those of the environment first, then those of its `[vars]`.
pub(crate) struct Vars<'a> {
    pub(crate) defaults: BTreeMap<String, String>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// Every value that came from outside the file: it may be a secret.
    pub(crate) outside: Vec<String>,
}

impl Vars<'_> {
    /// The text with every name filled in. `$${` is `${`.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub(crate) fn fill(&mut self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let is_escaped = rest[..at].ends_with('$');
            out.push_str(&rest[..at]);
            rest = &rest[at + 2..];
            if is_escaped {
                out.push('{');
                continue;
            }
            let Some((inside, tail)) = rest.split_once('}') else { return Err("a } is missing behind ${".to_owned()) };
            rest = tail;
            let (name, default) = inside.split_once(":-").map_or((inside, None), |(n, d)| (n, Some(d)));
            out.push_str(&self.value(name, default)?);
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&mut self, name: &str, default: Option<&str>) -> Result<String, String> {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(format!("{name:?} is no name of a variable"));
        }
        if let Some(value) = (self.environment)(name) {
            self.outside.push(value.clone());
            return Ok(value);
        }
        let known = self.defaults.get(name).map(String::as_str).or(default).map(str::to_owned);
        known.ok_or_else(|| format!("nothing says what ${{{name}}} is: set it in [vars] or in the environment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled() {
        let environment = |name: &str| (name == "KEY").then(|| "s3cret".to_owned());
        let defaults = BTreeMap::from([("PORT".to_owned(), "1935".to_owned())]);
        let mut vars = Vars { defaults, environment: &environment, outside: Vec::new() };
        assert_eq!(vars.fill("h:${PORT}/a?key=${KEY}").as_deref(), Ok("h:1935/a?key=s3cret"));
        assert_eq!(vars.fill("${X:-y}${PORT:-1}$${PORT}$5").as_deref(), Ok("y1935${PORT}$5"));
        assert_eq!(vars.outside, ["s3cret"]);
        assert!(vars.fill("${X}").is_err() && vars.fill("${PORT").is_err() && vars.fill("${}").is_err());
    }
}
