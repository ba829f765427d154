use super::*;

fn local(port: u16) -> Connection {
    Connection {
        endpoint_url: Some(format!("http://127.0.0.1:{port}")),
        region: Some("us-east-1".into()),
        credentials: Some("anonymous".into()),
    }
}

#[test]
fn regression_the_environment_names_the_endpoint_of_s3() {
    let among = |variables: &[(&str, &str)]| {
        endpoint_among(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(among(&[]), None);
    assert_eq!(among(&[("AWS_ENDPOINT_URL", "http://all")]).as_deref(), Some("http://all"));
    let both = [("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_S3", "http://s3")];
    assert_eq!(among(&both).as_deref(), Some("http://s3"));
    assert_eq!(among(&[both[0], both[1], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]), None);
    assert_eq!(among(&[("AWS_ENDPOINT_URL_S3", ""), both[0]]).as_deref(), Some("http://all"));
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    for url in ["", "localhost:9000", "ftp://x", "http://", "http://user:HUSH@host", "http://host/?x=y", "http://a b"] {
        let connection = Connection { endpoint_url: Some(url.into()), ..local(1) };
        let error = sdk_config(&connection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
        assert!(!error.to_string().contains("HUSH"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_names_the_host_and_the_cause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), r#"{"access_key_id":"id","secret_access_key":"secret"}"#).unwrap();
    let credentials = Some(format!("file:{}", keys.path().display()));
    let config = sdk_config(&Connection { credentials, ..local(port) }).await.unwrap();
    let client = aws_sdk_sqs::Client::new(&config);
    let answer = client.list_queues().send().await.unwrap_err();
    let error = error_from("describe", "queue", answer);
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(
        error.to_string(),
        format!("describe queue: no answer from 127.0.0.1:{port}: Connection refused (os error 111)")
    );
}

#[tokio::test]
async fn missing_variables_are_named_when_the_configuration_is_made() {
    let connection = Connection { credentials: Some("env:FLOTILLA_TEST_UNSET".into()), ..local(1) };
    let error = sdk_config(&connection).await.unwrap_err();
    assert!(error.to_string().contains("FLOTILLA_TEST_UNSET_ACCESS_KEY_ID is not set"), "{error}");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_refused() {
    let connection = Connection { credentials: Some("profile:no-such-profile".into()), ..local(1) };
    let error = sdk_config(&connection).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}
