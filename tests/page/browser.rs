//! A headless Chromium with the page open, which a chromedriver process drives by `WebDriver`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

/// Longest wait for a condition on the page.
const PATIENCE: Duration = Duration::from_secs(20);

/// The key of element references in `WebDriver`.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// Window size and color scheme.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scheme: &'static str,
}

/// A desktop window in the light scheme.
pub(crate) const DESKTOP: View = View { width: 1280, height: 1000, scheme: "light" };

/// A browser, which is closed when dropped.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    address: String,
}

impl Browser {
    /// Opens the page at `address`; `None` without chromedriver.
    pub(crate) fn open(address: &str, view: View) -> Option<Self> {
        let driver = Driver::start()?;
        let options = json!({
            "args": [
                "--headless=new",
                // Containers rarely allow the sandbox, and only our own page is opened.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--no-first-run",
                format!("--window-size={},{}", view.width, view.height),
            ],
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let session = driver.post("/session", &capabilities);
        let browser = Self {
            session: format!("/session/{}", session["sessionId"].as_str().unwrap()),
            driver,
            address: address.to_owned(),
        };
        browser.set_view(view);
        browser.load();
        Some(browser)
    }

    fn load(&self) {
        self.post("/url", &json!({ "url": self.address }));
    }

    /// Loads the page again after a script that changes what it finds.
    pub(crate) fn reload_after(&self, script: &str) {
        self.development("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
        self.load();
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.driver.post(&format!("{}{path}", self.session), body)
    }

    /// Changes window size and color scheme.
    pub(crate) fn set_view(&self, view: View) {
        self.development(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": view.width, "height": view.height,
                "deviceScaleFactor": 1, "mobile": view.width < 500,
            }),
        );
        let scheme = json!({ "name": "prefers-color-scheme", "value": view.scheme });
        self.development("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
    }

    /// Runs a command of the development tools.
    fn development(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", &body);
    }

    /// Runs a script in the page.
    pub(crate) fn run(&self, script: &str) {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }));
    }

    /// The value of a JavaScript expression.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The value of an expression as text.
    pub(crate) fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({expression})")) != true {
            assert!(
                start.elapsed() < PATIENCE,
                "never true: {expression}\n{}\n{:#?}",
                self.text("document.body.innerText"),
                self.console()
            );
            sleep(Duration::from_millis(20));
        }
    }

    fn element(&self, selector: &str) -> String {
        let body = json!({ "using": "css selector", "value": selector });
        let element = self.post("/element", &body);
        format!("/element/{}", element[ELEMENT].as_str().unwrap())
    }

    /// Clicks the element's middle.
    pub(crate) fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), &json!({}));
    }

    /// Chooses a file, as in the browser's file dialog.
    pub(crate) fn choose(&self, selector: &str, file: &Path) {
        self.choose_all(selector, &[file]);
    }

    /// Chooses several files at once.
    pub(crate) fn choose_all(&self, selector: &str, files: &[&Path]) {
        let path = format!("{}/value", self.element(selector));
        // The driver rejects paths with `..`.
        let files = files.iter().map(|file| fs_err::canonicalize(file).unwrap());
        let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
        self.post(&path, &json!({ "text": files.join("\n") }));
    }

    /// Records requests in the page's `uploads`: path, name and size of the file, and the file itself.
    pub(crate) fn watch_uploads(&self) {
        self.value(
            "((fetch) => {
               window.uploads = [];
               window.fetch = (url, options) => {
                 const file = options?.body?.get('file');
                 const path = new URL(url).pathname;
                 if (file) window.uploads.push({ path, name: file.name, bytes: file.size, file });
                 return fetch(url, options);
               };
             })(window.fetch)",
        );
    }

    /// Presses keys, see [`key`].
    pub(crate) fn press(&self, keys: &[char]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.act(&json!({ "type": "key", "id": "keyboard", "actions": strokes }));
    }

    /// Drags from one point of the window to another.
    pub(crate) fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let moved = |(x, y): (f64, f64), duration: u32| {
            let (x, y) = (x.round() as i64, y.round() as i64);
            json!({ "type": "pointerMove", "x": x, "y": y, "duration": duration })
        };
        self.act(&json!({ "type": "pointer", "id": "mouse", "actions": [
            moved(from, 0),
            { "type": "pointerDown", "button": 0 },
            moved(to, 200),
            { "type": "pointerUp", "button": 0 },
        ] }));
    }

    fn act(&self, source: &Value) {
        self.post("/actions", &json!({ "actions": [source] }));
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().unwrap().clone()
    }

    /// The messages of the console since the last call.
    pub(crate) fn console(&self) -> Vec<String> {
        let said = |entry: Value| entry["message"].as_str().unwrap().to_owned();
        self.log("browser").into_iter().map(said).collect()
    }

    /// Checks that the console is empty, and that there were no requests to other hosts.
    #[track_caller]
    pub(crate) fn check_quiet(&self) {
        assert_eq!(self.console(), Vec::<String>::new());
        self.check_requests();
    }

    /// Checks that there were no requests to other hosts.
    #[track_caller]
    pub(crate) fn check_requests(&self) {
        let requests: Vec<String> =
            self.log("performance").iter().filter_map(request_url).collect();
        assert!(!requests.is_empty(), "the log is empty");
        for url in requests {
            let own = ["blob:", "data:", "about:", &self.address];
            assert!(own.iter().any(|start| url.starts_with(start)), "{url}");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.driver.delete(&self.session);
    }
}

/// The URL of a request in an entry of the performance log.
fn request_url(entry: &Value) -> Option<String> {
    let message: Value = serde_json::from_str(entry["message"].as_str()?).unwrap();
    let event = &message["message"];
    if event["method"] != "Network.requestWillBeSent" {
        return None;
    }
    Some(event["params"]["request"]["url"].as_str()?.to_owned())
}

/// Keys of `WebDriver`.
pub(crate) mod key {
    pub(crate) const TAB: char = '\u{e004}';
    pub(crate) const END: char = '\u{e010}';
    pub(crate) const HOME: char = '\u{e011}';
    pub(crate) const LEFT: char = '\u{e012}';
    pub(crate) const RIGHT: char = '\u{e014}';
    pub(crate) const DOWN: char = '\u{e015}';
}

/// A chromedriver process, which is killed when dropped.
struct Driver {
    process: Child,
    /// Kept open, since a driver that cannot write exits.
    _output: BufReader<ChildStdout>,
    agent: Agent,
    address: String,
}

impl Driver {
    /// Starts chromedriver on a free port; `None` if it is not installed.
    fn start() -> Option<Self> {
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
            .timeout_global(Some(CALL_TIMEOUT))
            .build()
            .new_agent();
        Some(Self { process, _output: output, agent, address: format!("http://127.0.0.1:{port}") })
    }

    /// Posts a command, and returns its value.
    fn post(&self, path: &str, body: &Value) -> Value {
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
    fn delete(&self, path: &str) {
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
