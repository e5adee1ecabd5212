"""Uses the service as Triton's own client does: ADDRESS TOKEN MODEL PHOTOGRAPH...

The answers to tensors must be those of Python's ONNX Runtime on the model's file, the answers to
photographs those of `POST /predict`. Beside the served model there is one in a folder `colours`.
"""

import base64
import json
import sys
import urllib.request

import numpy
import onnxruntime
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

TOLERANCE = 1e-4


def tensor_input(values, binary):
    tensor = InferInput("input", values.shape, "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def photograph_input(files, binary):
    elements = files if binary else [base64.b64encode(file) for file in files]
    tensor = InferInput("input", [len(files)], "BYTES")
    tensor.set_data_from_numpy(numpy.array(elements, dtype=object), binary_data=binary)
    return tensor


def outputs(*names, binary):
    return [InferRequestedOutput(name, binary_data=binary) for name in names]


def predict(address, file):
    """What `POST /predict` says of a photograph."""
    headers = {"content-type": "image/*"}
    request = urllib.request.Request(f"http://{address}/predict", file, headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def image_shape(onnx):
    """Of the input of the model's file, without the batch."""
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return session.get_inputs()[0].shape[1:]


def check_metadata(client, model, shape):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(model["name"])
    assert not client.is_model_ready("no-such-model")
    extensions = client.get_server_metadata()["extensions"]
    assert {"binary_tensor_data", "model_repository"} <= set(extensions)
    metadata = client.get_model_metadata(model["name"])
    assert metadata["inputs"] == [
        {"name": "input", "datatype": "FP32", "shape": [-1, *shape]}
    ]
    assert [output["name"] for output in metadata["outputs"]] == ["output", "probabilities", "class"]
    for version in metadata["versions"]:
        assert client.is_model_ready(model["name"], version)


def check_tensors(client, model, onnx, shape):
    values = numpy.random.default_rng(7).normal(size=(3, *shape)).astype(numpy.float32)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["output"], {"input": values})
    for binary_input in (True, False):
        for wanted in (None, outputs("output", binary=True), outputs("output", binary=False)):
            # JSON takes twenty bytes for a number, and a body is limited.
            some = values if binary_input else values[:1]
            answer = client.infer(
                model["name"], [tensor_input(some, binary_input)], outputs=wanted, request_id="7"
            )
            assert answer.get_response()["id"] == "7"
            difference = numpy.abs(answer.as_numpy("output") - expected[: len(some)]).max()
            assert difference < TOLERANCE, difference
    best = client.infer(
        model["name"],
        [tensor_input(values, True)],
        outputs=[InferRequestedOutput("output", class_count=2)],
    ).as_numpy("output")
    assert best.shape == (3, 2)
    for row, logits in zip(best, expected):
        value, index, name = row[0].decode().split(":", 2)
        assert int(index) == logits.argmax() and name == model["classes"][int(index)]
        assert abs(float(value) - logits.max()) < TOLERANCE


def check_photographs(client, model, address, files):
    expected = [predict(address, file) for file in files]
    for binary_input in (True, False):
        for wanted in (None, outputs("probabilities", "class", binary=False)):
            answer = client.infer(
                model["name"], [photograph_input(files, binary_input)], outputs=wanted
            )
            classes, probabilities = answer.as_numpy("class"), answer.as_numpy("probabilities")
            assert probabilities.shape == (len(files), len(model["classes"]))
            for one, name, row in zip(expected, classes, probabilities):
                name = name.decode() if isinstance(name, bytes) else name
                assert name == one["predicted_class"], (name, one["predicted_class"])
                assert abs(row.max() - one["confidence"]) < TOLERANCE


def check_refusals(client, model, shape):
    def refused(status, words, name, tensor, **options):
        try:
            client.infer(name, [tensor], **options)
        except InferenceServerException as error:
            assert error.status() == status, error
            assert words in error.message(), error
        else:
            raise AssertionError(f"{words}: not refused")

    name = model["name"]
    good = tensor_input(numpy.zeros((1, *shape), numpy.float32), True)
    refused("404", "does not exist", "no-such-model", good)
    refused("404", "does not exist", name, good, model_version="0")
    refused("400", "shape", name, tensor_input(numpy.zeros((1, 3, 9, 9), numpy.float32), True))
    refused("400", "no output `x`", name, good, outputs=outputs("x", binary=True))
    refused("400", "image 0", name, photograph_input([b"no image"], True))
    refused("413", "batch", name, photograph_input([b"x"] * 99, True))


def check_repository(client, model, token, file):
    headers = {"Authorization": f"Bearer {token}"}

    def index():
        return {one["name"]: one for one in client.get_model_repository_index(headers=headers)}

    def refused(status, words, ask):
        try:
            ask()
        except InferenceServerException as error:
            assert error.status() == status, error
            assert words in error.message(), error
        else:
            raise AssertionError(f"{words}: not refused")

    name = "colours"
    assert {one["state"] for one in index().values()} == {"READY"}
    assert set(index()) == {name, model["name"]}
    answer = client.infer(name, [photograph_input([file], True)])
    assert answer.get_response()["model_name"] == name
    client.unload_model(name, headers=headers)
    assert index()[name]["state"] == "UNAVAILABLE" and index()[name]["reason"]
    assert not client.is_model_ready(name)
    client.load_model(name, headers=headers)
    assert client.is_model_ready(name) and index()[name]["state"] == "READY"
    client.load_model(model["name"], headers=headers)
    assert client.is_model_ready(model["name"])
    refused("401", "token", lambda: client.load_model(name))
    refused("401", "token", client.get_model_repository_index)
    refused("404", "model `x` does not exist", lambda: client.load_model("x", headers=headers))
    refused("400", "config", lambda: client.load_model(name, headers=headers, config="{}"))
    refused(
        "400",
        "`config`, `file:1/model.onnx`",
        lambda: client.load_model(
            name, headers=headers, config="{}", files={"file:1/model.onnx": b"x"}
        ),
    )
    refused("400", "cannot be unloaded", lambda: client.unload_model(model["name"], headers=headers))


def main(address, token, onnx, *photographs):
    with urllib.request.urlopen(f"http://{address}/model") as response:
        model = json.load(response)
    with urllib.request.urlopen(f"http://{address}/classes") as response:
        model["classes"] = json.load(response)["classes"]
    files = [open(path, "rb").read() for path in photographs]
    client = InferenceServerClient(address)
    shape = image_shape(onnx)
    check_metadata(client, model, shape)
    check_tensors(client, model, onnx, shape)
    check_photographs(client, model, address, files)
    check_refusals(client, model, shape)
    check_repository(client, model, token, files[0])
    print(f"{len(files)} photographs and 3 tensors are answered alike")


main(*sys.argv[1:])
