"""Compiling the kernels in a process of their own: Numba would hold the interpreter that draws the window."""

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import sys; from cuda_ops.cpu.build import main; main(*sys.argv[1:])"

_child: "subprocess.Popen[str] | None" = None


def kernels(folder: Path, names: Iterable[str]) -> list[tuple[Any, Any]]:
    """Kernels of these modules with their signatures; Numba is told where to keep them, its own setting stays."""
    config: Any = importlib.import_module("numba.core.config")
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        modules = [importlib.import_module(f"cuda_ops.cpu.{name}") for name in names]
    finally:
        config.CACHE_DIR = before
    return [job for module in modules for job in module.SIGNATURES.items()]


def compiled(jobs: list[tuple[Any, Any]]) -> Iterator[tuple[str, int, int]]:
    """Compile one after the other, or load it from the disk; before each: its name, how many are done, of how many."""
    for i, (kernel, signature) in enumerate(jobs):
        yield kernel.__name__, i, len(jobs)
        kernel.compile(signature)


def elsewhere(folder: Path, names: Iterable[str], tell: Callable[[str, int, int], None]) -> bool:
    """Fill the folder in another process, telling as `compiled` does; False if that did not work, or was stopped."""
    global _child
    command = [sys.executable, "-c", PROGRAM, str(folder), *names]
    try:
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:  # fmt: skip
            _child = child
            complaint = _follow(child, tell)
    except (OSError, ValueError) as error:
        log.warning("kernels could not be compiled in a process of their own: %s", error)
        return False
    if child.returncode != 0 and _child is child:
        log.warning("compiling kernels in a process of their own ended with %s:\n%s", child.returncode, complaint)
    return child.returncode == 0


def stop() -> None:
    """End the process of `elsewhere`, if one runs; the kernels that it has finished stay in the folder."""
    global _child
    child, _child = _child, None
    if child is not None:
        child.kill()


def _follow(child: "subprocess.Popen[str]", tell: Callable[[str, int, int], None]) -> str:
    """Pass on what a child says, and return what it complains of at the end. One that nobody follows is ended."""
    assert child.stdout is not None and child.stderr is not None
    try:
        for line in child.stdout:
            name, done, total = line.split()
            tell(name, int(done), int(total))
        return child.stderr.read()
    except BaseException:
        child.kill()
        raise


def main(folder: str, *names: str) -> None:
    """Fill a cache folder, and say on a line of the output before each kernel how far that is."""
    if hasattr(os, "nice"):
        os.nice(5)  # pictures come first
    for name, done, total in compiled(kernels(Path(folder), names)):
        sys.stdout.write(f"{name} {done} {total}\n")
        sys.stdout.flush()
