//! The list of prefixes that a task of a fleet names by an object: `s3://BUCKET/KEY`.

use super::super::check::{Check, refuse};
use super::Find;
use crate::filter::prefixes;
use crate::location::{Location, Scheme};

impl Find {
    /// The bucket and the key of the object that has the list of prefixes; `None` if there is no list, or a file has it.
    pub fn prefix_object(&self) -> Option<(Location, String)> {
        let (scheme, rest) = in_store(self.prefix_list.as_ref()?.to_str()?)?;
        let (bucket, key) = rest.split_once('/')?;
        let is_object = !bucket.is_empty() && !key.is_empty() && !key.ends_with('/');
        is_object.then(|| (Location::bucket_at(scheme, bucket, ""), key.to_owned()))
    }

    pub(super) fn check_prefixes(&self) -> Check {
        if !self.prefixes.is_empty() {
            if self.prefix_list.is_some() {
                return refuse("prefixes", "prefix-list names a list too: leave one of them out");
            }
            if let Err(why) = prefixes::of_list(&self.prefixes) {
                return refuse("prefixes", why);
            }
        }
        let Some(list) = &self.prefix_list else { return Ok(()) };
        match list.to_str() {
            None => refuse("prefix-list", format!("the file name {} is not UTF-8: rename the file", list.display())),
            Some(text) if in_store(text).is_some() && self.prefix_object().is_none() => {
                refuse("prefix-list", format!("{text:?} names no object: give a file, or s3://BUCKET/KEY"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// The scheme of a store that is no folder, and the rest.
fn in_store(list: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = list.split_once("://")?;
    let known = Scheme::ALL.into_iter().find(|known| known.as_str() == scheme && *known != Scheme::File)?;
    Some((known, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(list: &str) -> Find {
        Find { prefix_list: Some(list.into()), ..Find::default() }
    }

    #[test]
    fn a_list_is_in_an_object_or_in_a_file() {
        let (bucket, key) = find("s3://lists/a/b.txt").prefix_object().unwrap();
        assert_eq!((bucket.bucket(), key.as_str()), ("lists", "a/b.txt"));
        for file in ["list", "/s3/list", "C:/x", "file://x/y"] {
            assert_eq!(find(file).prefix_object(), None, "{file}");
            find(file).check().unwrap();
        }
        for none in ["s3://", "s3://lists", "s3://lists/", "s3:///key", "s3://lists/folder/"] {
            let error = find(none).check().unwrap_err().to_string();
            assert!(error.starts_with("prefix-list: ") && error.contains("s3://BUCKET/KEY"), "{none}: {error}");
        }
    }

    #[test]
    fn prefixes_are_given_once_and_each_may_be_one_of_a_key() {
        let given = |prefixes: &[&str]| Find {
            prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
            ..Find::default()
        };
        given(&["a/", "# b", "*"]).check().unwrap();
        let both = Find { prefix_list: Some("list".into()), ..given(&["a/"]) };
        assert!(both.check().unwrap_err().to_string().contains("leave one of them out"));
        for wrong in ["", "a\nb", &"x".repeat(1_025)] {
            assert!(given(&["a/", wrong]).check().unwrap_err().to_string().starts_with("prefixes: "), "{wrong:?}");
        }
    }
}
