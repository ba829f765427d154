//! A request before it is signed.

use std::borrow::Cow;

use aws_smithy_types::body::SdkBody;

/// A request about a bucket, or about one of its keys.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub method: &'static str,
    /// The key in the bucket; `None` for the bucket itself.
    pub key: Option<&'a str>,
    /// Parameters, in the order of their names. They are encoded later.
    pub query: Vec<(&'static str, Cow<'a, str>)>,
    /// Headers, with their names in lower case.
    pub headers: Vec<(Cow<'static, str>, Cow<'a, str>)>,
    pub body: SdkBody,
    /// Bytes of the body. A body's hash is not known before it is sent, so the signature does not cover it.
    pub length: u64,
    /// Whether the answer describes or has an object.
    pub reads_object: bool,
}

impl<'a> Call<'a> {
    /// A request without parameters, headers and body.
    pub fn new(method: &'static str, key: Option<&'a str>) -> Call<'a> {
        Call {
            method,
            key,
            query: Vec::new(),
            headers: Vec::new(),
            body: SdkBody::empty(),
            length: 0,
            reads_object: false,
        }
    }

    /// Adds a parameter that is there. Callers add them in order.
    pub fn parameter(mut self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        self.query.extend(value.map(|value| (name, value.into())));
        self
    }

    /// Adds a header that is there.
    pub fn header(mut self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        self.headers.extend(value.map(|value| (Cow::Borrowed(name), value.into())));
        self
    }
}
