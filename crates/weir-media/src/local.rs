//! What the text of a URL says about local files: the path, and the extension that [`Prop::FileExt`](crate::Prop)
//! carries. Pure text: nothing here looks at a disk.

/// Longest extension that counts as one, characters.
const MAX_EXT: usize = 9;

/// The path of a local URL: a plain path, `file:PATH`, `file://PATH` or `file://localhost/PATH`. `None` when it is empty
/// or has another scheme. Percent signs are taken as they are.
#[must_use]
pub fn local_path(url: &str) -> Option<&str> {
    let path = match url.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("file:") => {
            let rest = &url[5..];
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            rest.strip_prefix("localhost").filter(|p| p.starts_with('/')).unwrap_or(rest)
        }
        _ if has_scheme(url) => return None,
        _ => url,
    };
    (!path.is_empty()).then_some(path)
}

fn has_scheme(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The extension of a file name, lower case and without the dot: letters, digits, `-` and `_`, at most 9 of them.
#[must_use]
pub fn file_ext(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next()?;
    let (stem, ext) = name.rsplit_once('.')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let fits = !stem.is_empty() && (1..=MAX_EXT).contains(&ext.len()) && ext.chars().all(plain);
    fits.then(|| ext.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_and_urls() {
        for (url, path) in [
            ("a/b.mp4", Some("a/b.mp4")),
            ("/a b:c.mp4", Some("/a b:c.mp4")),
            ("file:x.flv", Some("x.flv")),
            ("file:///x.flv", Some("/x.flv")),
            ("FILE://localhost/x.flv", Some("/x.flv")),
            ("file://localhost.flv", Some("localhost.flv")),
            ("./a://b", Some("./a://b")),
            ("rtmp://host/app", None),
            ("http+unix://x", None),
            ("file://", None),
            ("", None),
        ] {
            assert_eq!(local_path(url), path, "{url}");
        }
    }

    #[test]
    fn extensions() {
        for (path, ext) in [
            ("a/b.MP4", Some("mp4")),
            ("a.tar.gz", Some("gz")),
            ("a.b/c", None),
            (".flv", None),
            ("a.", None),
            ("a.*", None),
            ("a.mp4|flv", None),
            ("a.0123456789", None),
        ] {
            assert_eq!(file_ext(path).as_deref(), ext, "{path}");
        }
    }
}
