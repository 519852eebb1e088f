"""The real window: OpenGL without a screen (EGL), and one whole program under a virtual X server with a real mouse."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import scenefile
from engine.scene import Scene
from tests.app.live.appstage import AppStage
from tests.app.screen import screen

ROOT = Path(__file__).resolve().parents[3]
PROBE = Path(__file__).with_name("headless_probe.py")


def child(*arguments: str, **extra: str) -> subprocess.CompletedProcess:
    """A Python of its own: OpenGL chooses its platform once per process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **extra}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def found_by(probe: Path, out: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and facts that a program with OpenGL of its own wrote to `out` and said; skips where EGL is missing."""
    if sys.platform != "linux":
        pytest.skip("EGL without a screen needs Linux")
    done = child(str(probe), str(out))
    if done.returncode == 77:
        pytest.skip(f"EGL is missing: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return dict(np.load(out)), json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """What `headless_probe.py` found: arrays and facts of several frames."""
    seen, facts = found_by(PROBE, tmp_path_factory.mktemp("probe") / "probe.npz")
    return {**seen, "facts": facts}


def part(probe, name: str) -> np.ndarray:
    """The window's pixels where the picture lies."""
    x, y, width, height = probe["facts"][name]
    return probe[name][y : y + height, x : x + width]


def test_at_1_to_1_the_screen_shows_the_very_bytes_of_the_picture(probe):
    np.testing.assert_array_equal(part(probe, "one"), probe["picture"][..., :3])


def test_nearest_enlarges_every_pixel_to_a_square(probe):
    expected = probe["picture"][..., :3].repeat(5, axis=0).repeat(5, axis=1)
    np.testing.assert_array_equal(part(probe, "five"), expected)


def test_linear_keeps_pixel_centres_and_blends_between_them(probe):
    shown, picture = part(probe, "linear").astype(int), probe["picture"][..., :3].astype(int)
    centres = shown[2::5, 2::5]
    assert abs(centres - picture).max() <= 1
    between = shown[2::5, 4::5][:, :-1]  # 4.5 / 5 of the way: 0.6 of this pixel, 0.4 of the next
    expected = 0.6 * picture[:, :-1] + 0.4 * picture[:, 1:]
    assert abs(between - expected).max() <= 3


def test_around_the_picture_is_the_colour_of_the_surround(probe):
    x, y, _, height = probe["facts"]["one"]
    beside = probe["one"][y : y + height, x - 9 : x - 1].reshape(-1, 3)
    assert abs(beside.astype(int) - probe["facts"]["surround"]).max() <= 1
    assert sum(probe["facts"]["surround"]) > 0


def test_a_window_knows_that_the_cpu_draws_it(probe):
    assert probe["facts"]["drawn by CPU"] == ("llvmpipe" in probe["facts"]["renderer"])


SMOOTHNESS = """
import dataclasses, json
from app.live.measure import measure_window
from engine.models import DEFAULT_MODEL
print(json.dumps(dataclasses.asdict(measure_window(None, DEFAULT_MODEL, frames=6))))
"""


def test_the_window_can_be_measured(probe):
    done = child("-c", SMOOTHNESS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [len(found[phase]) for phase in ("idle", "control", "busy")] == [6, 2, 6]
    assert min(found["idle"]) > 0 and min(found["control"]) > min(found["idle"])  # at least one frame shows it
    assert found["renderer"] == probe["facts"]["renderer"]


def test_a_picture_is_sent_to_the_card_once(probe):
    assert probe["facts"]["uploads"] == [
        1,
        1,
        2,
    ]  # after the first frame, after ten more, after a new picture


def test_a_window_of_one_pixel_and_back(probe):
    assert probe["facts"]["tiny"] == [1, 1]
    np.testing.assert_array_equal(part(probe, "again"), probe["second"][..., :3])


def test_the_screenshot_command_shows_a_network_playing(tmp_path):
    if sys.platform != "linux":
        pytest.skip("EGL without a screen needs Linux")
    file = tmp_path / "shot.png"
    options = ["--headless", "--frames", "4", "--size", "900x600", "--scale", "2", "--screenshot", str(file)]
    done = child("main.py", "live", *options)
    if "EGL" in done.stderr:
        pytest.skip("EGL is missing")
    assert done.returncode == 0, done.stderr
    with Image.open(file) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (1200, 1800, 3)
    centre = pixels[300:900, 750:1250].reshape(-1, 3)
    assert len(np.unique(centre, axis=0)) > 50  # not an empty surround


# --- a real mouse -----------------------------------------------------------------------------------------------


@pytest.fixture
def display():
    with screen("1280x800", "xdotool") as number:
        yield number


def wait_for(what, seconds: float = 90.0):
    """The first true value of `what()`; the limit only ends a test that would hang."""
    for _ in range(int(seconds / 0.1)):
        value = what()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen")


def test_a_real_mouse_walks_and_undoes(display, tmp_path):
    undo = {}
    with AppStage(tmp_path / "layout") as stage:  # where the button is, from the same code
        stage.play_app(lambda ctx: undo.update(rect=ctx.item_info("//Top/Undo").rect_full))
    centre = undo["rect"].get_center()
    env = {
        **os.environ,
        "DISPLAY": display,
        "OMP_NUM_THREADS": "1",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    env.pop("WAYLAND_DISPLAY", None)

    def mouse(*arguments: str) -> str:
        words = ["xdotool", *arguments]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False).stdout

    def saved_x() -> float | None:
        """latent.x in the scene that the window keeps for a crash."""
        for file in (tmp_path / "config" / "StyleScope").glob("scene-*.json"):
            return json.loads(file.read_text())["scene"]["latent"]["x"]
        return None

    scenefile.save(Scene(), tmp_path / "still.json")  # the start scene walks by itself
    with open(tmp_path / "log", "w") as log:
        window = subprocess.Popen(
            [sys.executable, "main.py", "live", str(tmp_path / "still.json")],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: mouse("search", "--name", ". StyleScope") or window.poll())
        assert window.poll() is None, (tmp_path / "log").read_text()
        mouse("mousemove", "690", "420", "mousedown", "1")
        for x in range(700, 860, 20):
            mouse("mousemove", str(x), "420", "sleep", "0.05")
        mouse("mouseup", "1")
        wait_for(lambda: (saved_x() or 0) > 0.4)
        mouse("mousemove", str(round(centre.x)), str(round(centre.y)), "sleep", "0.2", "click", "1")
        wait_for(lambda: saved_x() == 0.0)
        quit_keys = (
            "search",
            "--name",
            ". StyleScope",
            "windowfocus",
            "--sync",
            "sleep",
            "0.3",
            "key",
            "ctrl+q",
        )
        wait_for(
            lambda: mouse(*quit_keys) or window.poll() is not None
        )  # without a window manager, focus takes a while
        assert window.wait(60) == 0
    finally:
        window.kill()
    assert not list((tmp_path / "config" / "StyleScope").glob("scene-*.json"))  # a clean end
