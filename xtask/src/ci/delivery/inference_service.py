"""Checks manifests of KServe: `python inference_service.py FILE...`

No package holds the schema of KServe's resource, but KServe's own client has a class for each part of it, made from that
schema. What a predictor takes over from a pod is checked with Kubernetes' schema, as the other manifests are. What
KServe's webhook demands beside that, and can be known without a cluster, stands in `demands`.
"""

import importlib.util
import pathlib
import re
import sys
import types

import kubernetes_validate
import yaml

# The package as such would import the server, whose libraries are not installed.
package = types.ModuleType("kserve")
package.__path__ = importlib.util.find_spec("kserve").submodule_search_locations
sys.modules["kserve"] = package
models = importlib.import_module("kserve.models")

PLAIN = {"str": str, "int": int, "bool": bool}

# The ways to predict, of which KServe wants one. The containers are the pod's.
PREDICTORS = (
    "containers huggingface lightgbm model onnx paddle pmml pytorch sklearn tensorflow triton xgboost".split()
)

# What Knative takes for the name of a port: HTTP/1 or HTTP/2.
PORT_NAMES = ("http1", "h2c")


def findings(text):
    """What is wrong in a manifest, a line for each."""
    service = yaml.safe_load(text)
    found = list(typed(service, "V1beta1InferenceService", "")) + list(pod(service))
    # Of a manifest with holes, nothing more can be asked.
    return found or list(demands(service))


def typed(value, kind, path):
    """What differs from a type of KServe's classes, such as `int` or `list[V1beta1StorageUri]`."""
    if item := re.fullmatch(r"list\[(.*)\]", kind):
        if not isinstance(value, list):
            yield f"{path}: a list is expected, not {value!r}"
            return
        for index, element in enumerate(value):
            yield from typed(element, item[1], f"{path}[{index}]")
    elif kind == "dict(str, str)":
        yield from texts(value, path)
    elif kind in PLAIN:
        # `type`, because `True` is an `int` to Python.
        if type(value) is not PLAIN[kind]:
            yield f"{path}: {kind} is expected, not {value!r}"
    elif hasattr(models, kind):
        yield from fields(value, getattr(models, kind), path)
    else:
        yield f"{path}: no class describes a {kind}"


def texts(value, path):
    if not isinstance(value, dict):
        yield f"{path}: a mapping is expected, not {value!r}"
        return
    for name, text in value.items():
        yield from typed(text, "str", f"{path}.{name}")


def fields(value, kind, path):
    """What differs from a class of KServe's."""
    if not isinstance(value, dict):
        yield f"{path or 'the manifest'}: a mapping is expected, not {value!r}"
        return
    names = {name: attribute for attribute, name in kind.attribute_map.items()}
    for name, inner in value.items():
        place = f"{path}.{name}".lstrip(".")
        if name not in names:
            yield f"{place}: {kind.__name__} has no such field"
        elif not is_of_a_pod(kind, names[name]):
            yield from typed(inner, kind.openapi_types[names[name]], place)
    try:
        kind(**{attribute: value.get(name) for name, attribute in names.items()})
    except ValueError as error:
        yield f"{path}: {error}"


def is_of_a_pod(kind, attribute):
    if kind is models.V1beta1InferenceService:
        return attribute == "metadata"
    return kind is models.V1beta1PredictorSpec and attribute in models.V1beta1PodSpec.openapi_types


def pod(service):
    """What Kubernetes would refuse in the pod that KServe makes of the manifest."""
    predictor = (service.get("spec") or {}).get("predictor")
    if not isinstance(predictor, dict):
        return
    names = models.V1beta1PodSpec.attribute_map.values()
    spec = {name: value for name, value in predictor.items() if name in names}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": service.get("metadata"), "spec": spec}
    try:
        kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        path = error.json_path.replace("$.spec", "spec.predictor").removeprefix("$.")
        yield f"{path}: {error.message}"


def demands(service):
    """What KServe refuses, or never gets ready, though it keeps to the schema."""
    if (service.get("apiVersion"), service.get("kind")) != ("serving.kserve.io/v1beta1", "InferenceService"):
        yield "apiVersion, kind: not those of an InferenceService"
    if not (service.get("metadata") or {}).get("name"):
        yield "metadata.name: missing"
    predictor = service["spec"]["predictor"]
    ways = [name for name in PREDICTORS if name in predictor]
    if len(ways) != 1:
        yield f"spec.predictor: exactly one of {', '.join(PREDICTORS)} is expected, not {ways}"
    if predictor.get("minReplicas", 1) > predictor.get("maxReplicas", sys.maxsize):
        yield "spec.predictor.minReplicas: more than maxReplicas"
    if "containers" in predictor:
        yield from container((predictor["containers"] or [{}])[0], "spec.predictor.containers[0]")


def container(first, path):
    if first.get("name") != "kserve-container":
        yield f"{path}.name: KServe asks `kserve-container` only, not {first.get('name')!r}"
    if not first.get("image"):
        yield f"{path}.image: missing"
    ports = first.get("ports", [])
    if len(ports) != 1 or ports[0].get("name") not in PORT_NAMES:
        yield f"{path}.ports: exactly one, named {' or '.join(PORT_NAMES)}, is expected"
    numbers = [port["containerPort"] for port in ports] + [port.get("name") for port in ports]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = first.get(probe, {}).get("httpGet", {}).get("port")
        if asked is not None and asked not in numbers:
            yield f"{path}.{probe}: no port {asked!r}"


if __name__ == "__main__":
    wrong = [f"{name}: {finding}" for name in sys.argv[1:] for finding in findings(pathlib.Path(name).read_text())]
    sys.exit("\n".join(wrong) or None)
