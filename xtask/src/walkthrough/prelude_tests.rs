//! The functions of the scripts: what goes wrong is found, and nothing is left running.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Output};

use super::script::PRELUDE;

/// Runs lines after the functions.
fn run(lines: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{PRELUDE}{lines}")])
        .current_dir(&folder);
    bash.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A port at which nothing listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[test]
fn a_command_that_fails_is_named_by_its_place() {
    let output =
        run("at docs/x.md:3 true\ntrue\nat docs/x.md:4 false\nfalse\nat docs/x.md:5 true\n");
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("docs/x.md:4 does not do what it says (status 1)"),
        "{said}"
    );
    assert!(!said.contains("docs/x.md:5"), "{said}");
}

#[test]
fn a_part_of_a_pipe_that_fails_is_a_failure() {
    assert_eq!(
        run("at docs/x.md:3 ''\nfalse | cat\n").status.code(),
        Some(1)
    );
}

#[test]
fn a_refusal_is_a_failure() {
    let port = free_port();
    let lines = format!(
        "at docs/x.md:3 server\nserve http://127.0.0.1:{port}/ 'python3 -m http.server {port} --bind 127.0.0.1'\n\
         at docs/x.md:4 curl\ncurl http://127.0.0.1:{port}/none\n"
    );
    let output = run(&lines);
    assert_ne!(output.status.code(), Some(0));
    let said = said(&output);
    assert!(
        said.contains("docs/x.md:4 does not do what it says"),
        "{said}"
    );
    assert!(!listens(port), "the server was left running");
}

#[test]
fn a_server_that_ends_at_once_tells_why() {
    let port = free_port();
    let output = run(&format!(
        "at docs/x.md:3 server\nserve http://127.0.0.1:{port}/ 'echo no reason >&2; exit 3'\n"
    ));
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("no reason") && said.contains("nothing answers"),
        "{said}"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let port = free_port();
    let server = format!("python3 -m http.server {port} --bind 127.0.0.1");
    let lines = format!(
        "serve http://127.0.0.1:{port}/ '{server}'\nat docs/x.md:3 server\n\
         serve http://127.0.0.1:{port}/. '{server}'\n"
    );
    // The same server under another address stands for a stranger.
    let output = run(&lines);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("something else answers at"), "{said}");
    assert!(!listens(port));
}
