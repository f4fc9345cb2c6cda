//! Rules about crates: which may depend on which, who owns a third-party package, what a manifest must say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::Finding;
use crate::run::{self, Result, cargo};

/// The map of the engine. A crate depends only on crates of layers above it in this table, which are the lower layers;
/// docs/architecture.md draws it.
const LAYERS: &[&[&str]] = &[
    &["weir-media", "weir-args"],
    &["weir-amf"],
    &["weir-codec", "weir-flv", "weir-rtmp", "weir-tls"],
    &["weir-mp4", "weir-ts"],
    &["weir-plugin"],
    &["weir-graph", "weir-native"],
    &["weir-scheduler"],
    &["weir-spec", "weir-status"],
    &["weir"],
    &["weir-api"],
    &["weir-cli"],
];
/// The SDK: filters see it and what is below it.
const SDK: &str = "weir-plugin";
/// The only crate that knows the filters.
const FACADE: &str = "weir";
/// Tools of this project. They use what they like, and nothing uses them.
const TOOLS: &[&str] = &["xtask", "weir-bench", "weir-counts", "weir-fuzz", "weir-tests", "weir-trials"];
/// Third-party packages whose owner is part of the design.
const OWNERS: &[(&str, &str)] = &[
    ("bytes", "weir-media"),
    ("clap", "weir-cli"),
    ("crossbeam-channel", "weir-scheduler"),
    ("hyper", "weir-api"),
    ("libloading", "weir-native"),
    ("mio", "weir-scheduler"),
    ("mpeg2ts", "weir-ts"),
    ("petgraph", "weir-graph"),
    ("rustls", "weir-tls"),
    ("saphyr", "weir-spec"),
    ("schemars", "weir-status"),
    ("tokio", "weir-api"),
    ("toml", "weir-spec"),
    ("toml_edit", "weir-spec"),
];
/// Third-party packages that may have several owners: the traits that values are described with, and a library that both
/// encodes and decodes.
const SHARED: &[&str] = &["serde", "serde_json", "syom"];

/// What the rules look at in a crate.
#[derive(Default, Clone)]
pub(super) struct Crate {
    name: String,
    /// Its manifest, from the checkout.
    manifest: String,
    text: String,
    /// Names of packages it depends on, and whether only its tests do.
    dependencies: Vec<(String, bool)>,
    has_description: bool,
    has_license: bool,
}

impl Crate {
    fn is_filter(&self) -> bool {
        self.manifest.starts_with("filters/")
    }

    fn finding(&self, rule: &'static str, about: &str, message: String) -> Finding {
        let line = self.text.lines().position(|l| l.starts_with(about)).map_or(1, |at| at + 1);
        Finding { path: self.manifest.clone(), line, rule, message }
    }
}

/// The crates of the workspace, as cargo sees them.
pub(super) fn read() -> Result<Vec<Crate>> {
    let json = run::output(&mut cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]))?;
    let json: Value = serde_json::from_str(&json).map_err(|e| format!("cargo metadata: {e}"))?;
    json["packages"].as_array().into_iter().flatten().map(read_crate).collect()
}

fn read_crate(package: &Value) -> Result<Crate> {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let path = text("manifest_path");
    let root = format!("{}/", run::root().display());
    let dependency = |d: &Value| (d["name"].as_str().unwrap_or_default().to_owned(), d["kind"] == "dev");
    Ok(Crate {
        name: text("name"),
        manifest: path.strip_prefix(&root).unwrap_or(&path).to_owned(),
        text: fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?,
        dependencies: package["dependencies"].as_array().into_iter().flatten().map(dependency).collect(),
        has_description: !text("description").is_empty(),
        has_license: !text("license").is_empty(),
    })
}

/// Checks all crates together.
pub(super) fn check(crates: &[Crate]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = crates.iter().flat_map(check_manifest).collect();
    findings.extend(crates.iter().flat_map(|c| check_layers(c, crates)));
    findings.extend(check_owners(crates));
    findings
}

fn check_manifest(c: &Crate) -> Vec<Finding> {
    let lints = c.text.split("\n[").any(|table| table.trim_end() == "lints]\nworkspace = true");
    [
        (c.has_description, "a crate has a description"),
        (c.has_license, "a crate names its licence"),
        (lints, "a crate takes the lints of the workspace: [lints] workspace = true"),
    ]
    .into_iter()
    .filter(|(kept, _)| !kept)
    .map(|(_, rule)| c.finding("manifest", "[package]", rule.to_owned()))
    .collect()
}

