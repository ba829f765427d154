//! JSON as attributes of an item, so that other programs read its fields without parsing text.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

/// An object as a map attribute.
pub(super) fn map(fields: &Map<String, Value>) -> AttributeValue {
    AttributeValue::M(fields.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(list) => AttributeValue::L(list.iter().map(attribute).collect()),
        Value::Object(fields) => map(fields),
    }
}

/// The object that a map attribute has; `None` if the attribute is no map, or has something that JSON does not have.
pub(super) fn read_map(attribute: &AttributeValue) -> Option<Map<String, Value>> {
    read_fields(attribute.as_m().ok()?)
}

fn read_fields(fields: &HashMap<String, AttributeValue>) -> Option<Map<String, Value>> {
    fields.iter().map(|(name, value)| Some((name.clone(), read(value)?))).collect()
}

fn read(attribute: &AttributeValue) -> Option<Value> {
    Some(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(number) => Value::Number(number.parse().ok()?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(list) => Value::Array(list.iter().map(read).collect::<Option<_>>()?),
        AttributeValue::M(fields) => Value::Object(read_fields(fields)?),
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;

    /// Objects of all types of values. Numbers are whole: DynamoDB keeps no more than 38 digits of others.
    pub(in super::super) fn maps() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                hash_map(".{1,9}", inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        });
        hash_map("[a-z_]{1,9}", value, 0..5).prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn json_comes_back_from_its_attributes_unchanged(fields in maps()) {
            prop_assert_eq!(read_map(&map(&fields)).unwrap(), fields);
        }
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        assert!(read_map(&AttributeValue::S("x".into())).is_none());
        let bytes = AttributeValue::M([("b".to_owned(), AttributeValue::Ns(vec!["1".into()]))].into());
        assert!(read_map(&bytes).is_none());
    }
}
