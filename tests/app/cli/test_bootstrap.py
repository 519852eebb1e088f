"""The start on a bare Python: which environment is used, when it is made or mended, and what is said. No network."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from app.cli import bootstrap
from app.cli.bootstrap import DEVELOPMENT, INSTALLING, RUNTIME, Home, Refusal

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A copy of StyleScope with requirements and an environment that looks finished; nothing is installed."""
    (tmp_path / RUNTIME).write_text("# comment\ntorch==2.13.0\n")
    (tmp_path / DEVELOPMENT).write_text("pyright[nodejs]==1.1.1\n")
    home = Home(tmp_path)
    home.python.parent.mkdir(parents=True)
    home.python.touch()
    home.write_stamp({"python": bootstrap.version(), RUNTIME: bootstrap.digest(tmp_path / RUNTIME)})
    return home


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """pip and venv replaced by a record of what they were asked."""
    asked: list[tuple[str, ...]] = []

    def make_venv(home: Home) -> None:
        asked.append(("venv",))
        home.python.parent.mkdir(parents=True, exist_ok=True)
        home.python.touch()

    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "pip", lambda python, *arguments: asked.append(arguments))
    monkeypatch.setattr(bootstrap, "wants_cpu_torch", lambda python: False)
    return asked


def test_finished_environment_is_taken_as_it_is(home: Home, calls: list):
    assert home.has(RUNTIME)
    bootstrap.prepare(home, RUNTIME)
    assert calls == []


def test_changed_requirements_are_installed_again(home: Home, calls: list):
    (home.root / RUNTIME).write_text("torch==2.13.1\n")
    assert not home.has(RUNTIME)
    bootstrap.prepare(home, RUNTIME)
    assert [call[0] for call in calls] == ["install"]
    assert "--only-binary=:all:" in calls[0]
    assert home.has(RUNTIME)


def test_interrupted_installation_is_made_anew(home: Home, calls: list):
    half = home.venv / "half-written"
    half.touch()
    home.write_stamp({INSTALLING: bootstrap.version()})
    bootstrap.prepare(home, RUNTIME)
    assert [call[0] for call in calls] == ["venv", "install"]
    assert not half.exists()
    assert home.has(RUNTIME)


def test_stamp_says_installing_while_pip_runs(home: Home, calls: list, monkeypatch: pytest.MonkeyPatch):
    (home.root / RUNTIME).write_text("torch==2.13.1\n")

    def interrupted(*_: object) -> None:
        assert INSTALLING in home.stamped()
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.prepare(home, RUNTIME)
    assert INSTALLING in home.stamped()


def test_refused_installation_keeps_what_is_there(home: Home, calls: list, monkeypatch: pytest.MonkeyPatch):
    (home.root / RUNTIME).write_text("torch==2.13.1\n")

    def refuse(*_: object) -> None:
        raise Refusal("no network")

    monkeypatch.setattr(bootstrap, "pip", refuse)
    with pytest.raises(Refusal):
        bootstrap.prepare(home, RUNTIME)
    assert INSTALLING not in home.stamped()
    assert not home.has(RUNTIME)
    assert home.python.exists()


def test_development_tools_keep_the_runtime_stamp(home: Home, calls: list):
    bootstrap.prepare(home, DEVELOPMENT)
    assert home.has(RUNTIME)
    assert home.has(DEVELOPMENT)


def test_environment_whose_python_is_gone_is_made_anew(home: Home, calls: list):
    home.python.unlink()
    bootstrap.prepare(home, RUNTIME)
    assert [call[0] for call in calls] == ["venv", "install"]


def test_foreign_folder_named_venv_is_not_removed(home: Home, calls: list):
    home.stamp.unlink()
    home.python.unlink()
    (home.venv / "mine").touch()
    with pytest.raises(Refusal, match="remove it"):
        bootstrap.prepare(home, RUNTIME)
    assert (home.venv / "mine").exists()


def test_a_python_that_has_everything_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = Home(tmp_path)
    (tmp_path / RUNTIME).write_text("torch==2.13.0\nimgui-bundle==1.93.0\n")
    have = {"torch": "2.13.0+cpu", "imgui-bundle": "1.93.0"}
    monkeypatch.setattr(metadata, "version", have.__getitem__)
    assert bootstrap.suits(home)
    have["imgui-bundle"] = "1.92.0"
    assert bootstrap.missing(tmp_path / RUNTIME) == ["imgui-bundle==1.93.0"]
    assert not bootstrap.suits(home)


def test_absent_packages_are_missing_whatever_their_extras(tmp_path: Path):
    file = tmp_path / "r.txt"
    file.write_text("# a comment==1\nnot-a-package-of-anyone[extra,more]==1.0\n")
    assert bootstrap.missing(file) == ["not-a-package-of-anyone==1.0"]


