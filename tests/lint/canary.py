# SPDX-License-Identifier: MIT
"""What the self-tests of the checks share: throw-away trees with one thing wrong in them."""

import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "scripts"))


class Sandbox:
    """A directory with the given files, gone at the end of the `with`."""

    def __init__(self, files):
        self._files = files
        self._directory = tempfile.TemporaryDirectory()

    def __enter__(self):
        for path, text in self._files.items():
            full = os.path.join(self._directory.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return self._directory.name

    def __exit__(self, *_):
        self._directory.cleanup()
