//! Stub.
pub(crate) fn run(_words: &[&str]) -> crate::Result<()> { Err("soon".into()) }
