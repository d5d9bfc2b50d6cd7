//! HTML from values. Text is escaped here and nowhere else: whatever is not markup passes [`escape`] or [`script`].

use crate::grid::{Cell, Column, Grid};
use crate::visible;
use serde::Serialize;

/// A text as it may stand in an element or between the quotes of an attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible::lines(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A value as JSON in a `script` element, which ends at the first `</` whatever is around it.
///
/// # Errors
/// When the value has no JSON.
pub fn script(id: &str, value: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(value)?.replace("</", "<\\/");
    let json = json.replace("<!--", "<\\u0021--");
    Ok(format!(
        "<script type=\"application/json\" id=\"{id}\">{json}</script>\n"
    ))
}

/// A table that makes sense by itself and sorts where scripts run: full-precision values are in `data-value`.
pub fn table(grid: &Grid, caption: &str) -> String {
    let mut html = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"sortable\"><caption>{0}</caption>\n<thead><tr>",
        escape(caption)
    );
    for column in &grid.columns {
        let class = if column.is_number() {
            " class=\"number\""
        } else {
            ""
        };
        html.push_str(&format!(
            "<th scope=\"col\"{class}>{}</th>",
            escape(&column.name)
        ));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &grid.rows {
        html.push_str("<tr>");
        for (column, cell) in grid.columns.iter().zip(row) {
            html.push_str(&data(column, cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn data(column: &Column, cell: &Cell) -> String {
    let class = if column.is_number() {
        " class=\"number\""
    } else {
        ""
    };
    let value = match cell.raw == cell.text {
        true => String::new(),
        false => format!(" data-value=\"{}\"", escape(&cell.raw)),
    };
    format!("<td{class}{value}>{}</td>", escape(&cell.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escape("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
        let embedded = script("x", &"</script><!--").unwrap();
        assert_eq!(embedded.matches("</script>").count(), 1);
        assert!(!embedded.contains("<!--"));
    }

    #[test]
    fn a_table_holds_both_values() {
        let grid = Grid {
            columns: vec![Column::numbers("time", "seconds", 0)],
            rows: vec![vec![Cell::new("1.2 s", 1.23456)]],
        };
        let html = table(&grid, "a < b");
        assert!(html.contains("<caption>a &lt; b</caption>"));
        assert!(html.contains("<td class=\"number\" data-value=\"1.23456\">1.2 s</td>"));
    }
}
