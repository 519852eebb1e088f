"""`test`: the tests and linters, in the same environment."""

import subprocess
import sys
from typing import Annotated

import typer

from app.cli.bootstrap import ROOT, Refusal, need_development_tools


def test(
    arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to pytest: tests/engine -k scene")] = None,
) -> int:
    """Run the tests (pytest, ruff, pyright), installing their tools first when needed."""
    from engine.errors import StyleScopeError

    try:
        need_development_tools()
    except Refusal as refusal:
        raise StyleScopeError(str(refusal)) from refusal
    return subprocess.run([sys.executable, "-m", "pytest", *(arguments or [])], cwd=ROOT, check=False).returncode
