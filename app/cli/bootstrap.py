"""Finds or makes the environment that StyleScope runs in. Standard library only: nothing is installed yet."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # PyTorch's own; its wheels have no CUDA libraries inside
INSTALLING = "installing"  # what the stamp says until an installation is complete
SPACE = 2 << 30  # bytes that a fresh environment and pip's cache take on a machine without CUDA
NO_BASE_PYTHON = 103  # exit code of a Windows environment whose Python was removed


class Refusal(Exception):
    """The environment cannot be made; the text tells a person why and what to do."""


@dataclass(frozen=True)
class Home:
    """Where StyleScope lies, and the environment beside it."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.venv / "stylescope.stamp"

    def inside(self) -> bool:
        """Whether this very interpreter is the environment's."""
        return Path(sys.prefix).resolve() == self.venv.resolve()

    def stamped(self) -> dict[str, str]:
        """What the stamp holds: the Python it was made with, and a hash for each requirements file installed."""
        try:
            lines = self.stamp.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        return {key: value for key, _, value in (line.partition(" ") for line in lines)}

    def write_stamp(self, entries: dict[str, str]) -> None:
        self.stamp.write_text("".join(f"{key} {value}\n" for key, value in entries.items()), encoding="utf-8")

    def has(self, file: str) -> bool:
        """Whether `file`, as it reads now, was installed to the end."""
        entries = self.stamped()
        return INSTALLING not in entries and entries.get(file) == digest(self.root / file) and self.python.exists()


def start(argv: list[str]) -> int:
    """Run the command line with `argv` in an environment that has the requirements; the exit code."""
    home = Home(ROOT)
    try:
        if not suits(home):
            prepare(home, RUNTIME)
            return hand_over(home, argv)
    except Refusal as refusal:
        say(str(refusal))
        return 2
    except OSError as error:
        say(f"{home.venv}: the environment cannot be made or used ({error}); see that the folder can be written to.")
        return 2
    except KeyboardInterrupt:
        say("stopped; the next start continues the installation.")
        return 130
    from app.cli.entry import run

    return run(argv)


def leave(code: int) -> NoReturn:
    """End the process, in an orderly way if its threads come to their ends; one that does not is left in the midst."""
    background = sys.modules.get("cuda_ops.background")
    if background is not None and not background.leave():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def need_development_tools() -> None:
    """Have pytest and the linters beside this interpreter's packages; Refusal when that is not possible."""
    home = Home(ROOT)
    if home.inside() and not home.has(DEVELOPMENT) and missing(home.root / DEVELOPMENT):
        prepare(home, DEVELOPMENT)
    elif not home.inside() and missing(home.root / DEVELOPMENT):
        say("installing the tools for tests into this Python environment")
        pip(Path(sys.executable), "install", "--only-binary=:all:", "-r", str(home.root / DEVELOPMENT))


def suits(home: Home) -> bool:
    """Whether this interpreter has the requirements: the finished environment, or one that the user made."""
    if home.inside() and home.stamped():
        return home.has(RUNTIME) and home.stamped().get("python") == version()
    return not missing(home.root / RUNTIME)


def missing(file: Path) -> list[str]:
    """The pins in a requirements file that this interpreter does not have at that version."""
    from importlib import metadata  # costs 30 ms, which a finished environment need not pay

    absent, lines = [], file.read_text(encoding="utf-8")
    if sys.platform != "linux":
        lines = re.sub(r'^.*; sys_platform == "linux"$', "", lines, flags=re.M)
    for name, wanted in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", lines, re.M):
        try:
            found = metadata.version(name).partition("+")[0]  # 2.13.0+cpu serves as 2.13.0
        except metadata.PackageNotFoundError:
            found = None
        if found != wanted:
            absent.append(f"{name}=={wanted}")
    return absent


def hand_over(home: Home, argv: list[str]) -> int:
    """Become the environment's Python (on Windows: wait for it, so that the console stays with it)."""
    command = [str(home.python), str(home.root / "main.py"), *argv]
    sys.stdout.flush()
    if sys.platform != "win32":
        os.execv(command[0], command)
    code = _wait(command)
    if code == NO_BASE_PYTHON:
        prepare(home, RUNTIME, rebuild=True)
        code = _wait(command)
    return code


def prepare(home: Home, file: str, rebuild: bool = False) -> None:
    """Make the environment if need be and install `file` into it; a half-way installation is made anew."""
    with alone(home.root / file):
        before = home.stamped()
        rebuild = rebuild or INSTALLING in before or (home.inside() and before.get("python", version()) != version())
        if home.has(file) and not rebuild:
            return  # another start has done it meanwhile
        began = time.monotonic()
        if before and (rebuild or not home.python.exists()):
            say("the environment in .venv is incomplete or belongs to another Python; making it anew")
            shutil.rmtree(home.venv)
            before = {}
        elif not home.python.exists() and home.venv.exists():
            raise Refusal(f"{home.venv}: expected an environment, found no Python in it; remove it, then start again.")
        if not home.python.exists():
            make_venv(home)
        install(home, file, before)
        say(f"installed in {time.monotonic() - began:.0f} s")


