"""The command line: what it makes, what it prints, and how it refuses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.cli import entry
from engine import precision, scenefile
from engine.scene import Scene

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
SMALL = str(GOLDEN / "sg3_t.pkl")
CONDITIONAL = str(GOLDEN / "sg2ada_skip_cond.pkl")


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one sentence that a command line is refused with."""
    assert entry.run(list(argv)) == 2
    shown = capsys.readouterr()
    assert len(shown.err.strip().splitlines()) == 1, shown.err
    assert "failed unexpectedly" not in shown.err
    assert "Traceback" not in shown.err
    return shown.err.strip()


def main(*argv: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "main.py"), *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


# --- what it makes ------------------------------------------------------------------------------------------------


def test_render_writes_a_picture_that_renders_itself_again(tmp_path: Path):
    first, again = tmp_path / "first.png", tmp_path / "again.png"
    options = ["--seed", "7", "--psi", "0.5", "--set", "transform.x=0.1"]
    assert entry.run(["render", SMALL, *options, "--out", str(first)]) == 0
    scene = scenefile.load(first)
    assert (scene.latent.seed, scene.truncation.psi, scene.transform.x) == (7, 0.5, 0.1)
    assert entry.run(["render", str(first), "--out", str(again)]) == 0
    assert np.array_equal(pixels(first), pixels(again))
    assert entry.run(["render", str(first), "--seed", "8", "--out", str(again)]) == 0
    assert not np.array_equal(pixels(first), pixels(again))


def test_render_without_a_source_plays_the_bundled_network(tmp_path: Path):
    out = tmp_path / "x.png"
    assert entry.run(["render", "--out", str(out)]) == 0
    assert pixels(out).std() > 0


def test_a_folder_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        assert entry.run(["render", SMALL, "--seeds", "1-2,5", "--out", str(tmp_path / "faces")]) == 0
    names = sorted(path.name for path in (tmp_path / "faces").iterdir())
    expected = [f"seed000{n}{more}.png" for n in (1, 2, 5) for more in ("", "-2")]
    assert names == sorted(expected)
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_grid_is_made_of_the_single_pictures(tmp_path: Path):
    assert entry.run(["render", SMALL, "--seeds", "3-8", "--grid", "3x2", "--out", str(tmp_path / "grid.png")]) == 0
    assert entry.run(["render", SMALL, "--seeds", "3-8", "--out", str(tmp_path)]) == 0
    sheet = pixels(tmp_path / "grid.png")
    one = pixels(tmp_path / "seed0007.png")  # the fifth: second row, second column
    h, w, _ = one.shape
    assert sheet.shape == (2 * h, 3 * w, 3)
    assert np.array_equal(sheet[h:, w : 2 * w], one)


