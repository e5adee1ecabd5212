//! A chromedriver process, and the calls of `WebDriver`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// Timeout of a call.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A chromedriver process, which is killed when dropped.
pub(crate) struct Driver {
    process: Child,
    /// Kept open, since a driver that cannot write exits.
    _output: BufReader<ChildStdout>,
    agent: Agent,
    address: String,
}

impl Driver {
    /// Starts chromedriver on a free port; `None` if it is not installed.
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
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        Some(Self { process, _output: output, agent, address: format!("http://127.0.0.1:{port}") })
    }

    /// Posts a command, and returns its value.
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

    /// Ends a session with its browser.
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

/// Reads the port from the driver's output.
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
