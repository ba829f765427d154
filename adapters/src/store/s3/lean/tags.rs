//! GetObjectTagging. A store that does not report numbers of tags is asked for the tags of each object.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::result::SdkError;

use super::call::Call;
use super::events::{self, Reader, check_root};
use super::headers::text;
use super::{Answered, LeanClient};
use shared::object::Tags;

impl LeanClient {
    /// The tags of an object, and the version that the answer names. Read-only: the caller repeats it.
    pub(in crate::store::s3) async fn tags(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Answered<(Tags, Option<String>)> {
        let call = Call::new("GET", Some(key)).parameter("tagging", Some("")).parameter("versionId", version);
        let (answer, body) = self.whole(self.send(call).await?).await?;
        let read = events::read::<Document>(&body).map_err(BoxError::from);
        match read.and_then(|document| Ok((document.tags, text(answer.headers(), "x-amz-version-id")?))) {
            Ok(tags) => Ok(tags),
            Err(error) => Err(SdkError::response_error(error, answer)),
        }
    }
}

/// A `Tagging`, as far as it was read.
#[derive(Debug, Default)]
struct Document {
    depth: u32,
    /// Whether the open element of the second level is the set, and that of the third one a tag.
    is_set: bool,
    is_tag: bool,
    key: Option<String>,
    value: Option<String>,
    tags: Tags,
}

/// The outermost element.
const ROOT: &str = "Tagging";

impl Document {
    fn end_tag(&mut self) -> Result<(), String> {
        let (Some(key), Some(value)) = (self.key.take(), self.value.take()) else {
            return Err("a tag has no key or no value".to_owned());
        };
        self.tags.insert(key, value);
        Ok(())
    }
}

impl Reader for Document {
    fn open(&mut self, name: &str) -> Result<(), String> {
        self.depth += 1;
        match self.depth {
            1 => return check_root(name, ROOT),
            2 => self.is_set = name == "TagSet",
            3 => self.is_tag = self.is_set && name == "Tag",
            _ => {}
        }
        Ok(())
    }

    fn leaf(&mut self, name: &str, text: &str) -> Result<(), String> {
        match (self.depth, name) {
            (0, _) => return check_root(name, ROOT),
            // A tag without key and value.
            (2, "Tag") if self.is_set => return self.end_tag(),
            (3, "Key") if self.is_tag => self.key = Some(text.to_owned()),
            (3, "Value") if self.is_tag => self.value = Some(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth -= 1;
        if self.depth == 2 && std::mem::take(&mut self.is_tag) {
            return self.end_tag();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_whole_or_refused() {
        let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        let read = |body: &str| events::read::<Document>(body.as_bytes()).map(|document| document.tags);
        let head = "<?xml version=\"1.0\"?>\n<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
        let two = format!("{head}<TagSet>{}{}</TagSet></Tagging>", tag("a", "1 &amp; 2"), tag("b", ""));
        let pairs = [("a", "1 & 2"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read(&two), Ok(Tags::from(pairs)));
        for empty in ["<TagSet/>", "<TagSet></TagSet>", "", "<Other><Tag><Key>k</Key></Tag></Other>"] {
            assert_eq!(read(&format!("{head}{empty}</Tagging>")), Ok(Tags::new()), "{empty}");
        }
        for bad in [
            String::new(),
            "<html></html>".to_owned(),
            format!("{head}<TagSet>{}", tag("a", "1")),
            format!("{head}<TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"),
            format!("{head}<TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