def make_venv(home: Home) -> None:
    """An empty environment beside main.py, marked as not finished."""
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        raise Refusal(
            "this Python cannot make environments because its venv module is incomplete; on Debian and Ubuntu: "
            "sudo apt install python3-venv (elsewhere: install the full Python from python.org), then start again."
        )
    free = shutil.disk_usage(home.root).free
    if free < SPACE:
        found = f"{free / 2**30:.1f} GB"
        raise Refusal(f"{home.root}: needs {SPACE >> 30} GB of free space, found {found}; make room first.")
    say(f"making its own Python environment in {home.venv} (about 1.3 GB); nothing else on this computer changes")
    home.venv.mkdir(exist_ok=True)
    home.write_stamp({INSTALLING: version()})
    base = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run([base, "-m", "venv", str(home.venv)], capture_output=True, text=True, check=False)
    if made.returncode:
        reason = " ".join((made.stdout + made.stderr).split())[-300:]
        raise Refusal(f"{home.venv}: Python could not make the environment ({reason}).")


def install(home: Home, file: str, before: dict[str, str]) -> None:
    """Install one requirements file; the stamp is written last, so what was interrupted is known as such."""
    kept = {"python": version()} | {key: value for key, value in before.items() if key in (RUNTIME, DEVELOPMENT)}
    home.write_stamp({INSTALLING: version()})
    try:
        if file == RUNTIME and wants_cpu_torch(home.python):
            install_cpu_torch(home)
        say(f"downloading and installing what {file} lists (wheels only)")
        pip(home.python, "install", "--only-binary=:all:", "-r", str(home.root / file))
    except Refusal:
        home.write_stamp(kept)  # pip ended in good order: the next start goes on from here
        raise
    home.write_stamp(kept | {file: digest(home.root / file)})


def wants_cpu_torch(python: Path) -> bool:
    """Whether to take the small CPU build of PyTorch: Linux on x86-64, no NVIDIA driver, pip not told where to look."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False  # elsewhere the plain wheel is the small one
    driver = ("/proc/driver/nvidia", "/usr/lib/wsl/lib/nvidia-smi")
    if shutil.which("nvidia-smi") or any(os.path.exists(path) for path in driver):
        return False
    shown = subprocess.run([str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    return not names_an_index(shown.stdout)


def names_an_index(listing: str) -> bool:
    """Whether the output of `pip config list` (files and PIP_ variables) says where packages come from."""
    return bool(re.search(r"\.(index-url|extra-index-url|find-links|no-index)=", listing))


def install_cpu_torch(home: Home) -> None:
    """PyTorch from its own CPU index (200 MB instead of 3 GB with CUDA), if that is within reach."""
    pin = next(p for p in (home.root / RUNTIME).read_text(encoding="utf-8").split() if p.startswith("torch=="))
    say(f"no NVIDIA driver found: taking the CPU build of PyTorch (about 200 MB) from {TORCH_CPU_INDEX}")
    quick = ("--retries", "1", "--timeout", "15")
    try:
        pip(home.python, "install", "--only-binary=:all:", "--no-deps", *quick, "--index-url", TORCH_CPU_INDEX, pin)
    except Refusal:
        say("that index is out of reach; taking PyTorch from where pip usually looks")


def pip(python: Path, *arguments: str) -> None:
    """Run pip with its progress on screen; Refusal with one clear sentence when it fails."""
    settings = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    quiet = () if sys.stderr.isatty() else ("--quiet",)
    command, environment = [str(python), "-m", "pip", *arguments, *quiet], os.environ | settings
    complaints = []
    with subprocess.Popen(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            complaints.append(line)
            if line.startswith("WARNING: Retrying"):
                say("no answer from the package index; trying again")
    if process.returncode:
        raise Refusal(explain(complaints))


def explain(complaints: list[str]) -> str:
    """One sentence for what pip wrote to stderr while it failed."""
    text = "".join(complaints)
    if re.search(r"Errno 28|No space left|WinError 112", text):
        return "the disk (or the folder for temporary files) is full; make room, then start again."
    if re.search(r"NewConnectionError|NameResolution|ConnectTimeout|ReadTimeout|ProxyError|SSLError|unreachable", text):
        return "the packages cannot be downloaded; check the network or proxy, then start again (what is done is kept)."
    if "externally-managed-environment" in text:
        return "this Python is managed by the system and takes no packages; start with: python3 main.py"
    found = re.search(r"No matching distribution found for (\S+)", text)
    if found:
        return (
            f"there is no ready-made {found[1]} for Python {version()} on {platform.system()} {platform.machine()}; "
            "StyleScope installs with 64-bit Python 3.11 to 3.14 on Linux, Windows and macOS 14+ (Apple silicon)."
        )
    errors = [line.strip() for line in complaints if line.startswith("ERROR")]
    return f"pip could not install the packages ({errors[-1] if errors else 'it gave no reason'})."


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold an operating-system lock on `file`, so that two first starts do not install over each other."""
    with open(file, "rb") as handle:
        told = False
        while not _try_lock(handle):
            if not told:
                say("another start is installing; waiting for it")
            told = True
            time.sleep(0.5)
        yield  # closing the file, or dying, gives the lock back


def _try_lock(handle: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(1 << 30)  # beyond the end, because Windows keeps others from reading a locked part
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _wait(command: list[str]) -> int:
    """Run a command to its end; Ctrl-C is the command's to answer."""
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def say(text: str) -> None:
    sys.stderr.write(f"StyleScope: {text}\n")
    sys.stderr.flush()
