"""The commands behind `main.py`, and the one place where an error becomes a sentence and an exit code."""

import io
import logging
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from app.cli import (
    bench,
    convert,
    dataset,
    doctor,
    export,
    figure,
    info,
    inspect,
    lab,
    live,
    measure,
    monitor,
    render,
    test,
    train,
)

COMMANDS = {"live": live.live, "lab": lab.lab, "render": render.render, "info": info.info,
            "inspect": inspect.inspect, "convert": convert.convert, "bench": bench.bench, "dataset": dataset.dataset,
            "train": train.train, "monitor": monitor.monitor, "measure": measure.measure, "export": export.export,
            "doctor": doctor.doctor, "test": test.test}  # fmt: skip
GROUPS = {"figure": figure.commands}
GLOBAL_OPTIONS = ("--help", "-h", "--version", "--debug")
UNREAD, USER_ERROR, INTERRUPTED = 1, 2, 130


def run(argv: list[str]) -> int:
    """Run one command line; the exit code. Every error has become a sentence on stderr."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads leave the cores to the window
    debug = "--debug" in argv or os.environ.get("STYLESCOPE_DEBUG", "") not in ("", "0")
    argv = with_default_command([word for word in argv if word != "--debug"])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a sign shows "?" instead of failing
    try:
        return program()(argv, prog_name="main.py", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; nobody to tell
        return UNREAD
    except Exception as error:  # noqa: BLE001  (the last resort of every command; the log gets the traceback)
        sys.stderr.write(traceback.format_exc() if debug else f"{sentence(error)}\n")
        return USER_ERROR


def program() -> typer.Typer:
    """The commands and what `--help` says of them."""
    app = typer.Typer(
        help="StyleScope: look into StyleGAN networks while they play. Without a command it opens the window (live).",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(options)
    for name, command in COMMANDS.items():
        app.command(name, context_settings={"ignore_unknown_options": name == "test"})(command)
    for name, group in GROUPS.items():
        app.add_typer(group(), name=name)
    return app


def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks (also STYLESCOPE_DEBUG=1).")] = False,
) -> None:
    if version:
        typer.echo(f"StyleScope {_version()}")
        raise typer.Exit


def with_default_command(argv: list[str]) -> list[str]:
    """`live` in front of a line that names no command: nothing, options of live, or a file."""
    first = argv[0] if argv else ""
    if first in COMMANDS or first in GROUPS or first in GLOBAL_OPTIONS:
        return argv
    is_file = Path(first).suffix.lower() in live.OPENED or os.path.exists(first) or os.sep in first
    return ["live", *argv] if not argv or first.startswith("-") or is_file else argv


def sentence(error: Exception) -> str:
    """What a person reads of an error; what nobody foresaw goes to the log with its traceback."""
    from engine.errors import StyleScopeError

    if isinstance(error, StyleScopeError):
        return str(error)
    if isinstance(error, typer.TyperException):
        message = error.format_message()
        return f"{message}{'' if message.endswith(('.', '?')) else '.'} `main.py --help` lists what there is."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; nothing was written."
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; choose a smaller network or fewer pictures."
    log = write_log(error)
    return f"StyleScope failed unexpectedly ({type(error).__name__}: {error}); the details are in {log}."


def write_log(error: Exception) -> Path | str:
    """Append the traceback to the log in the user's log folder; where that is, or why it could not be written."""
    platformdirs = import_module("platformdirs")
    path = Path(platformdirs.user_log_dir("StyleScope", appauthor=False)) / "stylescope.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as failure:
        return f"no log, because {path} cannot be written ({failure.strerror}); --debug shows them here"
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("stylescope.cli")
    logger.addHandler(handler)
    logger.error("main.py %s", " ".join(sys.argv[1:]), exc_info=error)
    handler.close()
    return path


def _version() -> str:
    import tomllib

    with open(Path(__file__).resolve().parents[2] / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]["version"]
