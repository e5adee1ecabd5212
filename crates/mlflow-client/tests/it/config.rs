//! Settings from the variables that MLflow's users know.

use mlflow_client::{Config, Credentials, Error, Secret, TrackingUri};
use std::time::Duration;

fn config(variables: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_lookup(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic { user: user.to_owned(), password: Secret::new(password) }
}

#[test]
fn nothing_set_means_the_local_store() {
    let found = config(&[("MLFLOW_TRACKING_URI", "")]).unwrap();
    assert_eq!(found, Config::new(TrackingUri::default()));
}

#[test]
fn everything_set() {
    let found = config(&[
        ("MLFLOW_TRACKING_URI", "https://host:1/base/"),
        ("MLFLOW_EXPERIMENT_NAME", "digits"),
        ("MLFLOW_RUN_ID", "abc"),
        ("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true"),
        ("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.5"),
        ("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "3"),
        ("MLFLOW_TRACKING_USERNAME", "me"),
        ("MLFLOW_TRACKING_PASSWORD", "secret"),
        ("MLFLOW_TRACKING_TOKEN", "unused"),
        ("MLFLOW_TRACKING_INSECURE_TLS", "True"),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "2.5"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"),
        ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0"),
    ])
    .unwrap();
    assert_eq!(found.tracking_uri.to_string(), "https://host:1/base");
    assert_eq!(found.experiment_name.as_deref(), Some("digits"));
    assert_eq!(found.run_id.as_deref(), Some("abc"));
    let system = found.system_metrics;
    assert!(system.enabled && system.samples.get() == 3, "{system:?}");
    assert_eq!(system.interval, Duration::from_millis(500));
    assert_eq!(found.http.credentials, basic("me", "secret"));
    assert!(found.http.insecure_tls);
    assert_eq!(found.http.server_certificate.as_deref(), Some("/ca.pem".as_ref()));
    assert_eq!(found.http.timeout, Duration::from_millis(2500));
    assert_eq!((found.http.max_retries, found.http.backoff), (3, Duration::ZERO));
    let shown = format!("{found:?}");
    assert!(!shown.contains("secret") && !shown.contains("unused"), "{shown}");
}

#[test]
fn credentials_in_mlflows_order() {
    let home = tempfile::tempdir().unwrap();
    fs_err::create_dir(home.path().join(".mlflow")).unwrap();
    let text = "[mlflow]\nmlflow_tracking_username = filed\nmlflow_tracking_password = filed too\n";
    fs_err::write(home.path().join(".mlflow/credentials"), text).unwrap();
    let home = ("HOME", home.path().to_str().unwrap());
    let found = |variables: &[(&str, &str)]| config(variables).unwrap().http.credentials;

    assert_eq!(found(&[home]), basic("filed", "filed too"));
    assert_eq!(found(&[home, ("MLFLOW_TRACKING_PASSWORD", "mine")]), basic("filed", "mine"));
    let token = ("MLFLOW_TRACKING_TOKEN", "t");
    assert_eq!(found(&[home, token]), basic("filed", "filed too"));
    assert_eq!(found(&[token]), Credentials::Token(Secret::new("t")));
    let uri = ("MLFLOW_TRACKING_URI", "http://a:b@host");
    assert_eq!(found(&[home, uri]), basic("a", "b"));
    assert_eq!(found(&[("HOME", "/no/home")]), Credentials::None);
}

#[test]
fn wrong_values_are_named() {
    let cases = [
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "-1"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "inf"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1.5"),
        ("MLFLOW_TRACKING_INSECURE_TLS", "maybe"),
        ("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "perhaps"),
        ("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01"),
        ("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "0"),
    ];
    for (name, value) in cases {
        let error = config(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    let error = config(&[("MLFLOW_TRACKING_URI", "ftp://me:secret@host")]).unwrap_err();
    assert!(!error.to_string().contains("secret"));
}
