//! Endpoint and region of a side, from its scheme and its settings.

use super::ProviderProfile;
use crate::location::Scheme;

/// The endpoint and region of a side's requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// Base URL; `None`: Amazon's own for the region.
    pub url: Option<String>,
    /// The region for signatures; `None`: the region of the environment.
    pub region: Option<String>,
}

/// Fills in endpoint and region if the settings do not give them and the provider is known: the endpoint from scheme
/// and region, the region from the endpoint or from the provider's only one. If the scheme needs an endpoint that
/// cannot be known, the error says which setting to give.
pub fn completed(scheme: Scheme, url: Option<&str>, region: Option<&str>) -> Result<Endpoint, String> {
    let profile = ProviderProfile::of(scheme, url, region);
    let url = match url {
        None if profile.scheme == Some(scheme) => Some(profile.endpoint_in(region)?),
        url => url.map(str::to_owned),
    };
    let by_endpoint = || profile.region_of(&host_of(url.as_deref()?));
    let region = region.map(str::to_owned).or_else(by_endpoint);
    let region = region.or_else(|| profile.default_region.map(str::to_owned));
    Ok(Endpoint { url, region })
}

/// The host of an endpoint, in lower case; empty if there is none.
pub fn host_of(endpoint: &str) -> String {
    let uri = endpoint.parse::<http::Uri>().ok();
    uri.and_then(|uri| Some(uri.host()?.to_ascii_lowercase())).unwrap_or_default()
}

/// Whether a host is a domain or a subdomain.
pub fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

const REGION: &str = "{region}";

impl ProviderProfile {
    fn endpoint_in(&self, region: Option<&str>) -> Result<String, String> {
        let Some(template) = self.endpoints.first() else {
            return Err("give the endpoint-url of the provider's S3-compatible service".to_owned());
        };
        if template.contains('{') && !template.contains(REGION) {
            return Err(format!("give the endpoint-url, {template}"));
        }
        match region {
            Some(region) => Ok(template.replace(REGION, region)),
            None if !template.contains(REGION) => Ok((*template).to_owned()),
            None => Err(format!("give the region, such as {}, or the endpoint-url", self.region_example)),
        }
    }

    /// The region in the name of one of this provider's hosts. If several templates fit, the closest one leaves
    /// the shortest name.
    fn region_of(&self, host: &str) -> Option<String> {
        let named = self.endpoints.iter().filter_map(|template| {
            let (before, after) = template.strip_prefix("https://")?.split_once(REGION)?;
            host.strip_prefix(before)?.strip_suffix(after)
        });
        named
            .filter(|region| !region.is_empty() && !region.contains('.'))
            .min_by_key(|region| region.len())
            .map(str::to_owned)
    }
}

/// The Amazon partition. Amazon copies between buckets of one partition only.
pub fn amazon_partition(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "amazonaws.com.cn",
        Some(region) if region.starts_with("us-gov-") => "amazonaws.com (us-gov)",
        _ => "amazonaws.com",
    }
}
