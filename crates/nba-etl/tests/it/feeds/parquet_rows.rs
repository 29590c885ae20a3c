//! Rows of JSON as a parquet file.

use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

/// What a column holds follows from its first value.
#[derive(Clone, Copy)]
enum Kind {
    Truth,
    Whole,
    Real,
    Text,
}

fn kind(rows: &[Value], name: &str) -> Option<Kind> {
    rows.iter().find_map(|row| match row.get(name)? {
        Value::Bool(_) => Some(Kind::Truth),
        Value::Number(number) if number.is_f64() => Some(Kind::Real),
        Value::Number(_) => Some(Kind::Whole),
        Value::String(_) => Some(Kind::Text),
        _ => None,
    })
}

/// Writes the named columns; what a row lacks is null, and a column that nobody has is left out.
pub(crate) fn write(path: &Path, names: &[String], rows: &[Value]) {
    let columns: Vec<(&String, Kind)> = names
        .iter()
        .filter_map(|name| Some((name, kind(rows, name)?)))
        .collect();
    let fields: String = columns
        .iter()
        .map(|(name, kind)| match kind {
            Kind::Truth => format!("optional boolean {name};"),
            Kind::Whole => format!("optional int64 {name};"),
            Kind::Real => format!("optional double {name};"),
            Kind::Text => format!("optional binary {name} (UTF8);"),
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {fields} }}")).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (name, kind) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        let cells = rows.iter().map(|row| row.get(name.as_str()));
        macro_rules! put {
            ($kind:ty, $read:expr) => {{
                let cells: Vec<_> = cells.map(|cell| cell.and_then($read)).collect();
                let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                let values: Vec<_> = cells.into_iter().flatten().collect();
                column
                    .typed::<$kind>()
                    .write_batch(&values, Some(&levels), None)
                    .unwrap();
            }};
        }
        match kind {
            Kind::Truth => put!(BoolType, Value::as_bool),
            Kind::Whole => put!(Int64Type, Value::as_i64),
            Kind::Real => put!(DoubleType, Value::as_f64),
            Kind::Text => put!(ByteArrayType, |cell: &Value| cell
                .as_str()
                .map(ByteArray::from)),
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}
