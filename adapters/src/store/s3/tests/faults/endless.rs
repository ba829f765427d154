//! Listings that never end.

use super::super::super::*;
use super::service::{Reply, Service, reply};

/// An endless listing: what each page says, from its number.
fn endless(page: impl Fn(usize) -> String + Send + Sync + 'static) -> Service {
    Service::new(move |_, number| {
        let contents = page(number);
        let text = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t{number}</NextContinuationToken>{contents}</ListBucketResult>"
        );
        reply(200, &text)
    })
}

fn listed(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>")
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_goes_on_for_ever_without_new_keys_is_ended() {
    for (page, most) in [
        (endless(|_| String::new()), listing::MAX_EMPTY_PAGES as usize + 1),
        (endless(|_| listed("same")), 2),
        (endless(|number| listed(if number.is_multiple_of(2) { "b" } else { "a" })), 2),
    ] {
        let store = page.store("anonymous").await;
        let mut listing = store.list(KeyRange::default());
        let error = loop {
            match listing.next_page().await {
                Ok(page) => assert!(page.is_some(), "the end was believed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(page.count() <= most, "{} pages", page.count());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_of_folders_that_lists_for_ever_is_ended_too() {
    let service = Service::new(|_, number| {
        let text = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t{number}</NextContinuationToken></ListBucketResult>"
        );
        Reply::Answer(200, vec![("server", "SeaweedFS".to_owned())], text)
    });
    let store = service.store("anonymous").await;
    let error = store.list(KeyRange::default()).next_page().await.expect_err("it never ends");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let uploads = Service::new(|_, number| {
        let text = format!(
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k{number}</NextKeyMarker>\
             <NextUploadIdMarker>i</NextUploadIdMarker></ListMultipartUploadsResult>"
        );
        reply(200, &text)
    });
    let error = uploads.store("anonymous").await.list_uploads("key").await.expect_err("it never ends");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
