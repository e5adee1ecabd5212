use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;

use super::PRELUDE;

/// Runs a script, in which `PORT` is a free port. Checks its exit status and error messages, and that no server is left.
fn check(lines: &str, status: i32, messages: &[&str]) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{PRELUDE}{lines}").replace("PORT", &port.to_string());
    let mut bash = Command::new("bash");
    let bash = bash.args(["-c", &script]).current_dir(&folder);
    let output = bash.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    for message in messages {
        assert!(errors.contains(message), "{message}: {errors}");
    }
    assert!(!errors.contains("never"), "{errors}");
    let left = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    assert!(left.is_err(), "a server is left running");
}

const SERVER: &str = "serves PORT
background 'echo made >file'
background 'python3 -m http.server PORT --bind 127.0.0.1'
serves
";

#[test]
fn a_failed_command_is_reported_with_its_location() {
    let lines = "show x.md:3 a\ntrue\nshow x.md:4 b\nfalse\nshow x.md:5 never\n";
    check(lines, 1, &["x.md:4 does not work", "(status 1)"]);
    let piped = "show x.md:3 a\nfalse | cat\n";
    check(piped, 1, &["x.md:3 does not work"]);
}

#[test]
fn servers_run_in_the_background() {
    let curl = "background 'curl http://127.0.0.1:PORT/file | grep made'\n";
    check(&format!("{SERVER}{curl}"), 0, &[]);
}

#[test]
fn an_http_error_is_a_failure() {
    for curl in ["curl", "background 'curl"] {
        let curl = format!("show x.md:4 a\n{curl} http://127.0.0.1:PORT/none");
        let end = if curl.contains('\'') { "'\n" } else { "\n" };
        check(&format!("{SERVER}{curl}{end}"), 22, &["x.md:4 does not"]);
    }
}

#[test]
fn a_server_that_stops_is_a_failure() {
    let lines = "serves PORT\nshow x.md:3 a\nbackground 'echo no reason >&2; exit 3'\n";
    check(lines, 3, &["no reason", "x.md:3 does not work"]);
    let silent = "serves PORT\nbackground true\nserves\n";
    check(silent, 1, &["nothing answers at port"]);
}

#[test]
fn a_port_in_use_is_reported() {
    let other = "python3 -m http.server PORT & servers[x]=$!\nuntil responds PORT; do :; done\n";
    let lines = format!("{other}serves PORT\nshow never never\n");
    check(&lines, 1, &["something else answers at port"]);
}
