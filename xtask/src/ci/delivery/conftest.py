"""Replaces programs that need a network or a cluster in tests of scripts."""

import os
import subprocess

import pytest


class Programs:
    def __init__(self, folder):
        self.folder = folder

    def replace(self, program, body=""):
        """Replaces a program with a script that records its arguments."""
        path = self.folder / program
        path.write_text(f'#!/bin/bash\necho "{program} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def calls(self, start=""):
        return [call for call in (self.folder / "calls").read_text().splitlines() if call.startswith(start)]

    def run(self, command, **environment):
        """Runs a command with only these variables."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)} | environment
        return subprocess.run(command, env=environment, text=True, capture_output=True)


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)
