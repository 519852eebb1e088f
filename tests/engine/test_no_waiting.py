"""A frame on a GPU asks the GPU for nothing: whole frames on torch's meta device, where every number that is fetched,
and every one that is sent by a call that waits, can be seen. Then pictures and frames that are still on their way.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cuda_ops.gpu import choice, device
from engine import picture as pictures
from engine.frame import Frame
from engine.looking import Bend
from engine.networks.common import Generator
from engine.picture import Picture
from engine.renderer import Renderer
from engine.scene import Scene
from engine.worker import Worker
from tests.cuda_ops.gpu.host import FakeMachine
from tests.engine import tiny

NUMBERS = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::nonzero", "aten::equal"}
COPIES = {"aten::_to_copy": -1, "aten::copy_": 0}  # and the argument that is overwritten


class NoWaiting(TorchDispatchMode):
    """Refuses what would make the host wait for the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name, given = func._schema.name, [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        assert name not in NUMBERS or not any(t.is_meta for t in given), f"{func} fetches a number"
        assert "index" not in name or len({t.is_meta for t in given}) == 1, f"{func} waits for numbers to be sent"
        out = func(*args, **kwargs)
        if name in COPIES:
            devices = {t.device.type for t in (*given, out)}
            queued = kwargs.get("non_blocking") or (len(args) > 2 and args[2])
            assert devices != {"cpu", "meta"} or (queued and out.is_meta), f"{func} waits for a copy"
        return out


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch):
    """A machine whose GPU is the meta device, on which kernels do not serve."""
    machine = FakeMachine()
    monkeypatch.setattr(device, "here", machine)
    monkeypatch.setattr(choice, "kind", "meta")
    monkeypatch.setattr(choice, "_mode", "torch")
    yield machine
    pictures.fetch_always(False)


