//! A graph in the forms that programs and people draw from: JSON, DOT, Mermaid, SVG. Texts only; nothing is printed here.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weir::{EdgeShot, GraphSnapshot, NodeShot};

/// Size of a box in the picture, and the room between boxes, in pixels.
const BOX: (usize, usize) = (150, 44);
const GAP: (usize, usize) = (120, 26);
const MARGIN: usize = 20;

/// As docs/plan-json.md describes it.
pub(crate) fn json(graph: &GraphSnapshot) -> String {
    let node = |n: &NodeShot| {
        json!({
            "id": n.id, "filter": n.filter, "name": n.name, "inserted": n.inserted, "clone_of": n.clone_of, "args": n.args,
        })
    };
    let edge = |e: &EdgeShot| {
        json!({
            "from": e.from, "to": e.to, "pid": e.pid, "type": e.ty, "codec": e.codec, "unframed": e.unframed,
        })
    };
    let value = json!({
        "nodes": graph.nodes.iter().map(node).collect::<Vec<Value>>(),
        "edges": graph.edges.iter().map(edge).collect::<Vec<Value>>(),
    });
    // Texts and numbers can always be written.
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}

/// For Graphviz.
pub(crate) fn dot(graph: &GraphSnapshot) -> String {
    let mut out = "digraph weir {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for node in &graph.nodes {
        let style = if node.inserted { ", style=dashed" } else { "" };
        let _ = writeln!(out, "  n{} [label={}{style}];", node.id, quoted(&title(node)));
    }
    for edge in &graph.edges {
        let _ = writeln!(out, "  n{} -> n{} [label={}];", edge.from, edge.to, quoted(&label(edge)));
    }
    out + "}\n"
}

/// For Markdown.
pub(crate) fn mermaid(graph: &GraphSnapshot) -> String {
    let clean = |text: &str| text.replace('"', "#quot;").replace(['\n', '|'], " ");
    let mut out = "flowchart LR\n".to_owned();
    for node in &graph.nodes {
        let _ = writeln!(out, "  n{}[\"{}\"]", node.id, clean(&title(node)));
    }
    for edge in &graph.edges {
        let _ = writeln!(out, "  n{} -->|\"{}\"| n{}", edge.from, clean(&label(edge)), edge.to);
    }
    out
}

/// A picture: sources at the left, each filter to the right of all that feeds it.
pub(crate) fn svg(graph: &GraphSnapshot) -> String {
    let places = places(graph);
    let right = places.iter().map(|(x, _)| x + BOX.0).max().unwrap_or(0) + MARGIN;
    let bottom = places.iter().map(|(_, y)| y + BOX.1).max().unwrap_or(0) + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{right}\" height=\"{bottom}\" viewBox=\"0 0 {right} {bottom}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let at = |id: usize| places.get(id - 1).copied().unwrap_or((0, 0));
    let mut seen: Vec<(usize, usize)> = Vec::new();
    for edge in &graph.edges {
        let ((x1, y1), (x2, y2)) = (at(edge.from), at(edge.to));
        let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2, y2 + BOX.1 / 2);
        let middle = usize::midpoint(x1, x2);
        let again = seen.iter().filter(|e| **e == (edge.from, edge.to)).count();
        seen.push((edge.from, edge.to));
        if again == 0 {
            let _ = writeln!(
                out,
                "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#567\" stroke-width=\"1.5\"/>"
            );
        }
        let (x, y) = (middle, usize::midpoint(y1, y2) + again * 13 - 4);
        let text = escaped(&label(edge));
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#345\">{text}</text>");
    }
    for node in &graph.nodes {
        let (x, y) = at(node.id);
        let dash = if node.inserted { " stroke-dasharray=\"4 3\"" } else { "" };
        let (w, h) = BOX;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"6\" fill=\"#eef4fb\" stroke=\"#357\"{dash}/>"
        );
        let (tx, ty) = (x + w / 2, y + if node.args.is_empty() { h / 2 + 4 } else { 18 });
        let _ = writeln!(out, "<text x=\"{tx}\" y=\"{ty}\" text-anchor=\"middle\">{}</text>", escaped(&node.name));
        if !node.args.is_empty() {
            let text = escaped(&shortened(&node.args.join(" ")));
            let ty = y + 34;
            let _ = writeln!(
                out,
                "<text x=\"{tx}\" y=\"{ty}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#567\">{text}</text>"
            );
        }
    }
    out + "</svg>\n"
}

/// The upper left corner of each box, by id.
fn places(graph: &GraphSnapshot) -> Vec<(usize, usize)> {
    let mut layer = vec![0_usize; graph.nodes.len()];
    // Each pass settles one more layer; a graph without cycles needs no more passes than it has filters.
    for _ in 0..graph.nodes.len() {
        let mut changed = false;
        for edge in &graph.edges {
            let wanted = layer[edge.from - 1] + 1;
            if layer[edge.to - 1] < wanted {
                layer[edge.to - 1] = wanted;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut rows: Vec<usize> = Vec::new();
    let place = |layer: usize| {
        if rows.len() <= layer {
            rows.resize(layer + 1, 0);
        }
        let row = rows[layer];
        rows[layer] += 1;
        (MARGIN + layer * (BOX.0 + GAP.0), MARGIN + row * (BOX.1 + GAP.1))
    };
    layer.into_iter().map(place).collect()
}

fn title(node: &NodeShot) -> String {
    if node.args.is_empty() {
        node.name.clone()
    } else {
        format!("{} ({})", node.name, shortened(&node.args.join(" ")))
    }
}

fn label(edge: &EdgeShot) -> String {
    let what = if edge.codec == "-" { edge.ty } else { edge.codec };
    format!("{} {}", edge.pid, what.to_lowercase())
}

fn shortened(text: &str) -> String {
    const MOST: usize = 24;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
