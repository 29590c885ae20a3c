use tokio_postgres::types::Type;

use super::json;

/// Builds a `numeric` as the server sends it.
fn numeric(groups: &[i16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
    let count = i16::try_from(groups.len()).unwrap();
    let mut raw = Vec::new();
    raw.extend(count.to_be_bytes());
    raw.extend(weight.to_be_bytes());
    raw.extend(sign.to_be_bytes());
    raw.extend(scale.to_be_bytes());
    raw.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    raw
}

#[test]
fn numerics_keep_every_digit() {
    for (raw, text) in [
        (numeric(&[], 0, 0, 0), "0"),
        (numeric(&[1, 5000], 0, 0, 2), "1.50"),
        (numeric(&[1], 2, 0, 0), "100000000"),
        (numeric(&[1], -3, 0x4000, 12), "-0.000000000001"),
        (numeric(&[], 0, 0xC000, 0), "\"NaN\""),
    ] {
        let mut out = String::new();
        json::write(&Type::NUMERIC, &raw, &mut out).unwrap();
        assert_eq!(out, text);
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(raw in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
        for kind in [
            Type::BOOL, Type::INT2, Type::INT4, Type::INT8, Type::FLOAT4, Type::FLOAT8, Type::NUMERIC, Type::JSON, Type::JSONB,
            Type::DATE, Type::TIMESTAMP, Type::TIMESTAMPTZ, Type::TIME, Type::TIMETZ, Type::INTERVAL, Type::UUID, Type::BYTEA,
            Type::INET, Type::VARBIT, Type::INT4_ARRAY, Type::TEXT_ARRAY, Type::RECORD, Type::INT4_RANGE, Type::INT4MULTI_RANGE,
            Type::TEXT, Type::CHAR, Type::PG_LSN, Type::OID,
        ] {
            let _ = json::write(&kind, &raw, &mut String::new());
        }
    }
}
