"""Tests of scripts, which find our programs in place of those that would need a network or a cluster."""

import os
import subprocess

import pytest


class Programs:
    def __init__(self, folder):
        self.folder = folder

    def replace(self, program, body=""):
        """Puts a script before the program of that name; it notes how it is called."""
        path = self.folder / program
        path.write_text(f'#!/bin/bash\necho "{program} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def calls(self, start=""):
        return [call for call in (self.folder / "calls").read_text().splitlines() if call.startswith(start)]

    def run(self, command, **environment):
        """Runs a command with these variables only."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)} | environment
        return subprocess.run(command, env=environment, text=True, capture_output=True)


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)
