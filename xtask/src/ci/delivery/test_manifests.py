"""What the files for the hosts say is what the hosts take, and is true of the service."""

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
    """The values of a key, wherever it stands."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if name == key:
            yield value
        if isinstance(value, (dict, list)):
            yield from values(value, key)


# ---- KServe: no package holds the schema of its resource, but its own client has classes made from that schema.

# The package as such would import the server, whose libraries are not installed.
package = types.ModuleType("kserve")
package.__path__ = importlib.util.find_spec("kserve").submodule_search_locations
sys.modules["kserve"] = package
# Where the client of Kubernetes looks for classes.
vars(kubernetes.client.models).update(vars(importlib.import_module("kserve.models")))

PREDICTORS = set("containers huggingface lightgbm model onnx paddle pmml pytorch sklearn tensorflow triton xgboost".split())


def check_inference_service(text):
    service = yaml.safe_load(text)
    client, response = kubernetes.client.ApiClient(), types.SimpleNamespace(data=json.dumps(service))
    # What is unknown gets lost on the way, what has another type is converted, and what is missing is an error.
    there_and_back = client.sanitize_for_serialization(client.deserialize(response, "V1beta1InferenceService"))
    assert json.dumps(there_and_back, sort_keys=True) == json.dumps(service, sort_keys=True)
    # What KServe refuses, or never gets ready, though it keeps to the schema.
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


def test_kserve_takes_our_manifest():
    check_inference_service(read(KSERVE))


# What is put for what.
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
        # Right by the schema, and yet refused or never ready.
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
def test_what_kserve_refuses_is_found(right, wrong):
    assert right in read(KSERVE)
    with pytest.raises((AssertionError, KeyError, ValueError)):
        check_inference_service(read(KSERVE).replace(right, wrong))


# ---- Render: its schema is in no package either. These are the fields that we use, as
# https://render.com/docs/blueprint-spec described them in November 2026; look up there what you add.


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


def test_render_takes_our_blueprint():
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
        # Without quotes it is `false` to YAML.
        ('autoDeployTrigger: "off"', "autoDeployTrigger: off"),
        ('value: "1"', "values: 1"),
    ],
)
def test_what_render_refuses_is_found(right, wrong):
    assert right in read(RENDER)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(read(RENDER).replace(right, wrong)), BLUEPRINT)


def test_render_builds_from_files_that_exist():
    (service,) = yaml.safe_load(read(RENDER))["services"]
    assert pathlib.Path(service["dockerfilePath"]).is_file() and pathlib.Path(service["dockerContext"]).is_dir()


# ---- The service.


@pytest.mark.parametrize("file", HOSTS)
def test_what_a_host_asks_and_sets_is_documented(file):
    manifests = list(yaml.safe_load_all(read(file)))
    for key in ("path", "prometheus.io/path", "healthCheckPath"):
        for path in values(manifests, key):
            assert f"`{path}" in read("docs/http-api.md") or f" {path}`" in read("docs/http-api.md")
    for variable in [*values(manifests, "key"), *values(manifests, "name")]:
        assert not variable.startswith("PET_") or f"`{variable}`" in read("docs/command-line.md")


# A host that ends the service sooner cuts off requests that were accepted. Knative gives a pod as long to end as a
# request may take.
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
