"""The manifests are valid for their hosts and match the service."""

import importlib.util
import json
import pathlib
import re
import sys
import types

import jsonschema
import kubernetes.client
import kubernetes_validate
import pytest
import yaml

KSERVE, RENDER = "docker/kubernetes/inference-service.yaml", "render.yaml"
HOSTS = ["docker/kubernetes/autoscaler.yaml", "docker/kubernetes/deployment.yaml", KSERVE, RENDER]


def read(path):
    return pathlib.Path(path).read_text()


def values(node, key):
    """The values of a key, at any depth."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if name == key:
            yield value
        if isinstance(value, (dict, list)):
            yield from values(value, key)


# ---- KServe: no package contains the schema of its resource, but its client has classes generated from it.

# A stub, because the package imports the server, whose dependencies are not installed.
package = types.ModuleType("kserve")
package.__path__ = importlib.util.find_spec("kserve").submodule_search_locations
sys.modules["kserve"] = package
# The Kubernetes client looks up classes here.
vars(kubernetes.client.models).update(vars(importlib.import_module("kserve.models")))

PREDICTORS = set("containers huggingface lightgbm model onnx paddle pmml pytorch sklearn tensorflow triton xgboost".split())


def check_inference_service(text):
    service = yaml.safe_load(text)
    client, response = kubernetes.client.ApiClient(), types.SimpleNamespace(data=json.dumps(service))
    # A round trip drops unknown fields, converts wrong types, and fails on missing fields.
    round_trip = client.sanitize_for_serialization(client.deserialize(response, "V1beta1InferenceService"))
    assert json.dumps(round_trip, sort_keys=True) == json.dumps(service, sort_keys=True)
    # Rules that are not in the schema: KServe rejects the resource, or it never becomes ready.
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert service["metadata"]["name"]
    predictor = service["spec"]["predictor"]
    assert len(PREDICTORS & predictor.keys()) == 1
    assert predictor["minReplicas"] <= predictor["maxReplicas"]
    (container,) = predictor["containers"]
    assert container["name"] == "kserve-container" and container["image"]
    (port,) = container["ports"]
    assert port["name"] in ("http1", "h2c")
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == port["containerPort"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": service["metadata"], "spec": {"containers": [container]}}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_the_kserve_manifest_is_valid():
    check_inference_service(read(KSERVE))


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("minReplicas", "minReplica"),
        ("drop:", "drops:"),
        ("predictor:", "predict:"),
        ("timeout: 30", 'timeout: "30"'),
        ("maxReplicas: 10", "maxReplicas: true"),
        ("timeout: 30", "labels: {of: 5}"),
        ("timeout: 30", "storageUris: {}"),
        ("timeout: 30", "model: {}"),
        ("containerPort: 8000", "containerPort: x"),
        ("name: kserve-container", "image: x"),
        ("name: pet-classifier", "name: 5"),
        # Valid by the schema, but rejected or never ready.
        ("v1beta1", "v1"),
        ("name: pet-classifier", "labels: {}"),
        ("timeout: 30", "onnx: {}"),
        ("minReplicas: 1", "minReplicas: 11"),
        ("kserve-container", "service"),
        ("image: ghcr.io", "workingDir: ghcr.io"),
        ("name: http1", "name: http"),
        (" port: 8000", " port: 9000"),
    ],
)
def test_invalid_kserve_manifests_are_rejected(right, wrong):
    assert right in read(KSERVE)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check_inference_service(read(KSERVE).replace(right, wrong))


# ---- Render: no package contains its schema. These are the fields that we use, as of November 2026; see
# https://render.com/docs/blueprint-spec for others.


def closed(required, **properties):
    return {"type": "object", "required": required.split(), "additionalProperties": False, "properties": properties}


TEXT = {"type": "string", "minLength": 1}
SERVICE = closed(
    "type name runtime",
    type={"const": "web"},
    name=TEXT,
    runtime={"const": "docker"},
    plan={"enum": ["free", "starter", "standard", "pro", "pro plus", "pro max", "pro ultra"]},
    region={"enum": ["oregon", "ohio", "virginia", "frankfurt", "singapore"]},
    dockerfilePath=TEXT,
    dockerContext=TEXT,
    healthCheckPath={"type": "string", "pattern": "^/"},
    maxShutdownDelaySeconds={"type": "integer", "minimum": 1, "maximum": 300},
    autoDeployTrigger={"enum": ["off", "commit", "checksPass"]},
    envVars={"type": "array", "items": closed("key value", key=TEXT, value={"type": ["string", "number"]})},
)
BLUEPRINT = closed("services", services={"type": "array", "minItems": 1, "items": SERVICE})


def test_the_render_blueprint_is_valid():
    jsonschema.validate(yaml.safe_load(read(RENDER)), BLUEPRINT)


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("services:", "service:"),
        ("plan: starter", "plan: small"),
        ("region: frankfurt", "region: berlin"),
        ("runtime: docker", "runtime: dockr"),
        ("runtime: docker", "env: docker"),
        ("healthCheckPath: /", "healthCheckPath: "),
        ("maxShutdownDelaySeconds: 45", "maxShutdownDelaySeconds: 301"),
        # YAML reads it as `false` without quotes.
        ('autoDeployTrigger: "off"', "autoDeployTrigger: off"),
        ('value: "1"', "values: 1"),
    ],
)
def test_invalid_render_blueprints_are_rejected(right, wrong):
    assert right in read(RENDER)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(read(RENDER).replace(right, wrong)), BLUEPRINT)


def test_the_files_that_render_builds_from_exist():
    (service,) = yaml.safe_load(read(RENDER))["services"]
    assert pathlib.Path(service["dockerfilePath"]).is_file() and pathlib.Path(service["dockerContext"]).is_dir()


# ---- The service.


@pytest.mark.parametrize("file", HOSTS)
def test_paths_and_variables_of_a_host_are_documented(file):
    manifests = list(yaml.safe_load_all(read(file)))
    for key in ("path", "prometheus.io/path", "healthCheckPath"):
        for path in values(manifests, key):
            assert f"`{path}" in read("docs/http-api.md") or f" {path}`" in read("docs/http-api.md")
    for variable in [*values(manifests, "key"), *values(manifests, "name")]:
        assert not variable.startswith("PET_") or f"`{variable}`" in read("docs/command-line.md")


# Otherwise, a host would cut off accepted requests. Knative's grace period is the request timeout.
@pytest.mark.parametrize(
    "file, key",
    [
        (RENDER, "maxShutdownDelaySeconds"),
        ("docker/kubernetes/deployment.yaml", "terminationGracePeriodSeconds"),
        (KSERVE, "timeout"),
    ],
)
def test_a_host_waits_longer_than_the_service(file, key):
    default = re.search(r"\[`PET_GRACE`\].*\(default `(\d+)`\)", read("docs/command-line.md"))[1]
    manifests = list(yaml.safe_load_all(read(file)))
    variables = [variable for found in values(manifests, "env") for variable in found]
    grace = [variable["value"] for variable in variables if variable["name"] == "PET_GRACE"] or [default]
    assert next(values(manifests, key)) > int(grace[0])


# ---- The image.


def test_base_images_have_the_same_names_everywhere():
    bases = re.findall(r"^ARG (\w+_IMAGE)=", read("docker/Dockerfile"), re.MULTILINE)
    build = yaml.safe_load(read("docker/compose.yaml"))["services"]["service"]["build"]
    assert build["args"] == bases and build["network"] == "${BUILD_NETWORK:-default}"
    for name in [*bases, "BUILD_NETWORK"]:
        assert f" {name} " in read("docker/stand-in-bases.sh") and f'"{name}"' in read("xtask/src/docker.rs")


def test_the_image_has_the_workspaces_compiler_and_the_library_of_setup():
    dockerfile, wheel = read("docker/Dockerfile"), read("docker/onnxruntime.txt")
    channel = re.search(r'channel = "(.*)"', read("rust-toolchain.toml"))[1]
    assert f"rust:{channel}-" in dockerfile
    library = "libonnxruntime.so." + re.search(r"onnxruntime==(\S+)", wheel)[1]
    digests = re.findall(r"sha256:(\w{64})", wheel)
    crates = "".join(path.read_text() for path in pathlib.Path("crates").rglob("src/**/*.rs"))
    assert library in dockerfile and len(digests) == 2
    assert all(text in crates for text in [library, *digests])
