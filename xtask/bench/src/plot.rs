//! Bars as SVG: groups of them, each with its value and its spread. It draws for both light and dark pages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Result;

const WIDTH: f64 = 760.0;
/// Where bars begin, behind their names, and where they end at most.
const LEFT: f64 = 290.0;
const RIGHT: f64 = 690.0;
const BAR: f64 = 16.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 34.0;

/// Bars that belong together.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) bars: Vec<Bar>,
}

/// One bar.
pub(crate) struct Bar {
    pub(crate) name: &'static str,
    pub(crate) low: f64,
    pub(crate) value: f64,
    pub(crate) high: f64,
}

/// Writes a drawing of `groups` with what the values are.
pub(crate) fn write(path: &Path, title: &str, groups: &[Group]) -> Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(path, draw(title, groups)?)?;
    Ok(())
}

fn draw(title: &str, groups: &[Group]) -> Result<String> {
    let rows: usize = groups.iter().map(|g| g.bars.len()).sum();
    let height = HEAD + groups.len() as f64 * HEAD + rows as f64 * ROW + 10.0;
    let most = groups.iter().flat_map(|g| &g.bars).map(|b| b.high).fold(1.0, f64::max);
    let x = |value: f64| LEFT + (RIGHT - LEFT) * value / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{title}</title>\n<style>text{{fill:#333}} .b{{fill:#9ab}} .w{{fill:#c50}} \
         line{{stroke:#333}} @media (prefers-color-scheme:dark){{text{{fill:#ddd}} line{{stroke:#ddd}}}}</style>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}</text>\n"
    );
    let mut y = HEAD;
    for group in groups {
        writeln!(svg, "<text x=\"10\" y=\"{:.0}\" font-weight=\"bold\">{}</text>", y + 22.0, group.name)?;
        y += HEAD;
        for bar in &group.bars {
            let class = if bar.name.starts_with("weir") { "w" } else { "b" };
            let middle = y + BAR / 2.0;
            writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.0}\" \
                 width=\"{:.1}\" height=\"{BAR}\"/><line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.0}\" y2=\"{middle:.0}\"/>\
                 <text x=\"{:.1}\" y=\"{:.0}\">{:.0}</text>",
                LEFT - 8.0,
                y + 12.0,
                bar.name,
                x(bar.value) - LEFT,
                x(bar.low),
                x(bar.high),
                x(bar.high) + 6.0,
                y + 12.0,
                bar.value
            )?;
            y += ROW;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}
