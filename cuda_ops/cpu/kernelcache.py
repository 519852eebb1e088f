"""Where compiled kernels lie on the disk, whether all of them are there, and which old ones go."""

import hashlib
import importlib
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MODULES = ("winograd", "upconv", "small", "pointwise", "strassen", "pixels", "matvec", "flrelu")
SHARED = ("simd", "gemm", "epilogue", "winograd4", "winograd6")  # what the kernels are made of
VARIABLE = "STYLESCOPE_KERNEL_CACHE"  # folder for compiled kernels; by default the user's cache folder
KEPT = 3  # folders: this version's and the two used last, for whoever goes back and forth between versions


def folder() -> Path:
    """Named after the sources of the kernels, so that no kernel outlives a change of them."""
    import numba

    room = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for name in SHARED + MODULES:
        digest.update((room / f"{name}.py").read_bytes())
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        import platformdirs

        chosen = platformdirs.user_cache_dir("stylescope", appauthor=False)
    return Path(chosen) / "kernels" / digest.hexdigest()[:16]


def writable(folder: Path) -> Path:
    """The folder, made if need be; a temporary one where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("%s cannot be written (%s); kernels are compiled at each start", folder, error)
        return Path(tempfile.mkdtemp(prefix="stylescope-kernels-"))
    return folder


def mark(folder: Path) -> Path:
    """The file that says: every kernel for this processor lies here."""
    binding: Any = importlib.import_module("llvmlite.binding")
    config: Any = importlib.import_module("numba.core.config")
    processor = config.CPU_NAME or binding.get_host_cpu_name()
    return folder / f"whole-{re.sub('[^a-z0-9]+', '-', processor.lower())}"


def prune(used: Path) -> None:
    """Remove all but the folders used last, of which `used` is one from now on."""
    try:
        os.utime(used)
        others = [p for p in used.parent.iterdir() if re.fullmatch("[0-9a-f]{16}", p.name) and p != used and p.is_dir()]
        for old in sorted(others, key=lambda p: p.stat().st_mtime, reverse=True)[KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)  # another process may be at it, too
    except OSError as error:
        log.warning("%s: old kernels stay (%s)", used.parent, error)
