"""`doctor`: what of this machine works for StyleScope, what does not, and what to do about it."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from app.cli.bootstrap import ROOT, RUNTIME, missing
from app.cli.libraries import install_line, missing_libraries

OK, WARNING, PROBLEM = "ok", "warning", "problem"
MAKE_ANEW = "remove .venv, then start again"
COLOURS = {OK: "green", WARNING: "yellow", PROBLEM: "red"}


@dataclass(frozen=True)
class Row:
    """One finding. A problem stops rendering; a warning costs comfort or a part of the program."""

    subject: str
    state: str
    found: str
    advice: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    gpu: Annotated[bool, typer.Option("--gpu", help="Check and time the GPU's kernels, and write a report.")] = False,
    report: Annotated[Path, typer.Option(help="Where --gpu writes its report.")] = Path("stylescope-gpu.txt"),
) -> int:
    """Say what works on this machine and what to do about the rest; exit code 2 if nothing can be rendered."""
    if gpu:
        from app.cli.doctor_gpu import write_report

        return write_report(report)
    rows = list(examine())
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        show(rows)
    return 2 if any(row.state == PROBLEM for row in rows) else 0


def examine() -> Iterator[Row]:
    """Every finding, in the order in which a start needs them."""
    yield python_row()
    yield Row("Platform", OK, f"{platform.platform()}, {os.cpu_count()} CPUs")
    yield requirements_row()
    yield from torch_rows()
    yield from kernel_rows()
    yield cpu_row()
    yield libraries_row()
    yield display_row()
    yield gl_row("Window", headless=False)
    yield gl_row("Headless window", headless=True)
    yield assets_row()
    yield lab_row()
    yield config_row()


def python_row() -> Row:
    own = Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()
    kind = "StyleScope's own environment" if own else "your environment"
    return Row("Python", OK, f"{platform.python_version()} ({kind}, {sys.executable})")


def requirements_row() -> Row:
    absent = missing(ROOT / RUNTIME)
    if absent:
        return Row("Requirements", WARNING, f"not at the pinned version: {', '.join(absent)}", MAKE_ANEW)
    return Row("Requirements", OK, "all at their pinned versions")


def torch_rows() -> Iterator[Row]:
    """PyTorch itself and the devices it can use."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Row("PyTorch", PROBLEM, f"cannot be imported: {error}", MAKE_ANEW)
        return
    yield Row("PyTorch", OK, f"{torch.__version__}, {torch.get_num_threads()} threads")
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    driver = shutil.which("nvidia-smi") or os.path.exists("/proc/driver/nvidia")
    if driver and not torch.cuda.is_available():
        advice = "update the NVIDIA driver; if PyTorch says +cpu above, remove .venv and start again"
        yield Row("Devices", WARNING, f"{', '.join(devices)}; PyTorch cannot use the NVIDIA driver", advice)
        return
    yield Row("Devices", OK, ", ".join(devices))


def has_cuda() -> bool:
    """Whether PyTorch can use an NVIDIA GPU; a PyTorch that cannot be imported has its own row."""
    try:
        import torch
    except (ImportError, OSError):
        return False
    return torch.cuda.is_available() and torch.version.hip is None


def kernel_rows() -> Iterator[Row]:
    """Whether the GPU's kernels may serve, where there is an NVIDIA GPU; what is not known yet is checked now."""
    if not has_cuda():
        return
    from cuda_ops.gpu import status, verdict

    verdict.wait(0)
    known = status.status(0)
    if known.off:
        advice = "the picture is right all along; `main.py doctor --gpu` writes a report for an issue"
        yield Row("GPU kernels", WARNING, f"{known.why} Off: {'; '.join(known.off)}", advice)
    else:
        yield Row("GPU kernels", OK, known.why)


