"""A virtual X server for windows that need a real one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def screen(size: str, *programs: str) -> Iterator[str]:
    """The display of a server of `size` such as 1280x800, which chooses its number; skips where one of the programs
    that are needed beside it is missing."""
    for program in ("Xvfb", *programs):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (apt-get install {' '.join(['xvfb', *programs])})")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()
