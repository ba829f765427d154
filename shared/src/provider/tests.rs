use super::*;
use endpoint::Endpoint;

/// As [`endpoint::completed`]; an empty text is a setting that is not given.
fn completed(scheme: Scheme, url: &'static str, region: &'static str) -> Result<Endpoint, String> {
    let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    endpoint::completed(scheme, given(url), given(region))
}

#[test]
fn a_provider_is_known_by_scheme_domain_region_or_server() {
    let mut found = Vec::new();
    for (scheme, endpoint, region, server, name) in [
        (Scheme::S3, None, None, None, "Amazon S3"),
        (Scheme::S3, Some("https://s3.eu-west-1.amazonaws.com"), None, None, "Amazon S3"),
        (Scheme::S3, Some("https://s3.cn-north-1.amazonaws.com.cn/"), None, None, "Amazon S3"),
        (Scheme::S3, Some("https://amazonaws.com.example.org"), None, None, "S3-compatible"),
        (Scheme::S3, Some("https://notamazonaws.com"), None, None, "S3-compatible"),
        (Scheme::S3, Some("https://s3.oss-cn-beijing.aliyuncs.com"), None, None, "Aliyun OSS"),
        (Scheme::S3, Some("https://S3.OSS-CN-BEIJING-INTERNAL.ALIYUNCS.COM"), None, None, "Aliyun OSS"),
        (Scheme::S3, Some("https://cos.ap-beijing.myqcloud.com"), None, None, "Tencent COS"),
        (Scheme::S3, Some("https://s3.cn-east-1.qiniucs.com"), None, None, "Qiniu Kodo"),
        (Scheme::S3, Some("https://storage.googleapis.com"), None, None, "Google Cloud Storage"),
        (Scheme::S3, Some("https://0123.eu.r2.cloudflarestorage.com"), None, None, "Cloudflare R2"),
        (Scheme::S3, Some("https://s3.us-west-004.backblazeb2.com"), None, None, "Backblaze B2"),
        (Scheme::S3, Some("https://s3.fr-par.scw.cloud"), None, None, "Scaleway"),
        (Scheme::S3, Some("http://10.0.0.7:3900"), Some("garage"), None, "Garage"),
        (Scheme::Oss, Some("http://127.0.0.1:1"), None, None, "Aliyun OSS"),
        (Scheme::Cos, None, Some("ap-beijing"), None, "Tencent COS"),
        (Scheme::R2, Some("http://127.0.0.1:1"), Some("garage"), None, "Cloudflare R2"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, None, "S3-compatible"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("SeaweedFS 8000GB 4.48"), "SeaweedFS"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("MinIO"), "MinIO"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("Ceph Object Gateway (reef)"), "Ceph RGW"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("AliyunOSS"), "Aliyun OSS"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("nginx"), "S3-compatible"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("cloudflare"), "S3-compatible"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some("AmazonS3"), "S3-compatible"),
        (Scheme::S3, Some("http://127.0.0.1:1"), None, Some(""), "S3-compatible"),
    ] {
        let by_name = ProviderProfile::of(scheme, endpoint, region);
        let by_server = server.filter(|_| by_name.is_guess).and_then(ProviderProfile::by_server);
        let profile = by_server.unwrap_or(by_name);
        assert_eq!(profile.name, name, "{scheme:?} {endpoint:?} {region:?} {server:?}");
        found.push(name);
    }
    for row in table::ROWS {
        assert!(found.contains(&row.name), "add a line that finds {}", row.name);
    }
}

#[test]
fn regression_scaleway_takes_a_thousand_parts() {
    let profile = ProviderProfile::of(Scheme::S3, Some("https://s3.nl-ams.scw.cloud"), None);
    assert_eq!(profile.capabilities().max_parts, 1_000);
}

