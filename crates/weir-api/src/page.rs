//! The web page: three texts that are part of the program. They name nothing outside this server and hold no data.

pub(crate) const HTML: &str = include_str!("page/index.html");
pub(crate) const SCRIPT: &str = include_str!("page/app.js");
pub(crate) const STYLE: &str = include_str!("page/style.css");

#[cfg(test)]
mod tests {
    use super::*;

    /// The content policy forbids these; that they work all the same would not be seen before a browser looks.
    #[test]
    fn the_page_keeps_to_its_content_policy() {
        for text in [HTML, SCRIPT, STYLE] {
            let refers_outside =
                text.contains("https://") || text.replace("http://www.w3.org/", "").contains("http://");
            assert!(!refers_outside, "nothing comes from elsewhere");
        }
        assert!(!HTML.contains("style=") && !HTML.contains("<style") && !HTML.contains(" onclick"));
        assert!(!HTML.contains("<script>"), "scripts are files");
        for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"] {
            assert!(!SCRIPT.contains(banned), "{banned} makes markup of texts");
        }
    }
}
