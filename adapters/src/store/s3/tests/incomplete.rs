//! Pages of a listing that are incomplete or late.

use super::faults::service::{Reply, Service, reply};
use super::faults::verb::Verb;
use super::lean::CLIENTS;
use super::*;

#[tokio::test]
async fn a_page_that_is_incomplete_is_refused() {
    let object = "<Contents><Key>a</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>";
    let folder = "<CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes>";
    let (last, more) = ("<IsTruncated>false</IsTruncated>", "<NextContinuationToken>t</NextContinuationToken>");
    for (parts, fault) in [
        (String::new(), "has no IsTruncated"),
        ("<KeyCount>0</KeyCount>".to_owned(), "has no IsTruncated"),
        (format!("<KeyCount>1</KeyCount>{object}"), "has no IsTruncated"),
        (format!("<KeyCount>2</KeyCount>{last}{object}"), "has 1 of 2 keys"),
        (format!("<KeyCount>3</KeyCount>{last}{object}{folder}"), "has 2 of 3 keys"),
        (format!("{last}{}", object.replace("<Key>a</Key>", "")), "has no Key"),
        (format!("{last}{}", folder.replace("<Prefix>f/</Prefix>", "")), "has no Prefix"),
        (last.to_owned(), ""),
        (format!("<KeyCount>1</KeyCount>{more}{object}"), ""),
        (format!("<KeyCount>2</KeyCount>{last}{object}{folder}"), ""),
        // Some stores count objects alone.
        (format!("<KeyCount>1</KeyCount>{last}{object}{folder}"), ""),
    ] {
        let text = format!("<ListBucketResult><EncodingType>url</EncodingType>{parts}</ListBucketResult>");
        for client in CLIENTS {
            let text = text.clone();
            let service = Service::new(move |_, _| reply(200, &text));
            let bucket = service.store_by(client, "anonymous").await.0;
            match bucket.list_once(&page::PageRequest::default(), 1000).await {
                Ok(_) => assert_eq!(fault, "", "{client:?}: {parts}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{client:?}: {error}");
                    assert!(!fault.is_empty() && error.message().contains(fault), "{client:?}: {error} for {parts}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_page_is_left_to_the_listing() {
    let small = "max-keys=1&";
    let slow = Service::new(move |request, number| match request.uri().contains(small) || number > 3 {
        true => Verb::List.good(),
        false => Reply::Stall,
    });
    let store = slow.store("anonymous").await;
    store.probe_listing().await.expect("the store answers to a request of one key");
    assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), ["key"]);
    let hung = Service::new(|_, _| Reply::Stall);
    assert_eq!(kind(hung.store("anonymous").await.probe_listing().await), ErrorKind::Timeout);
}
