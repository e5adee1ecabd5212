"""Measures accuracy, time and size of frozen backbones at several image sizes; docs/experiments.md shows the result.

    python docs/front.py measure DATA_DIR RESULTS.json mobilenet_v2:192 mobilenet_v2:224 efficientnet_lite0:224
    python docs/front.py add DATA_DIR RESULTS.json NAME=FOLDER       an exported model
    python docs/front.py time DATA_DIR RESULTS.json [MACHINE]        measures the times again, or on a further machine
    python docs/front.py table RESULTS.json
    python docs/front.py draw RESULTS.json docs/images/front.svg

Trains heads, exports them in both precisions and evaluates them on the test images with `pet-cli` (the environment
variable PET_CLI, or the one on the PATH). The time is that of the inference of one image on one thread, as the service
reports it, and the least of several, on a quiet machine; the table has a column for each further machine, by its name, and
the picture shows the first. Compare only times of one machine. What is in RESULTS.json is not measured again.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PET_CLI = os.environ.get("PET_CLI", "pet-cli")
HEAD = "--epochs 30 --schedule cosine --label-smoothing 0.1 --weight-decay 0.01".split()
FILES = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
PREDICTIONS, FOLDS = 60, 5
FIGURES = ("test", "interval", "milliseconds", "megabytes")
STYLES = {
    "mobilenet_v2": ("MobileNetV2", "#2563eb"),
    "mobilenet_v2_tuned": ("MobileNetV2, fine-tuned", "#7c3aed"),
    "efficientnet_lite0": ("EfficientNet-Lite0", "#059669"),
    "efficientnet_lite1": ("EfficientNet-Lite1", "#d97706"),
    "efficientnet_lite1_tuned": ("EfficientNet-Lite1, fine-tuned", "#be185d"),
    "efficientnet_lite2": ("EfficientNet-Lite2", "#dc2626"),
}


def pet_cli(*arguments):
    done = subprocess.run([PET_CLI, *map(str, arguments)], stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout


def measure(data, results, *wanted):
    for name in wanted:
        backbone, size = name.split(":")
        if name in (rows := read(results)):
            continue
        folder = results.with_suffix("") / name.replace(":", "_")
        recipe = f"center-crop:{round(int(size) * 8 / 7)}:{size}"
        train = ["train", "--data-dir", data, "--backbone", backbone, "--recipe", recipe, *HEAD, "--json",
                 "--model-name", f"front_{backbone}_{size}"]
        folds = json.loads(pet_cli(*train, "--folds", FOLDS, "--group-series"))[0]
        pet_cli(*train)
        export(f"front_{backbone}_{size}", data, folder)
        row = {"folds": folds["val_acc"], "standard_error": folds["standard_error"], **model(data, folder)}
        write(results, rows | {name: row})


def export(name, data, folder):
    """In both precisions, or only in fp32 if the gate of `pet-cli export` refuses the int8 model, which it says."""
    for precision in ("both", "fp32"):
        try:
            return pet_cli("export", "--model-name", name, "--data-dir", data, "--precision", precision, "--results", folder)
        except subprocess.CalledProcessError:
            if precision == "fp32":
                raise


def add(data, results, *wanted):
    for given in wanted:
        name, folder = given.split("=")
        write(results, read(results) | {name: model(data, Path(folder))})


def time_again(data, results, machine="milliseconds"):
    rows = read(results)
    for row in rows.values():
        for precision in FILES.keys() & row.keys():
            row[precision][machine] = inference(data, Path(row["folder"]), precision)
        write(results, rows)


def model(data, folder):
    """Both precisions of an exported model."""
    row = {"folder": str(folder)}
    for precision, file in FILES.items():
        if not (folder / file).exists():
            continue
        text = pet_cli("evaluate", "--data-dir", data, "--results", folder, "--precision", precision, "--json",
                       "--pictures", folder / precision)
        (test,) = json.loads(text).values()
        row[precision] = {"test": test["top1"], "interval": test["top1_interval"], "milliseconds": inference(data, folder, precision),
                          "megabytes": (folder / file).stat().st_size / 1e6}
    return row


def inference(data, folder, precision):
    """Milliseconds of ONNX Runtime for one image, from the service's own account of its time."""
    photo = min((Path(data) / "images").glob("*.jpg")).read_bytes()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    service = subprocess.Popen([PET_CLI, "serve", "--port", str(port), "--workers", "1", "--results", folder,
                                "--precision", precision], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(url)
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        request = urllib.request.Request(f"{url}/predict", head + photo + b"\r\n--x--\r\n",
                                         {"Content-Type": "multipart/form-data; boundary=x"})
        return min(infer(request) for _ in range(PREDICTIONS))
    finally:
        service.terminate()
        service.wait()


def infer(request):
    with urllib.request.urlopen(request) as answer:
        return float(re.search(r"infer;dur=([0-9.]+)", answer.headers["Server-Timing"])[1])


def wait(url):
    for _ in range(600):
        try:
            return urllib.request.urlopen(f"{url}/health").close()
        except OSError:
            time.sleep(0.1)
    sys.exit("error: the service does not answer")


def read(results):
    return json.loads(results.read_text()) if results.exists() else {}


def write(results, rows):
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(rows, indent=1) + "\n")


def style(backbone):
    """The name for people and the colour."""
    return STYLES.get(backbone, (backbone, "#111827"))