def cpu_row() -> Row:
    """Which path the CPU takes; compiling its kernels for the first time takes some seconds."""
    try:
        from cuda_ops import cpu
    except (ImportError, OSError):
        return Row("CPU kernels", PROBLEM, "PyTorch cannot be imported", MAKE_ANEW)
    cpu.wait()
    known = cpu.status()
    if known.path == "numba":
        return Row("CPU kernels", OK, known.why)
    chosen = known.why.startswith("Chosen")
    advice = f"unset {cpu.VARIABLE}" if chosen else f"the picture is right all along; {MAKE_ANEW}"
    return Row("CPU kernels", WARNING, known.why, advice)


def libraries_row() -> Row:
    if sys.platform != "linux":
        return Row("System libraries", OK, "part of the operating system")
    lacking = missing_libraries()
    if lacking:
        found = f"missing: {', '.join(lacking)} (render works, the window does not)"
        return Row("System libraries", WARNING, found, install_line(lacking))
    return Row("System libraries", OK, "X11, GL and EGL found")


def display_row() -> Row:
    if sys.platform != "linux":
        return Row("Display", OK, "the desktop's")
    if os.environ.get("DISPLAY"):
        kind = "XWayland" if os.environ.get("WAYLAND_DISPLAY") else "X11"
        return Row("Display", OK, f"{kind} at {os.environ['DISPLAY']}")
    if os.environ.get("WAYLAND_DISPLAY"):
        return Row("Display", WARNING, "Wayland without XWayland", "install xwayland and log in again")
    return Row("Display", WARNING, "none", "render and live --headless work without one")


def gl_row(subject: str, headless: bool) -> Row:
    """Whether a 3.3 core context can be made, tried in a process that may crash without harm."""
    if not headless and display_row().state != OK:
        return Row(subject, WARNING, "not tried: no display")
    if headless and sys.platform != "linux":
        return Row(subject, OK, "not tried: made through EGL, which only Linux has")
    command = [sys.executable, "-m", "app.cli.glprobe", "headless" if headless else "screen"]
    command += [] if headless or not has_cuda() else ["share"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        facts = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return Row(subject, WARNING, "OpenGL did not answer within 60 s", "update the graphics driver")
    except (IndexError, ValueError):
        return Row(subject, WARNING, f"OpenGL crashed (exit code {done.returncode})", "update the graphics driver")
    if "error" in facts:
        return Row(subject, WARNING, facts["error"], "install the libraries named above, or update the graphics driver")
    found = ". ".join([f"OpenGL {facts['version']} on {facts['renderer']}", *filter(None, [facts.get("sharing")])])
    if any(word in facts["renderer"].lower() for word in ("llvmpipe", "softpipe", "swrast")):
        slow = "drawn by the CPU; a graphics driver makes it smooth"
        return Row(subject, OK, found) if headless else Row(subject, WARNING, found, slow)
    return Row(subject, OK, found)


def assets_row() -> Row:
    assets = ROOT / "assets"
    networks = sorted(p.name for p in assets.rglob("*.safetensors")) if assets.is_dir() else []
    fonts = sorted(p.name for p in assets.rglob("*.[to]tf")) if assets.is_dir() else []
    lacking = [name for name, found in (("a bundled network", networks), ("a font", fonts)) if not found]
    if lacking:
        found = f"missing: {' and '.join(lacking)} in {assets}"
        return Row("Assets", WARNING, found, "get a complete copy of StyleScope")
    return Row("Assets", OK, f"{len(networks)} networks, {len(fonts)} fonts")


def lab_row() -> Row:
    try:
        return Row("Dear PyGui (lab)", OK, metadata.version("dearpygui"))
    except metadata.PackageNotFoundError:
        return Row("Dear PyGui (lab)", WARNING, "not installed", "the live window does not need it")


def config_row() -> Row:
    """Whether settings can be kept, tried by writing a file."""
    import platformdirs

    folder = Path(platformdirs.user_config_dir("StyleScope", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        found = f"{folder} cannot be written ({error.strerror})"
        return Row("Settings folder", WARNING, found, "layout and autosave are lost at exit")
    return Row("Settings folder", OK, str(folder))


def show(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "state", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row.subject, f"[{COLOURS[row.state]}]{row.state}[/]", escape(row.found), escape(row.advice))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)