def test_a_named_file_is_replaced(tmp_path: Path):
    out = tmp_path / "x.png"
    out.write_bytes(b"old")
    assert entry.run(["render", SMALL, "--out", str(out)]) == 0
    assert pixels(out).ndim == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_info_agrees_with_the_original_implementation(capsys: pytest.CaptureFixture[str]):
    case = json.loads((GOLDEN / "cases.json").read_text())
    assert entry.run(["info", SMALL, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["family"] == "stylegan3"
    assert [layer["name"] for layer in facts["layers"]] == facts["steps"]
    assert sum(layer["parameters"] for layer in facts["layers"]) < facts["parameters"]
    assert "sg3_t" in json.dumps(case)


def test_info_prints_a_table(capsys: pytest.CaptureFixture[str]):
    assert entry.run(["info"]) == 0
    shown = capsys.readouterr().out
    assert "furlings-stylegan2-64 (bundled)" in shown and "64 x 64, 3 channels" in shown
    assert "b64.conv1" in shown


def test_fp32_is_a_switch_of_render_bench_and_live(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(precision, "_mode", "stored")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert entry.run(["render", SMALL, "--fp32", "--out", str(tmp_path / "a.png")]) == 0
    assert precision.mode() == "fp32" and not torch.backends.cudnn.allow_tf32
    for command in ("bench", "live"):
        entry.run([command, "--help"])
        assert "--fp32" in capsys.readouterr().out


def test_bench_saves_what_compare_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "a.json"
    assert entry.run(["bench", SMALL, "--frames", "3", "--warmup", "1", "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    inner = sum(step["p50"] for step in report["steps"])
    assert 0 < inner < 2 * report["stages"]["synthesis"]["p95"]
    assert report["path"] in ("numba", "torch", "reference") and report["peak"] > 0
    assert report["frame"]["reference"] > 0 and all(step["reference"] > 0 for step in report["steps"])
    assert report["frame"]["gflop"] == pytest.approx(sum(step["gflop"] for step in report["steps"]))
    froms = [change["reused"] for change in report["changes"]]
    assert froms == sorted(froms), "a later row of ws must not restart earlier"
    assert froms[-1] > 0
    assert entry.run(["bench", "--compare", str(file), str(file)]) == 0
    assert "1.00" in capsys.readouterr().out


def test_doctor_finds_what_this_machine_has(capsys: pytest.CaptureFixture[str]):
    assert entry.run(["doctor", "--json"]) == 0
    rows = {row["subject"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["PyTorch"]["state"] == "ok"
    assert rows["Requirements"]["state"] == "ok"
    assert all(row["state"] in ("ok", "warning", "problem") for row in rows.values())
    assert entry.run(["doctor"]) == 0
    assert "PyTorch" in capsys.readouterr().out


def test_doctor_fails_where_nothing_can_be_rendered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from app.cli import doctor

    broken = doctor.Row("PyTorch", doctor.PROBLEM, "cannot be imported: [libgomp]", "do this")
    monkeypatch.setattr(doctor, "examine", lambda: iter([broken]))
    assert entry.run(["doctor"]) == 2
    assert "[libgomp]" in capsys.readouterr().out


# --- how it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["rendr"], "No such command 'rendr'"),
        (["render", "--sed", "3"], "No such option: --sed"),
        (["render", "--seed", "-1"], "greater than or equal to 0"),
        (["render", "--seed", "x"], "valid integer"),
        (["render", "--psi", "1e9"], "truncation.psi: expected a number from -1 to 2, found 1000000000.0"),
        (["render", "--psi", "nan"], "truncation.psi: expected a finite number"),
        (["render", "--seeds", "1-"], "--seeds: expected numbers and ranges"),
        (["render", "--seeds", "9-1"], "rising"),
        (["render", "--seeds", "0-4294967295"], "at most 10000"),
        (["render", "--seed", "1", "--seeds", "1-2"], "found both"),
        (["render", "--seeds", "1-3", "--out", "x.png"], "need a folder or --grid"),
        (["render", "--seeds", "1-3", "--grid", "2x2"], "expects 4 seeds, found 3"),
        (["render", "--grid", "0x3"], "--grid: expected COLUMNSxROWS"),
        (["render", "--grid", "99999x99999"], "at most 10000"),
        (["render", "--out", "x.jpg"], "expected a .png file or a folder"),
        (["render", "--set", "noise.mode"], "expected path=value"),
        (["render", "--set", "noise.mod=none"], "noise.mod: no such parameter"),
        (["render", "--set", "noise.mode=loud"], "expected one of const, random, none"),
        (["render", "--device", "toaster"], "--device: expected one that this machine has"),
        (["render", "--network", "H", SMALL], 'no generator called "H"'),
        (["render", CONDITIONAL, "--set", "label.index=999"], "999"),
        (["render", "absent.json"], "absent.json"),
        (["info", "absent.pkl"], "absent.pkl"),
        (["bench", "--compare", "absent.json", "absent.json"], "absent.json: cannot be read"),
        (["live", "--size", "big"], "--size: expected WIDTHxHEIGHT"),
    ],
)
def test_a_wrong_word_is_one_sentence(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert said in refused(capsys, *argv)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder of files that are not what their names say."""
    (tmp_path / "page.pkl").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    (tmp_path / "cut.pkl").write_bytes(Path(SMALL).read_bytes()[:5000])
    (tmp_path / "empty.pkl").touch()
    (tmp_path / "shell.pkl").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    (tmp_path / "folder.pkl").mkdir()
    with open(tmp_path / "sparse.pkl", "wb") as file:
        file.truncate(3 << 30)
    (tmp_path / "nan.json").write_text(scenefile.to_json(Scene()).replace('"psi": 1.0', '"psi": NaN'))
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "plain.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.png")
    return tmp_path


NAMES = ["page.pkl", "cut.pkl", "empty.pkl", "shell.pkl", "folder.pkl", "sparse.pkl", "nan.json", "other.json",
         "plain.png", "photo.png"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_file_is_one_sentence_that_names_it(name: str, bad: Path, capsys: pytest.CaptureFixture[str]):
    assert name in refused(capsys, "render", str(bad / name), "--out", str(bad / "out.png"))
    assert not (bad / "out.png").exists()
    assert not (bad / "ran").exists()


@pytest.mark.parametrize("command", [["render", "--out"], ["bench", "--frames", "3", "--json"]])
def test_a_place_that_cannot_be_written_is_one_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'}: cannot be written" in refused(capsys, *command, str(tmp_path / "file" / "x.png"))


def test_an_unforeseen_error_goes_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("platformdirs.user_log_dir", lambda *_, **__: str(tmp_path / "logs"))
    monkeypatch.setattr("engine.parameters.set_text", lambda *_: 1 / 0)
    assert entry.run(["render", "--set", "a=b"]) == 2
    log = tmp_path / "logs" / "stylescope.log"
    assert str(log) in capsys.readouterr().err
    assert "ZeroDivisionError" in log.read_text()
    assert entry.run(["--debug", "render", "--set", "a=b"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_no_display_names_the_ways_without_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    said = refused(capsys)  # no command at all: live
    assert "no display" in said
    assert "--headless" in said
    assert "main.py render" in said


def test_missing_libraries_are_named_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from app.cli import libraries, live

    monkeypatch.setattr(libraries.shutil, "which", lambda tool: tool if tool == "dnf" else None)
    monkeypatch.setattr(live, "missing_libraries", lambda: ("libX11.so.6", "libEGL.so.1"))
    said = refused(capsys, "live", "--headless")
    assert "libX11.so.6, libEGL.so.1" in said
    assert said.endswith("sudo dnf install libX11 mesa-libEGL")


@pytest.mark.parametrize("tool", ["apt", "dnf", "pacman"])
def test_the_readme_and_ci_install_what_the_program_names(tool: str, monkeypatch: pytest.MonkeyPatch):
    from app.cli import libraries

    monkeypatch.setattr(libraries.shutil, "which", lambda name: name if name.startswith(tool) else None)
    words = set(libraries.install_line(tuple(libraries.NEEDED)).split()[3:])
    readme = (ROOT / "README.md").read_text()
    line = next(line for line in readme.splitlines() if line.startswith(f"sudo {tool} "))
    assert words <= set(line.split())
    if tool == "apt":
        assert set(line.split()[3:]) <= set((ROOT / ".ci" / "run").read_text().replace('"', " ").split())


# --- as a process -------------------------------------------------------------------------------------------------


def test_words_that_name_no_command_open_the_window():
    with_default = entry.with_default_command
    assert with_default([]) == ["live"]
    assert with_default(["ffhq.pkl"]) == ["live", "ffhq.pkl"]
    assert with_default(["--headless"]) == ["live", "--headless"]
    assert with_default(["--help"]) == ["--help"]
    assert with_default(["rendr"]) == ["rendr"]
    assert with_default(["render", "x.pkl"]) == ["render", "x.pkl"]


def test_the_process_speaks_on_stderr_and_exits_with_2():
    done = main("rendr", cwd="/")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_help_loads_nothing_heavy():
    code = "import sys; from app.cli import entry; entry.run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert not any(f"'{name}'" in done.stdout for name in ("torch", "numpy", "imgui_bundle", "numba", "PIL"))


def hear_ctrl_c() -> None:
    """A shell that starts the tests in the background makes all their children deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals; Windows sends Ctrl-C to a console group")
def test_ctrl_c_is_quiet(tmp_path: Path):
    command = [sys.executable, str(ROOT / "main.py"), "render", SMALL, "--seeds", "0-9999", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().endswith("seed0000.png")
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 130
    assert complaint.strip() == ""
    assert all(pixels(path).ndim == 3 for path in tmp_path.iterdir()), "half a file was left behind"


def test_a_reader_that_leaves_is_no_news():
    command = f'"{sys.executable}" "{ROOT / "main.py"}" info; echo "code $?" >&2'
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(["sh", "-c", command], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.stderr.strip() == "code 1"