/// Position in [`LAYERS`]; filters stand right above the SDK.
fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn check_layers(c: &Crate, all: &[Crate]) -> Vec<Finding> {
    if TOOLS.contains(&c.name.as_str()) {
        return Vec::new();
    }
    let ours = |name: &String| all.iter().find(|o| o.name == *name);
    let below: &dyn Fn(&Crate) -> bool = match (c.is_filter(), layer(&c.name)) {
        (true, _) => &|d| layer(&d.name) <= layer(SDK) && layer(&d.name).is_some(),
        (false, Some(mine)) => {
            &move |d| layer(&d.name).is_some_and(|l| l < mine) || (d.is_filter() && c.name == FACADE)
        }
        (false, None) => {
            let message = format!("{} has no place in the map of layers in xtask/src/tidy/crates.rs", c.name);
            return vec![c.finding("layers", "name", message)];
        }
    };
    let wrong = c.dependencies.iter().filter_map(|(name, _)| ours(name)).filter(|d| !below(d));
    let rule = if c.is_filter() { "a filter sees the SDK and what is below it" } else { "layers point down only" };
    wrong.map(|d| c.finding("layers", &d.name, format!("{} may not depend on {}: {rule}", c.name, d.name))).collect()
}

fn check_owners(crates: &[Crate]) -> Vec<Finding> {
    let ours: BTreeSet<&str> = crates.iter().map(|c| c.name.as_str()).collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for c in crates.iter().filter(|c| !TOOLS.contains(&c.name.as_str())) {
        let own = c.dependencies.iter().filter(|(name, dev)| !dev && !ours.contains(name.as_str()));
        for (name, _) in own {
            users.entry(name).or_default().insert(&c.name);
        }
    }
    let fixed = |package: &str| OWNERS.iter().find(|(p, _)| *p == package).map(|(_, owner)| *owner);
    let mut findings = Vec::new();
    for (package, users) in users.iter().filter(|(p, _)| !SHARED.contains(p)) {
        let owner = fixed(package).or_else(|| users.first().copied()).unwrap_or_default();
        for other in crates.iter().filter(|c| users.contains(c.name.as_str()) && c.name != owner) {
            let message = format!("{package} belongs to {owner}; {} goes through that crate", other.name);
            findings.push(other.finding("owner", package, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(name: &str, dependencies: &[&str]) -> Crate {
        let dir = if name.starts_with("weir-f-") { "filters" } else { "crates" };
        Crate {
            name: name.to_owned(),
            manifest: format!("{dir}/{name}/Cargo.toml"),
            text: format!("[package]\n[dependencies]\n{}\n\n[lints]\nworkspace = true\n", dependencies.join("\n")),
            dependencies: dependencies.iter().map(|d| ((*d).to_owned(), false)).collect(),
            has_description: true,
            has_license: true,
        }
    }

    fn found(crates: &[Crate]) -> Vec<String> {
        check(crates).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_crates_are_good() {
        let crates = [
            make("weir-media", &["bytes"]),
            make("weir-plugin", &["weir-media"]),
            make("weir-f-pass", &["weir-media", "weir-plugin"]),
            make("weir", &["weir-plugin", "weir-f-pass"]),
            make("xtask", &["bytes", "weir"]),
        ];
        assert_eq!(found(&crates), Vec::<String>::new());
    }

    #[test]
    fn layers_point_down() {
        let up = [make("weir-plugin", &["weir-media", "weir-graph"]), make("weir-graph", &[]), make("weir-media", &[])];
        assert_eq!(
            found(&up),
            [
                "crates/weir-plugin/Cargo.toml:4: layers: weir-plugin may not depend on weir-graph: layers point down only"
            ]
        );
        let sideways = [make("weir-flv", &["weir-rtmp"]), make("weir-rtmp", &[])];
        assert_eq!(found(&sideways).len(), 1);
        assert!(found(&[make("weir-new", &[])])[0].contains("has no place in the map"));
    }

    #[test]
    fn filters_see_the_sdk_only_and_nobody_sees_filters() {
        for seen in ["weir-scheduler", "weir-f-b", "weir", "xtask"] {
            let crates = [make("weir-f-a", &[seen]), make(seen, &[])];
            assert_eq!(found(&crates).len(), 1, "a filter sees {seen}");
        }
        let crates = [make("weir-scheduler", &["weir-f-a"]), make("weir-f-a", &[])];
        assert_eq!(found(&crates).len(), 1);
    }

    #[test]
    fn a_package_has_one_owner() {
        let two = [make("weir-codec", &["memchr"]), make("weir-rtmp", &["memchr"])];
        assert_eq!(
            found(&two),
            ["crates/weir-rtmp/Cargo.toml:3: owner: memchr belongs to weir-codec; weir-rtmp goes through that crate"]
        );
        assert_eq!(found(&[make("weir-f-a", &["mio"])]).len(), 1, "the owner is fixed");
        assert_eq!(found(&[make("weir-spec", &["serde"]), make("weir-cli", &["serde"])]).len(), 0);
        let mut dev = make("weir-rtmp", &["memchr"]);
        dev.dependencies[0].1 = true;
        assert_eq!(found(&[make("weir-codec", &["memchr"]), dev]).len(), 0);
    }

    #[test]
    fn manifests_are_complete() {
        let good = make("weir-media", &[]);
        let bad = Crate { has_description: false, has_license: false, text: "[package]".to_owned(), ..good };
        assert_eq!(found(&[bad]).len(), 3);
    }
}
