//! Parquet files that may be damaged: the library panics on some of them, and here that is an error like any other.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::SerializedFileReader;

/// Opens a file and reads what it says about itself.
///
/// # Errors
///
/// When it cannot be read, or is no parquet file.
pub(crate) fn open(path: &Path) -> Result<SerializedFileReader<File>, ParquetError> {
    let file = File::open(path)?;
    contained(|| SerializedFileReader::new(file))
}

/// Does what reads bytes of a file. What `work` held must not be used after an error.
///
/// # Errors
///
/// Those of `work`, and one that names the panic if it panicked.
pub(crate) fn contained<T>(
    work: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("the reader gave up");
        Err(ParquetError::General(format!(
            "the file is damaged: {cause}"
        )))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::plays::table::read_group;

    fn file() -> Vec<u8> {
        let schema = "message m { required int64 game_id; optional binary type_text (UTF8); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&[1, 2, 3, 4], None, None)
            .unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let texts = ["Jump Shot", "Foul", "Jump Shot"].map(ByteArray::from);
        column
            .typed::<ByteArrayType>()
            .write_batch(&texts, Some(&[1, 1, 0, 1]), None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn a_damaged_file_is_an_error_and_no_panic() {
        let whole = file();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("damaged.parquet");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_group(&path, &["game_id", "type_text"], 0)
        };
        assert_eq!(read(&whole).unwrap().unwrap().rows(), 4);
        let mut refused = 0;
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0xff, whole[at] ^ 1, whole[at].wrapping_add(1)] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                refused += usize::from(read(&bytes).is_err());
            }
            refused += usize::from(read(&whole[..at]).is_err());
        }
        assert!(refused > whole.len(), "{refused} of {} bytes", whole.len());
    }

    #[test]
    fn a_panic_is_named() {
        let error = contained::<()>(|| panic!("range end index {} out of range", 4)).unwrap_err();
        assert!(
            error.to_string().contains("damaged: range end index 4"),
            "{error}"
        );
    }
}
