"""The scripts of the workflows do what they are there for.

They are taken out of the workflows as they are.
"""

import http.server
import pathlib
import threading
import unittest

import workflows
from programs import Scripts

CI, DEPLOY, RELEASE = (f".github/workflows/{name}.yml" for name in ("ci", "deploy", "release"))

# What GitHub sets for each step.
GITHUB = {
    "GITHUB_ACTOR": "someone",
    "GITHUB_REF_NAME": "v1.2.3",
    "GITHUB_REPOSITORY": "Some-Owner/pets",
    "GITHUB_SHA": "0123abc",
}

IMAGE = {"TOKEN": "secret", "IMAGE": "ghcr.io/Some-Owner/pet-classifier"}


class Steps(Scripts):
    def run_step(self, file, job, name=None, earlier=None, **given):
        """Runs a step's script with the variables that the step declares, and those that an earlier step has set."""
        step = workflows.step(file, job, name)
        self.assertEqual(set(step.get("env", {})), set(given))
        self.environment_file = self.folder / "environment"
        variables = GITHUB | {"GITHUB_ENV": str(self.environment_file)} | (earlier or {}) | given
        # As GitHub does, but that a variable which nobody sets is an error.
        return self.run_script(["bash", "--noprofile", "--norc", "-eu", "-c", step["run"]], **variables)

    def assert_skipped(self, done, why):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("::notice::skipped: ") and why in done.stdout, done.stdout)


class Render(Steps):
    def hook(self, *statuses):
        """A server that answers with one status after the other; its address and the requests that came."""
        requests, left = [], list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                requests.append(self.path)
                self.send_response(left.pop(0))
                # Else curl waits longer with each attempt.
                self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(lambda: (server.shutdown(), thread.join(), server.server_close()))
        return f"http://127.0.0.1:{server.server_port}/deploy/service?key=k", requests

    def deploy(self, hook):
        return self.run_step(DEPLOY, "render", "Call the deploy hook", HOOK=hook)

    def test_without_a_secret_it_is_skipped(self):
        self.assert_skipped(self.deploy(""), "RENDER_DEPLOY_HOOK")

    def test_the_hook_is_told_the_commit(self):
        hook, requests = self.hook(200)
        done = self.deploy(hook)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        self.assertEqual(requests, ["/deploy/service?key=k&ref=0123abc"])

    def test_a_short_failure_is_tried_again(self):
        hook, requests = self.hook(503, 200)
        self.assertEqual(self.deploy(hook).returncode, 0)
        self.assertEqual(len(requests), 2)

    def test_a_lasting_failure_fails_after_three_more_attempts(self):
        hook, requests = self.hook(500, 500, 500, 500)
        done = self.deploy(hook)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("500", done.stderr)
        self.assertEqual(len(requests), 4)
        self.assertNotIn("key=k", done.stdout + done.stderr)

    def test_a_refusal_fails_at_once(self):
        hook, requests = self.hook(401)
        self.assertNotEqual(self.deploy(hook).returncode, 0)
        self.assertEqual(len(requests), 1)


class Space(Steps):
    def upload(self, token, space):
        self.replace("cargo")
        self.replace("pipx")
        return self.run_step(DEPLOY, "space", "Upload the folder of the Space", HF_TOKEN=token, SPACE=space)

    def test_without_secret_or_variable_it_is_skipped(self):
        for token, space in [("", ""), ("token", ""), ("", "name/space")]:
            self.assert_skipped(self.upload(token, space), "HF_TOKEN")

    def test_the_folder_is_uploaded(self):
        self.assertEqual(self.upload("token", "name/space").returncode, 0)
        made, uploaded = self.calls()
        self.assertEqual(made, "cargo xtask space")
        self.assertIn("hf upload name/space target/space . --repo-type space", uploaded)
        self.assertNotIn("token", uploaded)


class Images(Steps):
    """Names of images have no capitals, whoever owns the repository."""

    def setUp(self):
        super().setUp()
        self.replace("docker", '[[ $1 != login || $(cat) == secret ]]')

    def assert_pushed(self, done, *images):
        self.assertEqual(done.returncode, 0, done.stderr)
        login, *_ = self.calls()
        self.assertEqual(login, "docker login ghcr.io --username someone --password-stdin")
        pushed = [call.split()[-1] for call in self.calls() if call.startswith("docker push")]
        self.assertEqual(pushed, [f"ghcr.io/some-owner/pet-classifier:{tag}" for tag in images])

    def test_main_and_the_commit_are_pushed(self):
        self.assert_pushed(self.run_step(DEPLOY, "image", "Push", **IMAGE), "main", "0123abc")

    def test_an_architecture_of_a_release_is_pushed(self):
        self.assert_pushed(self.run_step(RELEASE, "image", "Push", TAG="v1.2.3-arm64", **IMAGE), "1.2.3-arm64")

    def test_both_architectures_become_one_tag(self):
        self.assert_pushed(self.run_step(RELEASE, "manifest", **IMAGE))
        image = "ghcr.io/some-owner/pet-classifier"
        self.assertEqual(
            self.calls()[-1],
            f"docker buildx imagetools create --tag {image}:1.2.3 --tag {image}:latest"
            f" {image}:1.2.3-amd64 {image}:1.2.3-arm64",
        )


class Release(Steps):
    def test_the_release_has_the_tag_and_the_files(self):
        self.replace("gh")
        self.assertEqual(self.run_step(RELEASE, "release", GH_TOKEN="token").returncode, 0)
        (call,) = self.calls()
        self.assertTrue(call.startswith("gh release create v1.2.3 --repo Some-Owner/pets --verify-tag "), call)
        self.assertIn(" dist/", call)


class MinimumRust(Steps):
    SELECT = "Select the version that Cargo.toml names, over that of rust-toolchain.toml"

    def test_the_version_of_cargo_toml_is_selected(self):
        self.replace("rustup")
        self.assertEqual(self.run_step(CI, "minimum-rust", self.SELECT).returncode, 0)
        name, version = self.environment_file.read_text().strip().split("=")
        self.assertEqual(name, "RUSTUP_TOOLCHAIN")
        self.assertRegex(version, r"^1\.\d+$")
        self.assertIn(f'rust-version = "{version}"\n', pathlib.Path("Cargo.toml").read_text())
        self.assertEqual(self.calls(), [f"rustup toolchain install --profile minimal {version}"])

    def test_another_version_is_noticed(self):
        for selected, found in [("1.92", True), ("1.9", False), ("1.95", False)]:
            self.replace("rustc", "echo 'rustc 1.92.0 (hash date)'")
            earlier = {"RUSTUP_TOOLCHAIN": selected}
            done = self.run_step(CI, "minimum-rust", "See that it is selected", earlier)
            self.assertEqual(done.returncode == 0, found)


class Shellcheck(unittest.TestCase):
    def test_a_mistake_is_found(self):
        self.assertEqual(workflows.findings('echo "${{ github.ref }}"'), [])
        (finding,) = workflows.findings("rm $1")
        self.assertIn("[SC2086]", finding)
