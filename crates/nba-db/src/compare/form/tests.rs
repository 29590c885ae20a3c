use std::cmp::Ordering;

use super::{Form, Order, Scratch};

/// `numeric_send` of digits to the base of 10,000.
fn numeric(sign: u16, weight: i16, scale: u16, digits: &[u16]) -> Vec<u8> {
    let count = u16::try_from(digits.len()).unwrap();
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(scale.to_be_bytes());
    for digit in digits {
        bytes.extend(digit.to_be_bytes());
    }
    bytes
}

fn same(form: &Form, left: &[u8], right: &[u8]) -> bool {
    form.same(Some(left), Some(right), &mut Scratch::default())
}

fn array(element_type: u32, elements: &[Option<&[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [
        1,
        0,
        element_type,
        u32::try_from(elements.len()).unwrap(),
        1,
    ] {
        bytes.extend(word.to_be_bytes());
    }
    for element in elements {
        match element {
            Some(value) => {
                bytes.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
                bytes.extend(*value);
            }
            None => bytes.extend((-1_i32).to_be_bytes()),
        }
    }
    bytes
}

#[test]
fn a_numeric_is_its_value_not_its_scale() {
    let short = numeric(0, 0, 1, &[1, 5000]);
    assert!(same(&Form::Numeric, &short, &numeric(0, 0, 2, &[1, 5000])));
    assert!(!same(
        &Form::Numeric,
        &short,
        &numeric(0x4000, 0, 1, &[1, 5000])
    ));
    assert!(!same(&Form::Numeric, &short, &numeric(0, 0, 4, &[1, 5001])));
    let nan = numeric(0xC000, 0, 0, &[]);
    assert!(same(&Form::Numeric, &nan, &numeric(0xC000, 0, 3, &[])));
    assert!(!same(&Form::Numeric, &nan, &numeric(0, 0, 0, &[])));
}

#[test]
fn malformed_bytes_are_never_the_same_as_others() {
    assert!(!same(&Form::Numeric, b"", b"x"));
    assert!(same(&Form::Numeric, b"x", b"x"));
    assert!(!same(
        &Form::Array(Box::new(Form::Bytes)),
        &[0; 11],
        &[0; 12]
    ));
}

#[test]
fn numbers_inside_jsonb_are_values_and_texts_are_texts() {
    let json = |text: &str| [&[1], text.as_bytes()].concat();
    let equal = |left: &str, right: &str| same(&Form::Jsonb, &json(left), &json(right));
    assert!(equal(
        r#"{"a": 1.50, "b": [10]}"#,
        r#"{"a": 1.5, "b": [10.0]}"#
    ));
    assert!(!equal(r#"{"a": "1.50"}"#, r#"{"a": "1.5"}"#));
    assert!(!equal(r#"{"a": "\"1.50"}"#, r#"{"a": "\"1.5"}"#));
    assert!(!equal(r#"{"a": 1}"#, r#"{"a": -1}"#));
    assert!(!equal(r#"{"a": null}"#, r#"{"a": "null"}"#));
}

#[test]
fn an_array_is_its_elements_not_the_number_of_their_type() {
    let form = Form::Array(Box::new(Form::Bytes));
    assert!(same(
        &form,
        &array(16_500, &[Some(b"a"), None]),
        &array(17_000, &[Some(b"a"), None])
    ));
    assert!(!same(
        &form,
        &array(25, &[Some(b""), None]),
        &array(25, &[None, None])
    ));
    assert!(!same(
        &form,
        &array(25, &[Some(b"ab")]),
        &array(25, &[Some(b"a"), Some(b"b")])
    ));
}

#[test]
fn every_not_a_number_is_the_same_and_both_zeros_are_not() {
    let nan = |sign: u64| (0x7FF8_0000_0000_0000_u64 | sign).to_be_bytes();
    assert!(same(&Form::Float, &nan(0), &nan(1 << 63)));
    assert!(!same(
        &Form::Float,
        &0.0_f64.to_be_bytes(),
        &(-0.0_f64).to_be_bytes()
    ));
    let last_bit = f64::from_bits(0.1_f64.to_bits() + 1);
    assert!(!same(
        &Form::Float,
        &0.1_f64.to_be_bytes(),
        &last_bit.to_be_bytes()
    ));
}

#[test]
fn keys_are_ordered_as_the_server_orders_them() {
    let check = |order: Order, left: &[u8], right: &[u8], expected: Ordering| {
        assert_eq!(order.compare(Some(left), Some(right)), expected);
        assert_eq!(order.compare(Some(right), Some(left)), expected.reverse());
    };
    check(
        Order::Signed,
        &(-1_i64).to_be_bytes(),
        &1_i64.to_be_bytes(),
        Ordering::Less,
    );
    check(Order::Bytes, b"a", b"a ", Ordering::Less);
    check(
        Order::Float,
        &f64::NAN.to_be_bytes(),
        &f64::INFINITY.to_be_bytes(),
        Ordering::Greater,
    );
    check(
        Order::Float,
        &0.0_f64.to_be_bytes(),
        &(-0.0_f64).to_be_bytes(),
        Ordering::Equal,
    );
    let numbers = [
        numeric(0xF000, 0, 0, &[]),
        numeric(0x4000, 1, 0, &[1]),
        numeric(0x4000, 0, 0, &[1]),
        numeric(0, 0, 0, &[]),
        numeric(0, -1, 4, &[9999]),
        numeric(0, 0, 0, &[1]),
        numeric(0, 0, 4, &[1, 1]),
        numeric(0, 1, 0, &[1]),
        numeric(0xD000, 0, 0, &[]),
        numeric(0xC000, 0, 0, &[]),
    ];
    for pair in numbers.windows(2) {
        check(Order::Numeric, &pair[0], &pair[1], Ordering::Less);
    }
    check(Order::NumberText, b"9", b"10.0", Ordering::Less);
    check(Order::NumberText, b"NaN", b"Infinity", Ordering::Greater);
    check(Order::NumberText, b"-2", b"-1.50", Ordering::Less);
    assert_eq!(
        Order::Signed.compare(None, Some(&[0, 0])),
        Ordering::Greater
    );
    assert_eq!(Order::Signed.compare(None, None), Ordering::Equal);
}
