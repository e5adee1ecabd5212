"""Tests of scripts, which find our programs in the place of those that would need a network or a cluster."""

import os
import pathlib
import subprocess
import tempfile
import unittest


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def replace(self, program, body=""):
        """Puts a script before the program of that name; it notes how it is called."""
        path = self.folder / program
        path.write_text(f'#!/bin/bash\necho "{program} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def run_script(self, command, **environment):
        """Runs a command with these variables only."""
        path = f"{self.folder}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(self.folder)} | environment
        return subprocess.run(command, env=environment, text=True, capture_output=True)
