//! Locations: a store, a bucket and a prefix, as the command line and configs spell them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The scheme of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Amazon S3, or any store with its protocol
    S3,
    /// Aliyun OSS
    Oss,
    /// Tencent COS
    Cos,
    /// Qiniu Kodo
    Kodo,
    /// Google Cloud Storage
    Gs,
    /// Cloudflare R2
    R2,
    /// A folder
    File,
}

impl Scheme {
    /// All schemes, as the command line may name them.
    pub const ALL: [Scheme; 7] =
        [Scheme::S3, Scheme::Oss, Scheme::Cos, Scheme::Kodo, Scheme::Gs, Scheme::R2, Scheme::File];

    /// The scheme without `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::S3 => "s3",
            Scheme::Oss => "oss",
            Scheme::Cos => "cos",
            Scheme::Kodo => "kodo",
            Scheme::Gs => "gs",
            Scheme::R2 => "r2",
            Scheme::File => "file",
        }
    }
}

/// A store with bucket and prefix. The prefix names a folder: it is empty or ends with `/`, so
/// `photos` never matches `photos2/`; what follows it maps by exact string, never by path joining.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    scheme: Scheme,
    bucket: String,
    prefix: String,
}

impl Location {
    /// A bucket's location with an exact prefix (empty, or ending with `/`).
    pub fn bucket_at(scheme: Scheme, bucket: &str, prefix: &str) -> Self {
        debug_assert!(scheme != Scheme::File && (prefix.is_empty() || prefix.ends_with('/')));
        Location { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    /// A folder's location. The path is made absolute but need not exist.
    pub fn folder(path: &Path) -> Result<Self, String> {
        let absolute =
            std::path::absolute(path).map_err(|e| format!("cannot make {} absolute: {e}", path.display()))?;
        let text = absolute.to_str().ok_or_else(|| format!("the folder name is not UTF-8: {}", path.display()))?;
        let text = if text.len() > 1 { text.trim_end_matches('/') } else { text };
        Ok(Location { scheme: Scheme::File, bucket: String::new(), prefix: text.to_owned() })
    }

    /// The store's scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket; empty for a folder.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix of all keys here, empty or ending with `/`; empty for a folder.
    pub fn prefix(&self) -> &str {
        if self.scheme == Scheme::File { "" } else { &self.prefix }
    }

    /// The folder, if the location is one.
    pub fn path(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::File).then(|| PathBuf::from(&self.prefix))
    }

    /// The key in the bucket of a key relative to this location.
    pub fn full_key(&self, key: &str) -> String {
        [self.prefix(), key].concat()
    }

    /// A bucket's key relative to this location; `None` if it lies outside. It is empty for the location's
    /// own folder marker.
    pub fn relative_key<'a>(&self, full_key: &'a str) -> Option<&'a str> {
        full_key.strip_prefix(self.prefix())
    }

    /// The name of a key at this location in messages.
    pub fn display_key(&self, key: &str) -> String {
        match self.scheme {
            Scheme::File => [&self.prefix, "/", key].concat(),
            _ => [self.scheme.as_str(), "://", &self.bucket, "/", &self.prefix, key].concat(),
        }
    }

    /// Whether one of two locations contains the other, so that copying between them would never end
    /// or would overwrite its own source. Compares spelling only, and schemes only of folders and buckets;
    /// endpoints are the caller's.
    pub fn overlaps(&self, other: &Location) -> bool {
        let within = |a: &Location, b: &Location| match a.scheme {
            Scheme::File => {
                a.prefix == b.prefix || b.prefix.starts_with(&format!("{}/", a.prefix.trim_end_matches('/')))
            }
            _ => b.prefix.starts_with(&a.prefix),
        };
        let is_folder = |location: &Location| location.scheme == Scheme::File;
        is_folder(self) == is_folder(other)
            && self.bucket == other.bucket
            && (within(self, other) || within(other, self))
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a location is empty: give s3://BUCKET/PREFIX or a folder".into());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return match meant(text) {
                Some(meant) => Err(format!(
                    "{text:?} is not a location: did you mean {meant}? For a folder of this name write ./{text}"
                )),
                None => Location::folder(Path::new(text)),
            };
        };
        let Some(scheme) = Scheme::ALL.into_iter().find(|s| s.as_str() == scheme) else {
            if let Some(meant) = meant(text) {
                return Err(format!("unknown scheme {scheme:?} in {text:?}: did you mean {meant}?"));
            }
            let known: Vec<String> = Scheme::ALL.iter().map(|s| format!("{}://", s.as_str())).collect();
            return Err(format!("unknown scheme {scheme:?} in {text:?}: use one of {}, or a folder", known.join(" ")));
        };
        if scheme == Scheme::File {
            if !rest.starts_with('/') {
                return Err(format!("{text:?} is not an absolute path: write file:///FOLDER"));
            }
            return Location::folder(Path::new(rest));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() && !prefix.is_empty() {
            let meant = meant(text).unwrap_or_default();
            return Err(format!("the bucket is missing in {text:?}: did you mean {meant}?"));
        }
        check_bucket(bucket).map_err(|why| format!("{why} in {text:?}: give {}://BUCKET/PREFIX", scheme.as_str()))?;
        let mut prefix = prefix.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        if prefix.len() > 1024 {
            return Err(format!("the prefix has {} bytes, and a key at most 1,024", prefix.len()));
        }
        Ok(Location { scheme, bucket: bucket.to_owned(), prefix })
    }
}

