"""Files made to harm, and thousands of damaged ones: nothing runs, hangs, grows without bound or dies."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.checkpoints import hostile

ROOT = Path(__file__).parents[3]
MUTATIONS = 20_000 if os.environ.get("CI") else 2_000  # of which each of two processes opens half
CODE = [
    name
    for name in hostile.CORPUS
    if name.startswith(("os_", "posix", "builtins", "python2", "subprocess", "import", "dunder"))
]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: processor time and memory are limited there"
)


def run(module: str, *arguments: str) -> list[dict]:
    command = [sys.executable, "-m", f"tests.engine.checkpoints.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Name -> what became of it, for the whole corpus, in one process of its own."""
    folder = tmp_path_factory.mktemp("corpus")
    files = hostile.write(folder)
    said = run("watched", *map(str, files.values()))
    assert not (folder / hostile.SENTINEL).exists(), "code from a file was run"
    assert len(said) == len(files), f"the process died of {list(files)[len(said)]}"
    return dict(zip(files, said, strict=True))


@pytest.mark.parametrize("name", hostile.CORPUS)
def test_hostile_files_do_nothing(name: str, outcomes: dict[str, dict]):
    assert outcomes[name]["fault"] is None
    error = outcomes[name]["error"]
    assert error is not None, "it was opened"
    assert (
        error.startswith(f"{name}.pkl: expected ")
        and ", found " in error
        and "; " in error
        and "\n" not in error
    )


@pytest.mark.parametrize("name", CODE)
def test_what_would_run_is_named(name: str, outcomes: dict[str, dict]):
    assert "nothing in it was run" in outcomes[name]["error"]


def test_the_watch_sees_what_it_watches_for(tmp_path: Path):
    """Without this a blind watch would pass everything: a reader that trusts its file must be caught."""
    script = (
        "import pickle, sys; from pathlib import Path; from tests.engine.checkpoints import watched\n"
        "watched.open_checkpoint = lambda path: pickle.loads(path.read_bytes())\n"
        "watched.install(); print(watched.open_watched(Path(sys.argv[1]))['fault'])"
    )
    evil = hostile.CORPUS["os_system"](tmp_path)
    (tmp_path / "evil.pkl").write_bytes(evil)
    command = [sys.executable, "-c", script, str(tmp_path / "evil.pkl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ran ")
    assert (tmp_path / hostile.SENTINEL).exists()


@pytest.mark.timeout(900)
def test_thousands_of_damaged_files_are_refused_or_open():
    with ThreadPoolExecutor(2) as pool:
        halves = [pool.submit(run, "fuzz", str(MUTATIONS // 2), seed) for seed in ("1", "2")]
        reports = [half.result()[0] for half in halves]
    for report in reports:
        assert report["faults"] == []
        assert report["refused"] > report["count"] / 2, "most changes should have been noticed"
        assert report["peak_bytes"] < 256 << 20, "files of 30 KB"
