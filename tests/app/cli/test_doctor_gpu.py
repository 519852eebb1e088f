"""`doctor --gpu` with and without a GPU: the report is printed, kept, and kept too where it breaks off."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.cli import doctor, doctor_gpu, entry
from cuda_ops.gpu import report, status, verdict


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def test_without_a_gpu_it_says_what_is_missing(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert entry.run(["doctor", "--gpu"]) == entry.USER_ERROR
    assert "expected an NVIDIA GPU that PyTorch can use" in capsys.readouterr().err


def test_the_report_is_printed_and_kept(fake, monkeypatch, tmp_path: Path, capsys: pytest.CaptureFixture):
    monkeypatch.setattr(report, "text", lambda index: iter(["GPU: a fine one", "fir fp16: right"]))
    assert entry.run(["doctor", "--gpu", "--report", str(tmp_path / "r.txt")]) == 0
    assert (tmp_path / "r.txt").read_text() == "GPU: a fine one\nfir fp16: right\n"
    assert "fir fp16: right" in capsys.readouterr().out


def test_what_was_known_is_kept_when_the_gpu_fails(fake, monkeypatch, tmp_path: Path):
    def lines(index: int) -> Iterator[str]:
        yield "GPU: a sick one"
        raise RuntimeError("CUDA error: device lost")

    monkeypatch.setattr(report, "text", lines)
    with pytest.raises(RuntimeError, match="device lost"):
        doctor_gpu.write_report(tmp_path / "r.txt")
    assert (tmp_path / "r.txt").read_text() == "GPU: a sick one\n"


def test_doctor_tells_how_pictures_reach_the_window(fake, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def probed(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[3:])
        facts = {"version": "4.6", "renderer": "GeForce"}
        facts |= {"sharing": "Through pinned memory: WSL2."} if "share" in command else {}
        return subprocess.CompletedProcess(command, 0, json.dumps(facts), "")

    monkeypatch.setattr(subprocess, "run", probed)
    monkeypatch.setenv("DISPLAY", ":0")
    row = doctor.gl_row("Window", headless=False)
    assert row.found == "OpenGL 4.6 on GeForce. Through pinned memory: WSL2." and asked == [["screen", "share"]]
    assert doctor.gl_row("Headless window", headless=True).found == "OpenGL 4.6 on GeForce"


def test_doctor_names_the_kernels_that_are_off(fake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(verdict, "wait", lambda index: None)
    off = status.Status("kernels", "They serve.", ("fir fp16: off by 1",))
    monkeypatch.setattr(status, "status", lambda index: off)
    (row,) = doctor.kernel_rows()
    assert row.state == doctor.WARNING and "fir fp16: off by 1" in row.found and "doctor --gpu" in row.advice
    monkeypatch.setattr(status, "status", lambda index: status.Status("kernels", "They serve."))
    assert next(doctor.kernel_rows()) == doctor.Row("GPU kernels", doctor.OK, "They serve.")
