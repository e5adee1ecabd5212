//! A server that does everything wrong, made of a listener and a script.

mod models;
mod stub;

use crate::at;
use mlflow_client::{
    Batch, Client, Config, Credentials, Error, HttpOptions, NewModelVersion, NewRun, RunQuery,
    Secret,
};
use std::error::Error as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use stub::{Answer, Stub, json};

fn options() -> HttpOptions {
    let mut options = HttpOptions::default();
    options.timeout = Duration::from_millis(400);
    options.max_retries = 3;
    options.backoff = Duration::from_millis(5);
    options.max_backoff = Duration::from_millis(300);
    options
}

/// The options without any retry.
fn impatient() -> HttpOptions {
    let mut options = options();
    options.max_retries = 0;
    options
}

fn connect(url: &str, http: HttpOptions) -> Client {
    let mut config = Config::new(url.parse().unwrap());
    config.http = http;
    Client::open(&config).unwrap()
}

fn batch() -> Batch {
    Batch::new().metric("loss", 0.5, at(1), 1)
}

fn run_of(id: &str) -> String {
    format!(r#"{{"run":{{"info":{{"run_id":"{id}","experiment_id":"1","status":"RUNNING"}}}}}}"#)
}

#[test]
fn passing_refusals_are_tried_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let stub = Stub::start(vec![Answer::text(status, "busy"), Answer::Drop, json("{}")]);
        connect(&stub.url, options()).log_batch("r", &batch()).unwrap();
        assert_eq!(stub.requests().len(), 3, "{status}");
    }
}

#[test]
fn patience_ends() {
    let stub = Stub::start(vec![Answer::text(503, "down for repair"); 4]);
    let error = connect(&stub.url, options()).log_batch("r", &batch()).unwrap_err();
    assert_eq!(stub.requests().len(), 4, "once and three times more");
    assert!(error.to_string().contains("503") && error.to_string().contains("down for repair"));
    assert!(error.hint().is_some());
}

#[test]
fn retry_after_is_respected_up_to_the_cap() {
    for (asked, least, most) in [("0", 0, 200), ("1", 300, 900), ("86400", 300, 900)] {
        let stub = Stub::start(vec![
            Answer::with(429, &format!("Retry-After: {asked}"), "slow"),
            json("{}"),
        ]);
        let start = Instant::now();
        connect(&stub.url, options()).log_batch("r", &batch()).unwrap();
        let waited = start.elapsed().as_millis();
        assert!((least..most).contains(&waited), "{asked}: {waited}");
    }
}

#[test]
fn what_makes_something_is_not_repeated_blindly() {
    let create =
        |client: &Client| client.create_run("1", &NewRun::new("a", at(1))).map(|run| run.id);
    for fault in
        [Answer::Drop, Answer::text(500, "oops"), Answer::text(503, "oops"), Answer::Silence]
    {
        let stub = Stub::start(vec![fault, json(&run_of("second"))]);
        assert!(create(&connect(&stub.url, options())).is_err());
        assert_eq!(stub.requests().len(), 1);
    }
    let version = |client: &Client| client.create_model_version(&NewModelVersion::new("m", "s"));
    let stub = Stub::start(vec![Answer::Drop, json("{}")]);
    assert!(version(&connect(&stub.url, options())).is_err());
    assert_eq!(stub.requests().len(), 1);
    // Turned away at the door: nothing was made.
    let stub = Stub::start(vec![Answer::text(429, "later"), json(&run_of("first"))]);
    assert_eq!(create(&connect(&stub.url, options())).unwrap(), "first");
}

#[test]
fn a_server_that_is_down_comes_back() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let client = connect(&url, options());
    let error = client.log_batch("r", &batch()).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert!(error.source().is_some() && error.hint().is_some());

    // Nothing listens: even what makes something may wait.
    let mut slow = options();
    slow.backoff = Duration::from_millis(100);
    let patient = connect(&url, slow);
    let waiting = std::thread::spawn(move || patient.create_run("1", &NewRun::new("a", at(1))));
    std::thread::sleep(Duration::from_millis(100));
    let stub = Stub::on(port, vec![json(&run_of("late"))]);
    assert_eq!(waiting.join().unwrap().unwrap().id, "late");
    drop(stub);
}