def test_the_pins_are_readable_and_name_the_torch_that_the_cpu_index_is_asked_for():
    text = (ROOT / RUNTIME).read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert "torch==2.13.0" in lines
    assert bootstrap.missing(ROOT / RUNTIME) == []


@pytest.mark.parametrize(
    ("listing", "configured"),
    [
        ("", False),
        ("global.cert='/etc/ssl/x'\n:env:.timeout='180'\n", False),
        (":env:.find-links='/wheels'\n", True),
        ("global.index-url='https://mirror/simple'\n", True),
        ("install.extra-index-url='https://mirror/simple'\n", True),
        (":env:.no-index='1'\n", True),
    ],
)
def test_where_the_user_told_pip_to_look_wins(listing: str, configured: bool):
    assert bootstrap.names_an_index(listing) is configured


def test_cpu_torch_falls_back_to_the_plain_requirement(home: Home, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, ...]] = []

    def pip(python: Path, *arguments: str) -> None:
        asked.append(arguments)
        if "--index-url" in arguments:
            raise Refusal("out of reach")

    monkeypatch.setattr(bootstrap, "pip", pip)
    monkeypatch.setattr(bootstrap, "wants_cpu_torch", lambda python: True)
    bootstrap.install(home, RUNTIME, {})
    assert asked[0][-2:] == ("https://download.pytorch.org/whl/cpu", "torch==2.13.0")
    assert "-r" in asked[1]
    assert home.has(RUNTIME)


def test_an_nvidia_driver_keeps_the_cuda_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert not bootstrap.wants_cpu_torch(tmp_path / "no-python")  # decided before any Python is asked


@pytest.mark.parametrize(
    ("complaint", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk"),
        ("WARNING: Retrying after 'NewConnectionError(...)'\nERROR: No matching distribution", "network"),
        ("ERROR: No matching distribution found for numba==0.68.1", "no ready-made numba==0.68.1"),
        ("error: externally-managed-environment", "python3 main.py"),
        ("ERROR: something new", "something new"),
        ("", "no reason"),
    ],
)
def test_a_failed_pip_is_one_sentence(complaint: str, said: str):
    sentence = bootstrap.explain(complaint.splitlines(keepends=True))
    assert said in sentence
    assert "\n" not in sentence


def test_a_full_disk_is_found_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 << 20}))
    with pytest.raises(Refusal, match="needs 2 GB of free space, found 0"):
        bootstrap.make_venv(Home(tmp_path))
    assert not (tmp_path / ".venv").exists()


def test_debian_without_venv_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)
    with pytest.raises(Refusal, match="sudo apt install python3-venv"):
        bootstrap.make_venv(Home(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX locks in two processes; Windows has its own call")
def test_two_starts_do_not_install_at_once(tmp_path: Path):
    file = tmp_path / "lock"
    file.touch()
    other = (
        "import sys; from app.cli import bootstrap; from pathlib import Path\n"
        f"with open({str(file)!r}, 'rb') as handle: sys.exit(10 if bootstrap._try_lock(handle) else 20)"
    )
    with bootstrap.alone(file):
        assert subprocess.run([sys.executable, "-c", other], cwd=ROOT, check=False).returncode == 20
    assert subprocess.run([sys.executable, "-c", other], cwd=ROOT, check=False).returncode == 10


def test_a_real_empty_environment_is_made_and_then_refuses_without_packages(tmp_path: Path):
    (tmp_path / RUNTIME).write_text("nobody-has-this==2.13.0\n")
    (tmp_path / "main.py").write_bytes((ROOT / "main.py").read_bytes())
    (tmp_path / "app" / "cli").mkdir(parents=True)
    for name in ("app/__init__.py", "app/cli/__init__.py", "app/cli/bootstrap.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}  # pip finds nothing, anywhere
    base = getattr(sys, "_base_executable", sys.executable)
    for _ in range(2):  # the second start goes on from the first
        done = subprocess.run(
            [base, "main.py", "info"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "there is no ready-made nobody-has-this==2.13.0" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    assert "making its own Python environment" not in done.stderr
    assert Home(tmp_path).stamped() == {"python": bootstrap.version()}


def test_an_old_python_is_told_so(tmp_path: Path):
    """main.py is run with a version number that lies; what it needs before the check must exist in old Pythons."""
    fake = tmp_path / "sitecustomize.py"
    fake.write_text("import sys; sys.version_info = (3, 9, 2, 'final', 0)")
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py")],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("StyleScope needs Python 3.11 or newer, this is 3.9; ")
    assert len(done.stderr.splitlines()) == 1
