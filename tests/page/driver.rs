//! A running chromedriver and the few calls of `WebDriver` that the tests need.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// Longest time that one call may take.
const CALL: Duration = Duration::from_mins(1);

/// The process; it ends with this value.
pub(crate) struct Driver {
    process: Child,
    /// Kept open: a driver that cannot write would end.
    _output: BufReader<ChildStdout>,
    agent: Agent,
    address: String,
}

impl Driver {
    /// Starts one on a port of its own; nothing where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let port = port(&mut output);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL))
            .build()
            .new_agent();
        Some(Self {
            process,
            _output: output,
            agent,
            address: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Posts a command; its value.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.address))
            .content_type("application/json")
            .send(body.to_string())
            .unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        let value = answer["value"].take();
        assert!(response.status().is_success(), "{path} {body}: {value}");
        value
    }

    /// Ends a session, and its browser with it.
    pub(crate) fn delete(&self, path: &str) {
        let _ = self.agent.delete(format!("{}{path}", self.address)).call();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port that the driver says it listens at.
fn port(output: &mut impl BufRead) -> u16 {
    output
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.contains("started successfully"))
        .find_map(|line| {
            let (_, port) = line.rsplit_once("on port ")?;
            port.trim_end_matches('.').parse().ok()
        })
        .expect("chromedriver ended before it listened")
}