#[test]
fn every_row_has_a_mark_and_no_two_share_one() {
    let mut marks = Vec::new();
    for profile in table::ROWS {
        let own = [profile.scheme.map(|scheme| scheme.as_str().to_owned()), profile.server.map(str::to_owned)];
        let own =
            own.into_iter().flatten().chain(profile.domains.iter().chain(profile.regions).map(|mark| mark.to_string()));
        let before = marks.len();
        marks.extend(own);
        assert!(marks.len() > before && !profile.is_guess, "{}", profile.name);
    }
    let count = marks.len();
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), count);
    let mine = |scheme: &Scheme| !matches!(scheme, Scheme::S3 | Scheme::File);
    assert!(
        Scheme::ALL.iter().filter(|scheme| mine(scheme)).all(|scheme| ProviderProfile::of_scheme(*scheme).is_some())
    );
}

#[test]
fn a_scheme_and_a_region_make_an_endpoint() {
    for (scheme, region, endpoint, signed_for) in [
        (Scheme::Oss, "cn-beijing", "https://s3.oss-cn-beijing.aliyuncs.com", "cn-beijing"),
        (Scheme::Cos, "ap-beijing", "https://cos.ap-beijing.myqcloud.com", "ap-beijing"),
        (Scheme::Kodo, "cn-east-1", "https://s3.cn-east-1.qiniucs.com", "cn-east-1"),
        (Scheme::Gs, "", "https://storage.googleapis.com", "auto"),
        (Scheme::Gs, "europe-west3", "https://storage.googleapis.com", "europe-west3"),
    ] {
        let made = completed(scheme, "", region).unwrap();
        assert_eq!((made.url.as_deref(), made.region.as_deref()), (Some(endpoint), Some(signed_for)), "{scheme:?}");
    }
    assert_eq!(completed(Scheme::S3, "", ""), Ok(Endpoint::default()), "Amazon's own are the SDK's to find");
}

#[test]
fn a_needed_endpoint_is_asked_for_with_an_example() {
    for (scheme, why) in [
        (Scheme::Oss, "give the region, such as cn-beijing, or the endpoint-url"),
        (Scheme::Cos, "give the region, such as ap-beijing, or the endpoint-url"),
        (Scheme::Kodo, "give the region, such as cn-east-1, or the endpoint-url"),
        (Scheme::R2, "give the endpoint-url, https://{ACCOUNT_ID}.r2.cloudflarestorage.com"),
    ] {
        assert_eq!(completed(scheme, "", ""), Err(why.to_owned()));
    }
}

#[test]
fn a_region_is_read_from_a_known_endpoint_unless_one_is_given() {
    for (endpoint, given, region) in [
        ("https://s3.oss-cn-beijing.aliyuncs.com", "", Some("cn-beijing")),
        ("https://s3.oss-cn-beijing-internal.aliyuncs.com", "", Some("cn-beijing")),
        ("https://s3.us-west-004.backblazeb2.com", "", Some("us-west-004")),
        ("https://s3.cn-north-1.amazonaws.com.cn", "", Some("cn-north-1")),
        ("https://s3.eu-west-1.amazonaws.com", "eu-west-2", Some("eu-west-2")),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", "", None),
        ("https://abc.r2.cloudflarestorage.com", "", Some("auto")),
        ("http://127.0.0.1:9000", "", None),
        ("http://127.0.0.1:9000", "garage", Some("garage")),
    ] {
        let made = completed(Scheme::S3, endpoint, given).unwrap();
        assert_eq!((made.url.as_deref(), made.region.as_deref()), (Some(endpoint), region), "{endpoint}");
    }
}

/// Parts are cut between the limits, so they must leave room.
#[test]
fn the_limits_of_every_row_leave_room_for_its_largest_object() {
    for profile in table::ROWS.iter().copied().chain([&table::UNKNOWN]) {
        let StoreLimits { put_bytes, min_part_bytes, part_bytes, parts, object_bytes, copy_bytes } = profile.limits;
        assert!(
            min_part_bytes <= part_bytes && put_bytes <= object_bytes && copy_bytes <= object_bytes,
            "{}",
            profile.name
        );
        assert!(part_bytes.saturating_mul(u64::from(parts)) >= object_bytes, "{}", profile.name);
    }
}
