"""Compiled kernels on the disk: their names, their making in another process, and which of them are kept."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cuda_ops.cpu import build, kernelcache


def test_kernels_are_kept_under_a_name_made_from_their_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(kernelcache.VARIABLE, str(tmp_path))
    before = kernelcache.folder()
    assert before.parent.parent == tmp_path and before == kernelcache.folder()
    monkeypatch.setattr(kernelcache, "SHARED", kernelcache.SHARED[1:])
    assert kernelcache.folder() != before


def test_every_source_of_a_kernel_is_part_of_that_name():
    room, found, waiting = Path(kernelcache.__file__).parent, set(), list(kernelcache.MODULES)
    while waiting:
        name = waiting.pop()
        found.add(name)
        text = (room / f"{name}.py").read_text()
        used = re.findall(r"from cuda_ops\.cpu\.(\w+) import", text)
        used += [
            n for names in re.findall(r"from cuda_ops\.cpu import (.+)", text) for n in names.split(", ")
        ]
        waiting += set(used) - found
    assert found == {*kernelcache.MODULES, *kernelcache.SHARED}


def test_another_process_fills_the_folder(tmp_path: Path):
    heard: list[tuple[str, int, int]] = []
    assert build.elsewhere(tmp_path, ["matvec"], lambda *line: heard.append(line))
    assert heard == [("matvec", 0, 1)]
    assert list(tmp_path.rglob("*.nbc"))


def test_a_process_that_fails_is_told_of_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert not build.elsewhere(tmp_path, ["no_such_module"], lambda *line: None)
    assert "no_such_module" in caplog.text


LEAVE_IN_THE_MIDDLE = """
import threading
from cuda_ops.cpu import compile, selfcheck
began, checks = threading.Event(), dict(selfcheck.CHECKS)
selfcheck.CHECKS = {name: lambda r, check=check: (began.set(), check(r))[1] for name, check in checks.items()}
compile.start()
began.wait()
"""


def test_a_program_that_ends_while_kernels_are_checked_ends_well():
    root = Path(build.__file__).parents[2]
    left = subprocess.run(
        [sys.executable, "-c", LEAVE_IN_THE_MIDDLE], cwd=root, capture_output=True, text=True
    )
    assert (left.returncode, left.stderr) == (0, "")


def test_a_process_that_is_stopped_ends_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert not build.elsewhere(tmp_path, ["matvec"], lambda *line: build.stop())
    assert not caplog.text and not list(tmp_path.rglob("*.nbc"))


def test_the_folders_used_last_are_kept(tmp_path: Path):
    for age in range(6):
        folder = tmp_path / f"{age:016x}"
        folder.mkdir()
        (folder / "kernel").touch()
        os.utime(folder, (1e9 - age, 1e9 - age))
    (tmp_path / "verdicts").mkdir()
    kernelcache.prune(tmp_path / f"{5:016x}")
    assert sorted(p.name for p in tmp_path.iterdir()) == [*(f"{age:016x}" for age in (0, 1, 5)), "verdicts"]
