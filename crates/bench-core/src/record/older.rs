//! Configurations of older protocols in today's shape, so that their records can be shown. Hashes are over what was stored, and never over this.

use crate::spec::dataset::Format;
use serde::Deserialize as _;
use serde_json::Value;

/// A configuration of any protocol up to today's, in today's shape. What it says of itself, its protocol included, stays.
pub fn upgraded(mut run: Value) -> Value {
    columns(&mut run);
    run
}

/// Protocol 1 named a data set's file format, from which its columns follow.
fn columns(run: &mut Value) {
    let Some(dataset) = run.get_mut("dataset").and_then(Value::as_object_mut) else {
        return;
    };
    let format = dataset.get("format").map(Format::deserialize);
    let Some(Ok(columns)) = format.map(|format| serde_json::to_value(format?.columns())) else {
        return;
    };
    dataset.remove("format");
    dataset.insert("columns".to_owned(), columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats_become_columns_and_all_else_stays() {
        let run = |dataset: Value| json!({ "protocol": 1, "dataset": dataset });
        let image = json!({ "height": 4, "width": 5, "channels": 3, "classes": 7 });
        let old = run(json!({ "name": "x", "format": { "idx-images": image }, "splits": {} }));
        let columns = json!({
            "images": { "number": "u8", "shape": [3, 4, 5] },
            "labels": { "number": "u8", "values": { "classes": 7 }, "target": true },
        });
        let new = run(json!({ "name": "x", "columns": columns, "splits": {} }));
        assert_eq!(upgraded(old), new);
        assert_eq!(upgraded(new.clone()), new);
        let documents = json!({ "markup": "tagged", "every": 20, "validation": 10, "test": 20 });
        let old = run(json!({ "format": { "documents": documents } }));
        let columns = json!({
            "tokens": { "number": "u8", "rows": "running", "values": { "tokens": 256 }, "target": true },
        });
        assert_eq!(upgraded(old), run(json!({ "columns": columns })));
        for odd in [json!(3), json!({}), run(json!({ "format": "unheard-of" }))] {
            assert_eq!(upgraded(odd.clone()), odd);
        }
    }
}
