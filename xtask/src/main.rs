//! Project chores: test, tidy, bench, docs.

fn main() {}