#[test]
fn a_silent_server_times_out() {
    let stub = Stub::start(vec![Answer::Silence]);
    let start = Instant::now();
    let error = connect(&stub.url, impatient()).run("r").unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn answers_that_are_not_mlflows() {
    let html = "<html><body>Welcome to nginx!</body></html>";
    let stub = Stub::start(vec![
        Answer::text(200, html),
        Answer::text(404, html),
        json("[1]"),
        json("{\"run\":"),
    ]);
    let client = connect(&stub.url, options());
    let error = client.run("r").unwrap_err();
    assert!(matches!(&error, Error::Answer { got, .. } if got.contains("Welcome")), "{error}");
    let error = client.run("r").unwrap_err();
    assert!(matches!(&error, Error::Server { status: 404, code, .. } if code == "-"), "{error}");
    assert!(error.hint().is_some());
    assert!(matches!(client.run("r"), Err(Error::Answer { .. })));
    assert!(matches!(client.run("r"), Err(Error::Answer { .. })));
}

#[test]
fn a_forbidden_host_gets_the_hint() {
    let text = "Invalid Host header - possible DNS rebinding attack detected";
    let stub = Stub::start(vec![Answer::text(403, text)]);
    let error = connect(&stub.url, options()).run("r").unwrap_err();
    assert!(error.hint().unwrap().contains("--allowed-hosts"), "{error}");
}

#[test]
fn credentials_are_sent_but_never_shown() {
    let basic = Credentials::Basic { user: "me".to_owned(), password: Secret::new("pa:ss") };
    let token = Credentials::Token(Secret::new("s3cret"));
    for (credentials, header) in
        [(basic, "authorization: Basic bWU6cGE6c3M="), (token, "authorization: Bearer s3cret")]
    {
        let stub = Stub::start(vec![Answer::text(401, "no")]);
        let mut authenticated = options();
        authenticated.credentials = credentials;
        let client = connect(&stub.url, authenticated);
        let error = client.run("r").unwrap_err();
        let head = &stub.requests()[0].head;
        assert!(head.to_lowercase().contains(&header.to_lowercase()), "{head}");
        assert!(error.hint().unwrap().contains("MLFLOW_TRACKING_TOKEN"));
        let shown = format!("{error} {error:?} {client:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("pa:ss") && !shown.contains("bWU6"),
            "{shown}"
        );
    }
}

#[test]
fn a_broken_upload_is_restarted() {
    let run = r#"{"run":{"info":{"run_id":"r","status":"RUNNING","artifact_uri":"mlflow-artifacts:/1/r/artifacts"}}}"#;
    let stub = Stub::start(vec![json(run), Answer::DropWithin(1000), Answer::text(200, "")]);
    let client = connect(&stub.url, options());
    let place = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i >> 3) as u8).collect();
    fs_err::write(place.path(), &bytes).unwrap();
    let artifacts = client.artifacts(&client.run("r").unwrap().artifact_uri).unwrap();
    artifacts.upload_file(place.path(), "weights.bin").unwrap();
    let requests = stub.requests();
    let last = requests.last().unwrap();
    assert!(
        last.head.starts_with("PUT /api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/weights.bin ")
    );
    assert!(last.body == bytes, "the whole file, from its beginning");
}

#[test]
fn a_broken_download_leaves_nothing() {
    let short = Answer::with(200, "Content-Length: 100", "only this");
    let stub = Stub::start(vec![short]);
    let client = connect(&stub.url, options());
    let place = tempfile::tempdir().unwrap();
    let artifacts = client.artifacts("mlflow-artifacts:/1/r/artifacts").unwrap();
    assert!(artifacts.download_file("a.bin", &place.path().join("a.bin")).is_err());
    assert_eq!(fs_err::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_hostile_listing_stays_outside() {
    let stub = Stub::start(vec![json(
        r#"{"files":[{"path":"../../evil","is_dir":false,"file_size":1}]}"#,
    )]);
    let place = tempfile::tempdir().unwrap();
    let artifacts = connect(&stub.url, options()).artifacts("mlflow-artifacts:/1").unwrap();
    let error = artifacts.download_folder("", &place.path().join("target")).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}

#[test]
fn defaults_left_out_and_unknown_fields_are_fine() {
    let old = r#"{"runs":[{"info":{"run_id":"r","start_time":"1700000000000","future":[1]},
        "data":{"metrics":[{"key":"a","value":"NaN","timestamp":"5"},{"key":"b","value":3}]}}],"next_page_token":""}"#;
    let stub = Stub::start(vec![json(old), json("{}")]);
    let client = connect(&stub.url, options());
    let run = client.search_runs(&RunQuery::new("1")).next().unwrap().unwrap();
    assert_eq!(run.start_time, Some(at(1_700_000_000_000)));
    assert!(run.metrics["a"].value.is_nan() && run.metrics["a"].timestamp == at(5));
    assert!(run.tags.is_empty() && run.end_time.is_none());
    assert_eq!(client.search_runs(&RunQuery::new("1")).count(), 0);
}

#[test]
fn a_check_does_not_wait() {
    let stub = Stub::start(vec![Answer::text(200, "3.17.2"), Answer::text(503, "no")]);
    let client = connect(&stub.url, HttpOptions::default());
    assert_eq!(client.server_version().unwrap().as_deref(), Some("3.17.2"));
    assert!(client.check().is_err());
    assert_eq!(stub.requests().len(), 2);
    assert!(client.server_version().is_err(), "nobody listens any more");
}
