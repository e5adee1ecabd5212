"""Checks the scripts inside the workflows with shellcheck, and runs them."""

import http.server
import pathlib
import re
import subprocess
import sys
import threading

import pytest
import yaml

WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(pathlib.Path(".github/workflows").glob("*.yml"))}

# All steps that run a script: workflow, job, step.
STEPS = [
    (file, job, step)
    for file, workflow in WORKFLOWS.items()
    for job, content in workflow["jobs"].items()
    for step in content.get("steps", [])
    if "run" in step
]

# Variables that GitHub sets for each step.
GITHUB = {
    "GITHUB_ACTOR": "someone",
    "GITHUB_REF_NAME": "v1.2.3",
    "GITHUB_REPOSITORY": "Some-Owner/pets",
    "GITHUB_SHA": "0123abc",
}

IMAGE = {"TOKEN": "secret", "IMAGE": "ghcr.io/Some-Owner/pet-classifier"}
OWN_IMAGE = "ghcr.io/some-owner/pet-classifier"


def shellcheck(script):
    # GitHub replaces an expression with a word.
    script = re.sub(r"\$\{\{.*?\}\}", "expression", script)
    program = pathlib.Path(sys.executable).with_name("shellcheck")
    # SC2153 takes variables of the step for misspelled ones.
    command = [program, "--shell=bash", "--exclude=SC2153", "--format=gcc", "-"]
    return subprocess.run(command, input=script, text=True, capture_output=True).stdout


@pytest.mark.parametrize("step", [step for _, _, step in STEPS], ids=[f"{file}-{job}" for file, job, _ in STEPS])
def test_shellcheck_finds_nothing(step):
    assert shellcheck(step["run"]) == ""


def test_shellcheck_finds_a_mistake():
    assert "[SC2086]" in shellcheck("rm $1") and shellcheck('echo "${{ github.ref }}"') == ""


def test_called_scripts_exist():
    scripts = [script for _, _, step in STEPS for script in re.findall(r"^bash (\S+)$", step["run"], re.MULTILINE)]
    assert scripts and all(pathlib.Path(script).is_file() for script in scripts)


def test_workflows_grant_no_permissions_by_default():
    assert all(workflow["permissions"] == {} for workflow in WORKFLOWS.values())


@pytest.fixture
def run_step(programs):
    def run(file, job, name=None, earlier=None, **given):
        """Runs a step with its variables, which are `given`, and those that an `earlier` step set."""
        named = [step for of, at, step in STEPS if (of, at) == (file, job) and name in (None, step.get("name"))]
        (step,) = named
        assert set(step.get("env", {})) == set(given)
        variables = GITHUB | {"GITHUB_ENV": str(programs.folder / "environment")} | (earlier or {}) | given
        # Like GitHub, except that unset variables are errors.
        return programs.run(["bash", "--noprofile", "--norc", "-eu", "-c", step["run"]], **variables)

    return run


@pytest.fixture
def deploy(run_step):
    """Runs Render's step with a hook that responds with these statuses; returns the process and the requests."""
    requests, left = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            requests.append(self.path)
            self.send_response(left.pop(0))
            # Otherwise, curl waits longer with each attempt.
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def run(*statuses):
            left.extend(statuses)
            hook = f"http://127.0.0.1:{server.server_port}/deploy/service?key=k"
            return run_step("deploy", "render", "Call the deploy hook", HOOK=hook), requests

        yield run
        server.shutdown()
        thread.join()


def test_the_hook_gets_the_commit(deploy):
    done, requests = deploy(200)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert requests == ["/deploy/service?key=k&ref=0123abc"]


# Server errors are retried three times, other errors are not.
@pytest.mark.parametrize("statuses, succeeds", [([503, 200], True), ([500] * 4, False), ([401], False)])
def test_the_hook_is_retried_after_server_errors(deploy, statuses, succeeds):
    done, requests = deploy(*statuses)
    assert (done.returncode == 0, len(requests)) == (succeeds, len(statuses))
    assert succeeds or str(statuses[0]) in done.stderr
    assert "key=k" not in done.stdout + done.stderr


def upload(run_step, token, space):
    return run_step("deploy", "space", "Upload the folder of the Space", HF_TOKEN=token, SPACE=space)


def test_a_deployment_without_its_secret_is_skipped(run_step):
    hook = run_step("deploy", "render", "Call the deploy hook", HOOK="")
    spaces = [upload(run_step, *given) for given in [("", ""), ("token", ""), ("", "name/space")]]
    for done, why in [(hook, "RENDER_DEPLOY_HOOK"), *((done, "HF_TOKEN") for done in spaces)]:
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("::notice::skipped: ") and why in done.stdout


def test_the_folder_of_the_space_is_uploaded(run_step, programs):
    programs.replace("cargo")
    programs.replace("pipx")
    assert upload(run_step, "token", "name/space").returncode == 0
    made, uploaded = programs.calls()
    assert made == "cargo xtask space"
    assert "hf upload name/space target/space . --repo-type space" in uploaded and "token" not in uploaded


@pytest.mark.parametrize(
    "file, job, name, given, tags",
    [
        ("deploy", "image", "Push", {}, ["main", "0123abc"]),
        ("release", "image", "Push", {"TAG": "v1.2.3-arm64"}, ["1.2.3-arm64"]),
        ("release", "manifest", None, {}, []),
    ],
)
def test_images_are_pushed_with_lower_case_names(run_step, programs, file, job, name, given, tags):
    programs.replace("docker", '[[ $1 != login || $(cat) == secret ]]')
    done = run_step(file, job, name, **IMAGE, **given)
    assert done.returncode == 0, done.stderr
    assert programs.calls()[0] == "docker login ghcr.io --username someone --password-stdin"
    assert [call.split()[-1] for call in programs.calls("docker push")] == [f"{OWN_IMAGE}:{tag}" for tag in tags]
    if not tags:
        made = f"--tag {OWN_IMAGE}:1.2.3 --tag {OWN_IMAGE}:latest {OWN_IMAGE}:1.2.3-amd64 {OWN_IMAGE}:1.2.3-arm64"
        assert programs.calls()[-1] == f"docker buildx imagetools create {made}"


def test_the_release_has_the_tag_and_the_files(run_step, programs):
    programs.replace("gh")
    assert run_step("release", "release", GH_TOKEN="token").returncode == 0
    (call,) = programs.calls()
    assert call.startswith("gh release create v1.2.3 --repo Some-Owner/pets --verify-tag ") and " dist/" in call


SELECT = "Select the version that Cargo.toml names, over that of rust-toolchain.toml"


def test_the_rust_version_of_cargo_toml_is_selected(run_step, programs):
    programs.replace("rustup")
    assert run_step("ci", "minimum-rust", SELECT).returncode == 0
    name, version = (programs.folder / "environment").read_text().strip().split("=")
    assert name == "RUSTUP_TOOLCHAIN" and re.fullmatch(r"1\.\d+", version)
    assert f'rust-version = "{version}"\n' in pathlib.Path("Cargo.toml").read_text()
    assert programs.calls() == [f"rustup toolchain install --profile minimal {version}"]


@pytest.mark.parametrize("selected, succeeds", [("1.92", True), ("1.9", False), ("1.95", False)])
def test_an_unexpected_rust_version_fails(run_step, programs, selected, succeeds):
    programs.replace("rustc", "echo 'rustc 1.92.0 (hash date)'")
    done = run_step("ci", "minimum-rust", "Check that it is selected", {"RUSTUP_TOOLCHAIN": selected})
    assert (done.returncode == 0) == succeeds
