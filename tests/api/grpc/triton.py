"""Uses the service over gRPC as Triton's own client does: GRPC HTTP TOKEN MODEL PHOTOGRAPH...

The answers to tensors must be those of Python's ONNX Runtime on the model's file, and all answers
those over HTTP. Beside the served model there is one in a folder `colours`.
"""

import sys
import threading

import numpy
import onnxruntime
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import InferenceServerException

MODEL = "oxford_pet_classifier"
TOLERANCE = 1e-4


def tensor_input(module, values):
    tensor = module.InferInput("input", values.shape, "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


def photograph_input(module, files):
    tensor = module.InferInput("input", [len(files)], "BYTES")
    tensor.set_data_from_numpy(numpy.array(files, dtype=object))
    return tensor


def refused(status, words, ask):
    try:
        ask()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", error
        assert words in error.message(), error
    else:
        raise AssertionError(f"{words}: not refused")


def image_shape(onnx):
    """Of the input of the model's file, without the batch."""
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return session.get_inputs()[0].shape[1:]


def check_metadata(client, shape):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(MODEL) and not client.is_model_ready("no-such-model")
    assert {"classification", "model_repository"} <= set(client.get_server_metadata().extensions)
    model = client.get_model_metadata(MODEL, as_json=True)
    assert model["inputs"] == [
        {"name": "input", "datatype": "FP32", "shape": ["-1", *map(str, shape)]}
    ]
    assert [output["name"] for output in model["outputs"]] == ["output", "probabilities", "class"]
    for version in model["versions"]:
        assert client.is_model_ready(MODEL, version)
    refused("UNIMPLEMENTED", "", lambda: client.get_model_config(MODEL))


def check_tensors(client, onnx, shape):
    values = numpy.random.default_rng(7).normal(size=(3, *shape)).astype(numpy.float32)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["output"], {"input": values})
    answer = client.infer(MODEL, [tensor_input(grpc, values)], request_id="7")
    assert answer.get_response().id == "7"
    assert numpy.abs(answer.as_numpy("output") - expected).max() < TOLERANCE
    best = client.infer(
        MODEL,
        [tensor_input(grpc, values)],
        outputs=[grpc.InferRequestedOutput("output", class_count=2)],
    ).as_numpy("output")
    assert best.shape == (3, 2)
    for row, logits in zip(best, expected):
        value, index, _ = row[0].decode().split(":", 2)
        assert int(index) == logits.argmax() and abs(float(value) - logits.max()) < TOLERANCE


def check_photographs(client, over_http, files):
    answer = client.infer(MODEL, [photograph_input(grpc, files)])
    expected = over_http.infer(MODEL, [photograph_input(http, files)])
    assert answer.get_response().model_version == expected.get_response()["model_version"]
    assert list(answer.as_numpy("class")) == list(expected.as_numpy("class"))
    difference = answer.as_numpy("probabilities") - expected.as_numpy("probabilities")
    assert numpy.abs(difference).max() < TOLERANCE


def check_typed(client, address, file):
    """Typed contents, which this client never sends but its messages have."""
    from tritonclient.grpc import service_pb2_grpc

    import grpc as channels

    tensor = messages.ModelInferRequest.InferInputTensor(
        name="input",
        datatype="BYTES",
        shape=[1],
        contents=messages.InferTensorContents(bytes_contents=[file]),
    )
    request = messages.ModelInferRequest(model_name=MODEL, inputs=[tensor])
    with channels.insecure_channel(address) as channel:
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    assert not answer.raw_output_contents
    raw = client.infer(MODEL, [photograph_input(grpc, [file])])
    assert numpy.allclose(answer.outputs[0].contents.fp32_contents, raw.as_numpy("probabilities"))
    assert list(answer.outputs[1].contents.bytes_contents) == list(raw.as_numpy("class"))


