"""Plants faults in a copy of Oxford-IIIT Pet and counts which of them are found; docs/data-check.md shows how.

    python docs/data_check.py plant OXFORD FOLDER            copies as links, and FOLDER.json with what was planted
    python docs/data_check.py score FOLDER REPORT            what `pet-cli data check --json` found
    python docs/data_check.py labels FOLDER PROBABILITIES    cleanlab on the probabilities of the example out_of_fold
    python docs/data_check.py cleanvision FOLDER             what cleanvision finds

Needs Pillow to plant, cleanlab and cleanvision for the others.
"""

import json
import random
import sys
from pathlib import Path

SEED, EACH = 7, 100


def plant(oxford, folder):
    from PIL import Image

    lines = (oxford / "annotations/trainval.txt").read_text().splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith("#")]
    classes = {name: name.rsplit("_", 1)[0].replace("_", " ").title() for name in names}
    random_ = random.Random(SEED)
    picked = random_.sample(sorted(names), 3 * EACH)
    copied, altered, swapped = (picked[at : at + EACH] for at in range(0, 3 * EACH, EACH))
    truth = {"exact": {}, "near": {}, "swapped": {}}
    for name in swapped:
        own = classes[name]
        classes[name] = random_.choice([other for other in sorted(set(classes.values())) if other != own])
        truth["swapped"][f"{classes[name]}/{name}.jpg"] = own
    for name, cls in classes.items():
        (folder / cls).mkdir(parents=True, exist_ok=True)
        (folder / cls / f"{name}.jpg").symlink_to((oxford / f"images/{name}.jpg").resolve())
    for name in copied:
        file = f"{classes[name]}/copy_{name}.jpg"
        (folder / file).write_bytes((oxford / f"images/{name}.jpg").read_bytes())
        truth["exact"][file] = f"{classes[name]}/{name}.jpg"
    for at, name in enumerate(altered):
        kind = ("crop", "scale", "recompress")[at % 3]
        image = Image.open(oxford / f"images/{name}.jpg").convert("RGB")
        file = f"{classes[name]}/{kind}_{name}.jpg"
        image, quality = alter(image, kind, random_)
        image.save(folder / file, quality=quality)
        truth["near"][file] = f"{classes[name]}/{name}.jpg"
    Path(f"{folder}.json").write_text(json.dumps(truth, indent=1))


def alter(image, kind, random_):
    """A part of 75 to 95 % of the sides, a size of 40 to 80 %, or a quality of 15 to 60."""
    width, height = image.size
    if kind == "crop":
        share = random_.uniform(0.75, 0.95)
        part = (int(width * share), int(height * share))
        left, top = random_.randint(0, width - part[0]), random_.randint(0, height - part[1])
        return image.crop((left, top, left + part[0], top + part[1])), 90
    if kind == "scale":
        share = random_.uniform(0.4, 0.8)
        return image.resize((int(width * share), int(height * share))), 90
    return image, random_.randint(15, 60)


def count(truth, exact, near):
    """Says how many planted pairs are in one group. A copy stands for what it is a copy of."""
    first = {file: group[0] for group in exact for file in group}
    groups = [{first.get(file, file) for file in group} for group in exact + near]
    together = lambda one, other: any(
        {first.get(one, one), first.get(other, other)} <= group for group in groups
    )
    print("copies", sum(together(*pair) for pair in truth["exact"].items()), "of", len(truth["exact"]))
    for kind in ("crop", "scale", "recompress"):
        pairs = [pair for pair in truth["near"].items() if pair[0].split("/")[1].startswith(kind)]
        print(kind, sum(together(*pair) for pair in pairs), "of", len(pairs))
    planted = set(truth["near"]) | set(truth["exact"])
    others = [group for group in exact + near if not planted & set(group)]
    print(len(others), "other groups, to be looked at:")
    for group in others:
        print("  ", " ".join(group))


def score(folder, report):
    truth, report = json.loads(Path(f"{folder}.json").read_text()), json.loads(report.read_text())
    groups = {"exact": [], "near": []}
    for group in report["duplicates"]:
        groups[group["kind"]].append([image["file"] for image in group["images"]])
    count(truth, groups["exact"], groups["near"])
    f1("suspected labels", {one["file"] for one in report["labels"]["suspects"]}, truth)


def cleanvision(folder):
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues(n_jobs=1, verbose=False)
    below = lambda file: "/".join(Path(file).parts[-2:])
    sets = lambda kind: [[below(file) for file in group] for group in lab.info[kind]["sets"]]
    count(json.loads(Path(f"{folder}.json").read_text()), sets("exact_duplicates"), sets("near_duplicates"))
    print(lab.issue_summary)


def f1(name, found, truth):
    right = len(found & set(truth["swapped"]))
    value = 2 * right / max(1, len(found) + len(truth["swapped"]))
    print(f"{name}: {len(found)} found, {right} of {len(truth['swapped'])} planted, F1 {value:.3f}")


def labels(folder, answers):
    import numpy
    from cleanlab.filter import find_label_issues

    truth, answers = json.loads(Path(f"{folder}.json").read_text()), json.loads(answers.read_text())
    files, given = answers["files"], numpy.array(answers["labels"])
    probabilities = numpy.array(answers["probabilities"], dtype=float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    f1("this program", {files[at] for at in answers["suspects"]}, truth)
    for method in (
        "prune_by_noise_rate",
        "prune_by_class",
        "both",
        "confident_learning",
        "low_normalized_margin",
        "low_self_confidence",
    ):
        found = numpy.flatnonzero(find_label_issues(given, probabilities, filter_by=method, n_jobs=1))
        f1(f"cleanlab, {method}", {files[at] for at in found}, truth)


if __name__ == "__main__":
    commands = {"plant": plant, "score": score, "labels": labels, "cleanvision": cleanvision}
    commands[sys.argv[1]](*map(Path, sys.argv[2:]))