def points(rows):
    for name, row in rows.items():
        for precision in FILES:
            if precision in row:
                yield name, precision, row, row[precision]


def dominated(one, others):
    """Whether another is as fast and more accurate, or as accurate and faster."""
    return any(other["milliseconds"] <= one["milliseconds"] and other["test"] >= one["test"]
               and (other["milliseconds"], other["test"]) != (one["milliseconds"], one["test"]) for other in others)


def table(results):
    rows = list(points(read(results)))
    everything, validated = [row[3] for row in rows], any("folds" in row[2] for row in rows)
    machines = list(dict.fromkeys(key for figures in everything for key in figures if key not in FIGURES))
    heads = ["model", "pixels", "precision", *["folds"] * validated, "test", "interval", "MB", "ms", *machines]
    print(line(heads) + "\n" + line(["---" if head in ("model", "precision") else "---:" for head in heads]))
    for name, precision, row, figures in sorted(rows, key=lambda point: point[3]["milliseconds"]):
        backbone, _, size = name.partition(":")
        low, high = figures["interval"]
        folds = f"{row['folds']:.4f} ± {row['standard_error']:.4f}" if "folds" in row else "–"
        test = f"{figures['test']:.4f}"
        test = test if dominated(figures, everything) else f"**{test}**"
        print(line([style(backbone)[0], size, precision, *[folds] * validated, test, f"{low:.3f} to {high:.3f}",
                    f"{figures['megabytes']:.1f}",
                    *[f"{figures[key]:.2f}" if key in figures else "–" for key in ("milliseconds", *machines)]]))


def line(cells):
    return "| " + " | ".join(cells) + " |"


def draw(results, picture):
    rows = list(points(read(results)))
    width, height, left, right, top, bottom = 840, 440, 64, 230, 24, 52
    times = [figures["milliseconds"] for *_, figures in rows]
    shares = [figures["test"] for *_, figures in rows]
    most, low, high = max(times) * 1.06, min(shares) - 0.004, max(shares) + 0.004
    x = lambda time: left + (width - left - right) * time / most
    y = lambda share: top + (height - top - bottom) * (high - share) / (high - low)
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>']
    step = 0.005 if high - low < 0.06 else 0.01
    mark = round(low / step + 0.5) * step
    while mark < high:
        svg.append(f'<path d="M{left} {y(mark):.1f}H{width - right}" stroke="#e5e7eb"/>'
                   f'<text x="{left - 8}" y="{y(mark) + 4:.1f}" text-anchor="end" fill="#374151">{mark:.3f}</text>')
        mark += step
    for mark in range(0, int(most) + 1, 1 if most < 12 else 2):
        svg.append(f'<text x="{x(mark):.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#374151">{mark}</text>')
    svg.append(f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle" fill="#111827">'
               'inference of one image on one thread, ms</text>'
               f'<text transform="translate(16 {(height - bottom + top) / 2})rotate(-90)" text-anchor="middle" fill="#111827">'
               'accuracy on the test images</text>')
    everything = [figures for *_, figures in rows]
    front = sorted((figures for figures in everything if not dominated(figures, everything)), key=lambda one: one["milliseconds"])
    path = " ".join(f'{x(one["milliseconds"]):.1f},{y(one["test"]):.1f}' for one in front)
    svg.append(f'<polyline points="{path}" fill="none" stroke="#9ca3af" stroke-dasharray="4 4"/>')
    for name, precision, _, figures in rows:
        backbone, _, size = name.partition(":")
        title, colour = style(backbone)
        fill = colour if precision == "int8" else "#fff"
        at = f'{x(figures["milliseconds"]):.1f}', f'{y(figures["test"]):.1f}'
        svg.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{float(at[0]) + 9:.1f}" y="{float(at[1]) + 4:.1f}" fill="{colour}" font-size="11">'
                   f'{size or title}</text>')
    svg += legend(rows, width - right + 16, top + 12) + ["</svg>"]
    Path(picture).write_text("\n".join(svg) + "\n")


def legend(rows, left, top):
    names = list(dict.fromkeys(name.partition(":")[0] for name, *_ in rows))
    lines = [f'<text x="{left}" y="{top + 18 * at}" fill="{colour}">{title}</text>'
             for at, (title, colour) in enumerate(map(style, names))]
    kinds = [("#374151", "8-bit integers"), ("#fff", "floating point"), (None, "the best trade-offs")]
    for at, (fill, words) in enumerate(kinds, len(names) + 1):
        line = top + 18 * at
        lines.append(f'<circle cx="{left + 5}" cy="{line - 4}" r="5" fill="{fill}" stroke="#374151" stroke-width="2"/>' if fill
                     else f'<path d="M{left - 2} {line - 4}h14" stroke="#9ca3af" stroke-dasharray="4 4"/>')
        lines.append(f'<text x="{left + 18}" y="{line}" fill="#374151">{words}</text>')
    return lines


def main():
    command, *arguments = sys.argv[1:] or [""]
    if command in ("measure", "add") and len(arguments) > 2:
        data, results, *wanted = arguments
        {"measure": measure, "add": add}[command](Path(data), Path(results), *wanted)
    elif command == "time" and len(arguments) in (2, 3):
        data, results, *machine = arguments
        time_again(Path(data), Path(results), *machine)
    elif command == "table" and len(arguments) == 1:
        table(Path(arguments[0]))
    elif command == "draw" and len(arguments) == 2:
        draw(Path(arguments[0]), arguments[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