def check_refusals(client, shape):
    good = tensor_input(grpc, numpy.zeros((1, *shape), numpy.float32))
    bad = tensor_input(grpc, numpy.zeros((1, 3, 9, 9), numpy.float32))
    named = grpc.InferInput("x", [1], "FP32")
    named.set_data_from_numpy(numpy.zeros(1, numpy.float32))
    whole = grpc.InferInput("input", [1], "INT32")
    whole.set_data_from_numpy(numpy.zeros(1, numpy.int32))
    for status, words, name, tensor, options in [
        ("NOT_FOUND", "model `no-such-model` does not exist", "no-such-model", good, {}),
        ("NOT_FOUND", "does not exist", MODEL, good, {"model_version": "0"}),
        ("INVALID_ARGUMENT", "shape", MODEL, bad, {}),
        ("INVALID_ARGUMENT", "no input `x`", MODEL, named, {}),
        ("INVALID_ARGUMENT", "FP32 or BYTES", MODEL, whole, {}),
        (
            "INVALID_ARGUMENT",
            "no output `x`",
            MODEL,
            good,
            {"outputs": [grpc.InferRequestedOutput("x")]},
        ),
        ("INVALID_ARGUMENT", "image 0", MODEL, photograph_input(grpc, [b"no image"]), {}),
        ("RESOURCE_EXHAUSTED", "batch", MODEL, photograph_input(grpc, [b"x"] * 99), {}),
        ("RESOURCE_EXHAUSTED", "limit", MODEL, photograph_input(grpc, [b"x" * (30 << 20)]), {}),
        ("DEADLINE_EXCEEDED", "", MODEL, good, {"client_timeout": 0.0001}),
    ]:
        refused(status, words, lambda: client.infer(name, [tensor], **options))


def check_repository(client, token, file):
    headers = {"authorization": f"Bearer {token}"}

    def index():
        models = client.get_model_repository_index(headers=headers).models
        return {model.name: model for model in models}

    name = "colours"
    assert {model.state for model in index().values()} == {"READY"}
    assert set(index()) == {name, MODEL}
    answer = client.infer(name, [photograph_input(grpc, [file])])
    assert answer.get_response().model_name == name
    client.unload_model(name, headers=headers)
    assert index()[name].state == "UNAVAILABLE" and index()[name].reason
    assert not client.is_model_ready(name)
    client.load_model(name, headers=headers)
    assert client.is_model_ready(name) and index()[name].state == "READY"
    for status, words, ask in [
        ("UNAUTHENTICATED", "token", lambda: client.load_model(name)),
        ("UNAUTHENTICATED", "token", client.get_model_repository_index),
        ("NOT_FOUND", "model `x` does not exist", lambda: client.load_model("x", headers=headers)),
        (
            "INVALID_ARGUMENT",
            "config",
            lambda: client.load_model(name, headers=headers, config="{}"),
        ),
        (
            "INVALID_ARGUMENT",
            "cannot be unloaded",
            lambda: client.unload_model(MODEL, headers=headers),
        ),
    ]:
        refused(status, words, ask)


def check_concurrency(client, file):
    expected = client.infer(MODEL, [photograph_input(grpc, [file])]).as_numpy("class")
    answers, all_here = [], threading.Event()

    def take(result, error):
        answers.append(error or list(result.as_numpy("class")))
        if len(answers) == 48:
            all_here.set()

    for _ in range(48):
        client.async_infer(MODEL, [photograph_input(grpc, [file])], take)
    assert all_here.wait(60)
    assert all(answer == list(expected) for answer in answers), answers


def main(address, http_address, token, onnx, *photographs):
    files = [open(path, "rb").read() for path in photographs]
    client = grpc.InferenceServerClient(address)
    shape = image_shape(onnx)
    check_metadata(client, shape)
    check_tensors(client, onnx, shape)
    check_photographs(client, http.InferenceServerClient(http_address), files)
    check_typed(client, address, files[0])
    check_refusals(client, shape)
    check_repository(client, token, files[0])
    check_concurrency(client, files[0])
    print(f"{len(files)} photographs and 3 tensors are answered alike")


main(*sys.argv[1:])
