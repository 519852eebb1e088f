"""The worker: the newest scene wins, nobody waits, nothing is rendered twice."""

import threading

from engine.frame import Frame
from engine.scene import Scene
from engine.worker import Worker


class SlowRenderer:
    """Renders when the test lets it."""

    def __init__(self):
        self.gate, self.started, self.seen = threading.Semaphore(0), threading.Semaphore(0), []

    def render(self, scene: Scene) -> Frame:
        self.started.release()
        self.gate.acquire()
        self.seen.append(scene.latent.seed)
        return Frame(scene, len(self.seen))


def test_the_newest_scene_wins():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    worker.submit(Scene().set("latent.seed", 1))
    renderer.started.acquire()
    for seed in (2, 3, 4):
        worker.submit(Scene().set("latent.seed", seed))
    renderer.gate.release(2)
    frame = worker.wait(10)
    worker.close()
    assert renderer.seen == [1, 4] and frame.scene.latent.seed == 4


def test_submitting_never_waits_and_latest_is_the_last_finished():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    assert worker.latest() is None
    worker.submit(Scene())
    renderer.started.acquire()
    worker.submit(Scene().set("latent.seed", 8))  # returns although the renderer is held
    assert worker.latest() is None and not worker.idle
    renderer.gate.release(2)
    worker.wait(10)
    assert worker.latest().scene.latent.seed == 8 and worker.idle
    worker.close()


def test_closing_while_rendering_does_not_hang():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    worker.submit(Scene())
    renderer.started.acquire()
    worker.close(timeout=0.05)
    renderer.gate.release()
    assert worker.wait(0.05) is None or renderer.seen
