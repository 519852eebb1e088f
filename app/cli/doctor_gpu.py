"""`doctor --gpu`: checks the kernels anew, times them beside torch, and writes what a person can attach to an issue."""

from collections.abc import Iterator
from pathlib import Path

import typer

from engine.errors import StyleScopeError


def write_report(file: Path, index: int = 0) -> int:
    """Print the report as it comes to be known and keep it in `file`. Raises StyleScopeError without an NVIDIA GPU."""
    refuse_without_gpu()
    from cuda_ops.gpu import report

    typer.echo("Compiling and checking the kernels; this takes a minute or two.")
    return keep(file, report.text(index))


def keep(file: Path, lines: Iterator[str]) -> int:
    """Print lines and write them to `file`; also the first ones, if a later one fails."""
    said: list[str] = []
    try:
        for line in lines:
            said.append(line)
            typer.echo(line)
    finally:
        file.write_text("\n".join(said) + "\n", encoding="utf-8")
    typer.echo(f"Written to {file}.")
    return 0


def refuse_without_gpu() -> None:
    import torch

    if torch.version.hip is not None:
        raise StyleScopeError("doctor --gpu: expected an NVIDIA GPU, found ROCm; there torch computes without kernels.")
    if not torch.cuda.is_available():
        why = "its build is for the CPU" if torch.version.cuda is None else "it finds no NVIDIA GPU or driver"
        raise StyleScopeError(
            f"doctor --gpu: expected an NVIDIA GPU that PyTorch can use, but {why}; `main.py doctor` says more."
        )
