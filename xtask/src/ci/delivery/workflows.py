"""The scripts inside workflows, which no other tool sees: `python workflows.py FILE...` has shellcheck read them."""

import pathlib
import re
import subprocess
import sys

import yaml


def steps(file):
    """Each step of a workflow that runs a script, with the name of its job."""
    jobs = yaml.safe_load(pathlib.Path(file).read_text())["jobs"]
    for name, job in jobs.items():
        for step in job.get("steps", []):
            if "run" in step:
                yield name, step


def step(file, job, name=None):
    """The step of that name; without one, the only script of the job."""
    found = [step for of, step in steps(file) if of == job and name in (None, step.get("name"))]
    if len(found) != 1:
        raise LookupError(f"{file}: {len(found)} steps in {job} are called {name}")
    return found[0]


def findings(script):
    """What shellcheck says of a script, with the line within it."""
    # GitHub writes the value into the script; to the shell, it is some word.
    script = re.sub(r"\$\{\{.*?\}\}", "expression", script)
    shellcheck = pathlib.Path(sys.executable).with_name("shellcheck")
    # The variables of a step are not set in its script, so they are no misspellings of others.
    command = [shellcheck, "--shell=bash", "--exclude=SC2153", "--format=gcc", "-"]
    return subprocess.run(command, input=script, text=True, capture_output=True).stdout.splitlines()


if __name__ == "__main__":
    wrong = [
        f"{file}, {job}, {step.get('name', step['run'].splitlines()[0])}: {finding.removeprefix('-:')}"
        for file in sys.argv[1:]
        for job, step in steps(file)
        for finding in findings(step["run"])
    ]
    sys.exit("\n".join(wrong) or None)