MAKERS: dict[str, Callable[[], Generator]] = {
    "stylegan1": tiny.stylegan1,
    "stylegan2": lambda: tiny.stylegan2(resolution=16, c_dim=3),
    "stylegan3": tiny.stylegan3,
    "lucidrains": lambda: tiny.lucidrains(attention=(1,)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_no_frame_waits_whatever_moves(gpu: FakeMachine, name: str):
    G = MAKERS[name]()
    shelf = tiny.Shelf(tiny=G)
    G.to("meta")
    step = G.synthesis.steps[2].name
    bends = tuple(Bend(step=step, kind=k, channels=c, amount=0.5, radius=r)
                  for k, c, r in (("boost", (0, 1), 0.25), ("offset", (), 0.0), ("style", (1,), 0.0)))  # fmt: skip
    renderer = Renderer("meta", shelf)
    scene = Scene().set("noise.mode", "random")
    assert renderer.render(scene).error is None  # what is prepared once may be waited for
    moves = [
        ("latent.x", 0.3), ("truncation.psi", 0.5), ("noise.seed", 9), ("noise.strength", 0.5), ("latent.seed", 77),
        ("mixing.sources", [{"seed": 5, "layers": [2]}]), ("transform.rotate", 30.0), ("transform.untransform", True),
        ("bends", bends), ("bends", bends[:1]), ("latent.y", 0.1), ("noise.mode", "const"), ("noise.mode", "none"),
    ]  # fmt: skip
    for path, value in moves:
        scene = scene.set(path, value)
        with NoWaiting():
            frame = renderer.render(scene)
        assert frame.error is None, (path, frame.error)
        assert frame.image.on_gpu and frame.image.shape == (16, 16, 4)
    assert gpu.waits == [] and gpu.downloads == 0 and gpu.synchronized == 0 and gpu.uploads > 5


def test_the_watch_sees_what_it_is_for():
    here, there = torch.zeros(3), torch.zeros(3, device="meta")
    index = torch.tensor([0, 2])
    for wait in (lambda: here.to("meta"), lambda: there.copy_(here), lambda: there[index]):
        with pytest.raises(AssertionError, match="waits"), NoWaiting():
            wait()
    with NoWaiting():
        there.copy_(here.to("meta", non_blocking=True), non_blocking=True)


# --- pictures on their way ------------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch):
    """A machine that takes tensors on the CPU for tensors on its GPU."""
    machine = FakeMachine()
    monkeypatch.setattr(device, "here", machine)
    monkeypatch.setattr(choice, "kind", "cpu")
    yield machine
    pictures.fetch_always(False)


def drawn(value: int = 7) -> Tensor:
    return torch.full((4, 6, 4), value, dtype=torch.uint8)


def test_a_picture_is_fetched_when_somebody_asks_and_once(fake: FakeMachine):
    fake.behind = True
    picture = Picture(drawn())
    assert picture.on_gpu and not picture.ready() and fake.downloads == 0 and picture.shape == (4, 6, 4)
    assert picture.numpy() is picture.numpy() and picture.numpy()[0, 0].tolist() == [7, 7, 7, 7]
    assert fake.downloads == 1 and len(fake.waits) == 1


def test_where_the_screen_needs_bytes_they_are_on_their_way_from_the_start(fake: FakeMachine):
    pictures.fetch_always(True)
    fake.behind = True
    picture = Picture(drawn())
    assert fake.downloads == 1 and not picture.ready()
    fake.behind = False
    assert picture.ready() and picture.numpy()[0, 0, 0] == 7 and fake.downloads == 1


def test_on_a_cpu_a_picture_is_the_very_memory_that_was_drawn():
    rgba = drawn()
    picture = Picture(rgba)
    assert picture.ready() and not picture.on_gpu and picture.numpy().ctypes.data == rgba.data_ptr()
    array = np.zeros((2, 3, 4), np.uint8)
    assert Picture(array).numpy() is array


class Queueing:
    """A renderer whose pictures are queued on the fake GPU; it never learns more of them."""

    def __init__(self) -> None:
        self.serial, self.refined = 0, 0

    def render(self, scene: Scene, budget_ms: float | None = None, interrupted: object = None) -> Frame:
        self.serial += 1
        return Frame(scene, self.serial, Picture(drawn(scene.latent.seed)))

    def refine(self, interrupted: object = None) -> Frame | None:
        self.refined += 1
        return None


def seeds(worker: Worker) -> int | None:
    frame = worker.latest()
    return None if frame is None else frame.scene.latent.seed


def until(done: Callable[[], bool]) -> None:
    for _ in range(2000):
        if done():
            return
        time.sleep(0.002)
    raise AssertionError("it did not happen")


def test_a_frame_is_shown_when_the_gpu_has_got_there_and_one_more_is_queued_meanwhile(fake: FakeMachine):
    renderer = Queueing()
    worker = Worker(renderer)  # type: ignore[arg-type]
    fake.behind = True
    worker.submit(Scene().set("latent.seed", 1))
    until(lambda: renderer.serial == 1)
    assert worker.latest() is None and not worker.idle and fake.waits == []
    worker.submit(Scene().set("latent.seed", 2))
    until(lambda: renderer.serial == 2 and len(fake.waits) == 1)  # only now the first one is waited for
    assert seeds(worker) == 1 and not worker.idle and renderer.refined == 0
    fake.behind = False
    until(lambda: worker.idle)
    assert seeds(worker) == 2 and renderer.refined == 1
    worker.close()


def test_who_has_no_window_waits_for_the_picture(fake: FakeMachine):
    worker = Worker(Queueing())  # type: ignore[arg-type]
    fake.behind = True
    worker.submit(Scene().set("latent.seed", 3))
    until(lambda: worker._busy)
    fake.behind = False
    frame = worker.wait(10)
    assert frame is not None and frame.picture[0, 0, 0] == 3
    worker.close()


def test_a_gpu_that_fails_is_told_beside_the_last_good_picture(fake: FakeMachine, caplog: pytest.LogCaptureFixture):
    renderer = Queueing()
    worker = Worker(renderer)  # type: ignore[arg-type]
    worker.submit(Scene().set("latent.seed", 1))
    until(lambda: worker.idle)
    good = worker.latest()
    fake.lost = True
    for seed in (2, 3):
        worker.submit(Scene().set("latent.seed", seed))
        until(lambda: worker.idle)
        lost = worker.latest()
        assert "illegal memory access" in lost.error and "Start StyleScope anew" in lost.error
        assert lost.image is good.image and lost.scene.latent.seed == seed
    assert renderer.refined == 1 and caplog.text.count("the GPU failed") == 1
    worker.close()
