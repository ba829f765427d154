//! Items: their keys, their attributes written and read, and pages of them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest as _, Sha256};

use super::DynamoDbLedger;
use shared::digest::to_hex;
use shared::object::Timestamp;
use shared::{Error, ErrorKind, Result};

/// Most pages (of up to 1 MiB) that one read follows: beyond any run, short of forever.
const MAX_PAGES: usize = 10_000;

/// Longest partition key, bytes.
const MAX_PARTITION_KEY_BYTES: usize = 2048;

/// Largest item that is written, bytes. DynamoDB takes 400 KB, names of attributes included.
pub(crate) const MAX_ITEM_BYTES: usize = 390_000;

/// The attribute by which DynamoDB removes items whose time is over; seconds since 1970.
pub(crate) const EXPIRES: &str = "expires";

/// An item's attributes.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// A partition key of a kind, for parts (such as task and key) of which only the last may hold a
/// `#`. A key longer than any store's is named by its digest.
pub(crate) fn pk(kind: &str, parts: &[&str]) -> String {
    let key = format!("{kind}#{}", parts.join("#"));
    if key.len() <= MAX_PARTITION_KEY_BYTES { key } else { format!("{kind}-by-sha256#{}", sha256_hex(&key)) }
}

/// The digest of a text, in hexadecimal.
pub(crate) fn sha256_hex(text: &str) -> String {
    to_hex(&Sha256::digest(text))
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A binary attribute.
pub(crate) fn binary(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// An item to be written.
#[derive(Debug, Clone)]
pub(crate) struct Item(Attributes);

impl Item {
    /// An item with its key.
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Item([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into())
    }

    /// With one more attribute.
    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// With one more attribute, if there is a text for it.
    pub(crate) fn with_text(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, text(value)),
            None => self,
        }
    }

    /// To be removed by the service when it is of no use any more: that long from now, or some days later.
    pub(crate) fn expiring(self, after: Duration) -> Self {
        let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
        self.with(EXPIRES, number(Timestamp::now().as_secs().saturating_add(seconds)))
    }

    /// The attributes.
    pub(crate) fn attributes(self) -> Attributes {
        self.0
    }
}

/// An item that was read.
#[derive(Debug)]
pub(crate) struct Record(Attributes);

impl Record {
    /// An item as it was answered.
    pub(crate) fn new(attributes: Attributes) -> Self {
        Record(attributes)
    }

    /// The attributes' names and values.
    pub(crate) fn attributes(&self) -> &Attributes {
        &self.0
    }

    /// A text that may be missing.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    /// A text that must be there.
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        self.optional(name).ok_or_else(|| self.corrupt(name))
    }

    /// A number that must be there.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T> {
        self.optional_number(name)?.ok_or_else(|| self.corrupt(name))
    }

    /// The names of all attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A number that may be missing.
    pub(crate) fn optional_number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_n().ok().and_then(|n| n.parse().ok());
        number.map(Some).ok_or_else(|| self.corrupt(name))
    }

    /// Bytes that must be there.
    pub(crate) fn bytes(&self, name: &str) -> Result<&[u8]> {
        self.0.get(name).and_then(|v| v.as_b().ok()).map(|b| b.as_ref()).ok_or_else(|| self.corrupt(name))
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(|v| v.as_bool().ok()).copied().unwrap_or(false)
    }

    /// The error of an attribute that does not say what it should.
    pub(crate) fn corrupt(&self, name: &str) -> Error {
        let key = |name| self.optional(name).unwrap_or("?");
        let message = format!("attribute {name} is invalid");
        Error::new(ErrorKind::Corrupt, "ledger", format!("item {} / {}", key("pk"), key("sk")), message)
    }
}

impl DynamoDbLedger {
    /// Reads one item.
    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Record>> {
        // Read-only: slow, repeated or lost, it changes nothing.
        let request = || {
            let get = self.client.get_item().table_name(&self.table).consistent_read(true);
            get.key("pk", text(pk)).key("sk", text(sk)).send()
        };
        Ok(self.call(request).await?.item.map(Record::new))
    }

    /// Writes one item over an earlier one. Repeated, it writes the same again.
    pub(crate) async fn put(&self, item: Item) -> Result<()> {
        let attributes = item.attributes();
        let request = || self.client.put_item().table_name(&self.table).set_item(Some(attributes.clone())).send();
        self.call(request).await.map(drop)
    }

    /// A query of items under `pk` whose sort keys start with `prefix`.
    pub(crate) fn query(&self, pk: &str, prefix: &str) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        // No sort key is ever empty, so an empty prefix, which DynamoDB does not take, means all of them.
        let query = match prefix {
            "" => query.key_condition_expression("pk = :pk"),
            prefix => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", text(prefix)),
        };
        query.expression_attribute_values(":pk", text(pk))
    }

    /// Follows a query to its end, or until it has given `most` items.
    pub(crate) async fn all(&self, query: QueryFluentBuilder, most: usize) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let wanted = i32::try_from(most - records.len()).ok();
            // Read-only: slow, repeated or lost, it changes nothing.
            let request = || query.clone().set_limit(wanted).set_exclusive_start_key(start.clone()).send();
            let page = self.call(request).await?;
            records.extend(page.items.unwrap_or_default().into_iter().map(Record::new));
            if page.last_evaluated_key.is_none() || records.len() >= most {
                records.truncate(most);
                return Ok(records);
            }
            if page.last_evaluated_key == start {
                return Err(self.error(ErrorKind::Corrupt, "the query returned the same page twice"));
            }
            start = page.last_evaluated_key;
        }
        Err(self.error(ErrorKind::Exhausted, format!("the query has more than {MAX_PAGES} pages")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn partition_keys_are_unique_and_within_the_limit(
            a in ("[a-c.-]{1,3}", any::<String>()), b in ("[a-c.-]{1,3}", any::<String>()), repeat in 1usize..200
        ) {
            let (key_a, key_b) = (a.1.repeat(repeat), b.1.repeat(repeat));
            let (pk_a, pk_b) = (pk("object", &[&a.0, &key_a]), pk("object", &[&b.0, &key_b]));
            prop_assert!(pk_a.len() <= MAX_PARTITION_KEY_BYTES);
            prop_assert_eq!(pk_a == pk_b, (&a.0, key_a) == (&b.0, key_b));
        }
    }

    #[test]
    fn a_missing_or_wrong_attribute_is_named() {
        let record = Record::new(Item::new("p", "s").with("n", text("x")).attributes());
        assert_eq!(record.number::<u64>("n").unwrap_err().to_string(), "ledger item p / s: attribute n is invalid");
        assert!(record.text("absent").is_err());
        assert_eq!(record.optional_number::<u64>("absent").unwrap(), None);
    }
}