/// The probable location of a misspelled text: `s3:/b`, `s3//b`, `S3://b` or `s3:b`. Without this check, Flotilla would
/// copy to or from a folder of that name.
fn meant(text: &str) -> Option<String> {
    let name = text.split([':', '/']).next()?;
    let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))?;
    let rest = &text[name.len()..];
    let place = rest.trim_start_matches([':', '/']);
    // `s3/b` is a folder in a folder, and `s3` one.
    let is_misspelled = rest.starts_with(':') || rest.starts_with("//");
    let root = if scheme == Scheme::File { "/" } else { "" };
    is_misspelled.then(|| format!("{}://{root}{place}", scheme.as_str()))
}

/// What no provider allows in a bucket name; the rest is for the provider to say. It keeps user
/// info, ports and queries out of the host that a virtual-hosted request would go to.
fn check_bucket(bucket: &str) -> Result<(), String> {
    if bucket.is_empty() {
        return Err("the bucket is missing".into());
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if bucket.len() > 255 || !bucket.chars().all(legal) || bucket.starts_with('.') {
        return Err(format!("{bucket:?} is not a bucket name"));
    }
    Ok(())
}

impl TryFrom<String> for Location {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Location> for String {
    fn from(location: Location) -> String {
        location.to_string()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => f.write_str(&self.prefix),
            _ if self.prefix.is_empty() => write!(f, "{}://{}", self.scheme.as_str(), self.bucket),
            _ => write!(f, "{}://{}/{}", self.scheme.as_str(), self.bucket, self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Location {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_names_a_folder_and_never_its_namesakes() {
        let photos = parse("s3://b/photos");
        assert_eq!(photos.prefix(), "photos/");
        assert_eq!(photos.relative_key("photos/a"), Some("a"));
        assert_eq!(photos.relative_key("photos2/a"), None);
        assert_eq!(photos.relative_key("photos/"), Some(""));
    }

    #[test]
    fn keys_map_by_exact_string() {
        let location = parse("s3://b/p/");
        for key in ["/a", "a//b", "../x", "./", "a/../b", "\u{1}"] {
            assert_eq!(location.relative_key(&location.full_key(key)), Some(key));
        }
    }

    #[test]
    fn what_is_not_a_location_is_refused_with_a_reason() {
        for (text, part) in [
            ("", "empty"),
            ("ftp://x/y", "unknown scheme"),
            ("s3://", "bucket is missing"),
            ("s3:///x", "bucket is missing"),
            ("s3://user@host/x", "is not a bucket name"),
            ("file://relative", "absolute"),
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn regression_a_misspelled_scheme_is_no_folder() {
        for scheme in ["s3", "oss", "cos", "kodo", "gs", "r2"] {
            for text in ["s3:/dst/p", "s3//dst/p", "s3:dst/p", "S3://dst/p", "s3:///dst/p", "S3:dst/p", "s3:://dst/p"] {
                let text = text.replace("s3", scheme).replace("S3", &scheme.to_uppercase());
                let error = text.parse::<Location>().unwrap_err();
                assert!(error.contains(&format!("did you mean {scheme}://dst/p?")), "{text}: {error}");
            }
        }
        assert!("file:/dst".parse::<Location>().unwrap_err().contains("did you mean file:///dst?"));
        for folder in ["./s3:/dst", "/s3:/dst", "s3", "s3/dst", "s3.d/x", "a:b", "C:/x", "s3x:/dst", "x/s3:/dst"] {
            assert_eq!(parse(folder).scheme(), Scheme::File, "{folder}");
        }
    }

    #[test]
    fn a_location_survives_printing_and_reading() {
        for text in ["s3://b", "s3://b/p/q/", "oss://b/x/", "/tmp/x", "/"] {
            assert_eq!(parse(text).to_string(), text);
            assert_eq!(parse(&parse(text).to_string()), parse(text));
        }
    }

    #[test]
    fn nested_locations_overlap_and_neighbours_do_not() {
        assert!(parse("/a").overlaps(&parse("/a/b")));
        assert!(!parse("/a").overlaps(&parse("/ab")));
        assert!(parse("s3://b").overlaps(&parse("s3://b/x")));
        assert!(!parse("s3://b/x").overlaps(&parse("s3://b/xy")));
    }
}
