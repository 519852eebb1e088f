"""ruff and pyright have nothing to say about the whole project."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_ruff_is_content():
    code, said = run("ruff", "check", "--output-format=concise", ".")
    assert code == 0, said


def test_pyright_is_content():
    code, said = run("pyright", "--pythonpath", sys.executable)
    assert code == 0, said
