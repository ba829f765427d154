//! Sizes of items, as Amazon DynamoDB counts them ("DynamoDB item sizes and formats").

use serde_json::Value;

/// One write of a request.
#[derive(Debug)]
pub(super) struct Write {
    pub table: Value,
    /// The item that is put.
    pub item: Option<Value>,
    /// The key of an item that is updated, deleted or checked.
    pub key: Option<Value>,
}

/// How many blocks of `unit` bytes: one at least.
pub(super) fn blocks(bytes: usize, unit: usize) -> u64 {
    bytes.max(1).div_ceil(unit) as u64
}

/// The bytes of the messages that a request or an answer of SQS carries.
pub(super) fn payload_bytes(carries: &Value) -> usize {
    let text = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().len();
    let all = |list: &str, name: &str| -> usize {
        carries[list].as_array().into_iter().flatten().map(|message| text(message, name)).sum()
    };
    text(carries, "MessageBody") + all("Entries", "MessageBody") + all("Messages", "Body")
}

/// The writes of a request, in its order.
pub(super) fn writes_of(action: &str, asked: &Value) -> Vec<Write> {
    let write = |table: &Value, part: &Value| Write {
        table: table.clone(),
        item: part.get("Item").cloned(),
        key: part.get("Key").cloned(),
    };
    match action {
        "PutItem" | "UpdateItem" | "DeleteItem" => vec![write(&asked["TableName"], asked)],
        "TransactWriteItems" => {
            let parts = asked["TransactItems"].as_array().into_iter().flatten();
            let parts = parts.filter_map(|item| item.as_object()?.values().find(|part| part.is_object()));
            parts.map(|part| write(&part["TableName"], part)).collect()
        }
        "BatchWriteItem" => {
            let tables = asked["RequestItems"].as_object().into_iter().flatten();
            let writes = tables.flat_map(|(table, parts)| {
                let parts = parts.as_array().into_iter().flatten();
                let parts = parts.filter_map(|item| item.as_object()?.values().next());
                parts.map(|part| write(&Value::String(table.clone()), part)).collect::<Vec<_>>()
            });
            writes.collect()
        }
        _ => Vec::new(),
    }
}

/// The size of all items that an answer to a read has; `None` for other actions.
pub(super) fn items_bytes(action: &str, answered: &Value) -> Option<usize> {
    let all = |items: &Value| items.as_array().into_iter().flatten().map(item_bytes).sum();
    match action {
        "GetItem" => Some(item_bytes(&answered["Item"])),
        "Query" | "Scan" => Some(all(&answered["Items"])),
        "BatchGetItem" => {
            Some(answered["Responses"].as_object().into_iter().flatten().map(|(_, items)| all(items)).sum())
        }
        _ => None,
    }
}

/// An item's size: names and values.
pub(super) fn item_bytes(item: &Value) -> usize {
    item.as_object().into_iter().flatten().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let text = |value: &Value| value.as_str().unwrap_or_default().len();
    let each = |of: &dyn Fn(&Value) -> usize| value.as_array().into_iter().flatten().map(of).sum::<usize>();
    match kind.as_str() {
        "S" => text(value),
        "N" => text(value).div_ceil(2) + 1,
        // Base64.
        "B" => text(value) / 4 * 3,
        "SS" => each(&text),
        "NS" => each(&|value| text(value).div_ceil(2) + 1),
        "BS" => each(&|value| text(value) / 4 * 3),
        "L" => 3 + each(&|value| 1 + value_bytes(value)),
        "M" => 3 + value.as_object().into_iter().flatten().map(|(n, v)| 1 + n.len() + value_bytes(v)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_counts_its_names_and_values() {
        assert_eq!(item_bytes(&json!({"pk": {"S": "abc"}, "n": {"N": "1234"}, "b": {"B": "AAAA"}})), 5 + 4 + 4);
        assert_eq!((blocks(0, 1024), blocks(1024, 1024), blocks(1025, 1024)), (1, 1, 2));
        let asked = json!({"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}, {"Update": {"Key": {}}}]});
        assert_eq!(writes_of("TransactWriteItems", &asked).len(), 2);
    }
}
