//! Where a bucket's requests go, by the SDK's own rules.

use aws_config::SdkConfig;
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_types::Document;
use aws_types::service_config::ServiceConfigKey;
use futures::FutureExt as _;

/// The endpoint of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BucketEndpoint {
    /// Scheme and host: `https://photos.s3.eu-west-1.amazonaws.com`.
    pub origin: String,
    /// The path before the key, without the slash at its end: empty, or `/photos` in path style.
    pub path: String,
    /// Host and port, as in the `Host` header.
    pub host: String,
    /// The region and the service that the signature names.
    pub region: String,
    pub service: String,
}

impl BucketEndpoint {
    /// Resolves the endpoint; `None` if there is none, or if its requests are not signed by SigV4: the SDK then makes the
    /// request, or says why it cannot.
    pub fn resolve(config: &SdkConfig, bucket: &str, path_style: bool) -> Option<BucketEndpoint> {
        let mut params = Params::builder()
            .bucket(bucket)
            .use_fips(config.use_fips().unwrap_or(false))
            .use_dual_stack(config.use_dual_stack().unwrap_or(false))
            .force_path_style(path_style)
            .accelerate(false);
        if let Some(region) = config.region() {
            params = params.region(region.as_ref());
        }
        if let Some(url) = configured_url(config) {
            params = params.endpoint(url);
        }
        // Buckets that are named by an ARN have settings of their own.
        if bucket.starts_with("arn:") {
            return None;
        }
        let resolver = DefaultResolver::new();
        let endpoint = resolver.resolve_endpoint(&params.build().ok()?).now_or_never()?.ok()?;
        let scheme = endpoint.auth_schemes().first().filter(|scheme| scheme.name() == "sigv4")?;
        let text = |name: &str| match scheme.get(name) {
            Some(Document::String(text)) => Some(text.clone()),
            _ => None,
        };
        let (protocol, rest) = endpoint.url().split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        let default_port = if protocol == "https" { ":443" } else { ":80" };
        let has_headers = endpoint.headers().next().is_some();
        (!has_headers).then_some(BucketEndpoint {
            origin: format!("{protocol}://{authority}"),
            path: if path.is_empty() { String::new() } else { format!("/{path}") },
            host: authority.strip_suffix(default_port).unwrap_or(authority).to_owned(),
            region: text("signingRegion").or_else(|| config.region().map(ToString::to_string))?,
            service: text("signingName").unwrap_or_else(|| "s3".to_owned()),
        })
    }
}

/// The endpoint that the SDK's client uses: the given one, else the one of S3 in environment or profile, else the common
/// one there.
fn configured_url(config: &SdkConfig) -> Option<String> {
    let common = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return common();
    }
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config.service_config().and_then(|services| services.load_config(key)).or_else(common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::Region;

    fn resolved(bucket: &str, url: Option<&str>, path_style: bool, fips: bool, dual: bool) -> Option<BucketEndpoint> {
        let mut config = SdkConfig::builder().region(Region::from_static("eu-west-1"));
        config.set_endpoint_url(url.map(str::to_owned)).set_use_fips(Some(fips)).set_use_dual_stack(Some(dual));
        BucketEndpoint::resolve(&config.build(), bucket, path_style)
    }

    #[test]
    fn endpoints_are_those_of_the_sdk() {
        for (bucket, url, path_style, fips, dual, expected) in [
            ("photos", None, false, false, false, "https://photos.s3.eu-west-1.amazonaws.com"),
            ("photos", None, true, false, false, "https://s3.eu-west-1.amazonaws.com/photos"),
            ("a.b", None, false, false, false, "https://s3.eu-west-1.amazonaws.com/a.b"),
            ("photos", None, false, true, false, "https://photos.s3-fips.eu-west-1.amazonaws.com"),
            ("photos", None, false, false, true, "https://photos.s3.dualstack.eu-west-1.amazonaws.com"),
            ("photos", Some("http://127.0.0.1:9000"), true, false, false, "http://127.0.0.1:9000/photos"),
            ("photos", Some("http://store.test:80/s3/"), false, false, false, "http://photos.store.test:80/s3"),
        ] {
            let found = resolved(bucket, url, path_style, fips, dual).unwrap();
            assert_eq!(format!("{}{}", found.origin, found.path), expected);
            assert_eq!((found.region.as_str(), found.service.as_str()), ("eu-west-1", "s3"));
            assert!(!found.host.ends_with(":80"), "{}", found.host);
        }
        for other in ["b--euw1-az1--x-s3", "arn:aws:s3:eu-west-1:123456789012:accesspoint:p"] {
            assert_eq!(resolved(other, None, false, false, false), None, "{other}");
        }
    }
}
