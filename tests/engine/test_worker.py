"""The worker: the newest scene wins, nobody waits, nothing is rendered twice."""

import dataclasses
import threading

from engine.frame import Frame
from engine.scene import Scene
from engine.worker import Worker


class SlowRenderer:
    """Renders when the test lets it."""

    def __init__(self):
        self.gate, self.started, self.seen = threading.Semaphore(0), threading.Semaphore(0), []

    def render(self, scene: Scene, budget_ms=None, interrupted=lambda: False) -> Frame:
        self.started.release()
        self.gate.acquire()
        self.seen.append("made way" if interrupted and interrupted() else scene.latent.seed)
        self.last = Frame(scene, len(self.seen), preview=(4, 4) if budget_ms else None)
        return self.last

    def refine(self, interrupted=lambda: False) -> Frame | None:
        """What is learned of a frame once nobody waits."""
        return None if interrupted() else dataclasses.replace(self.last, timings={"refined": 1.0})


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
    assert frame.timings  # refined, because nothing newer waited


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


def test_a_preview_is_followed_by_the_whole_picture():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    worker.submit(Scene().set("latent.seed", 1), budget_ms=10)
    renderer.gate.release(2)
    frame = worker.wait(10)
    worker.close()
    assert renderer.seen == [1, 1] and frame.preview is None


def test_a_running_frame_makes_way_for_a_drag_but_not_for_the_clock():
    for budget, expected in ((10, "made way"), (None, 1)):
        renderer = SlowRenderer()
        worker = Worker(renderer)
        worker.submit(Scene().set("latent.seed", 1))
        renderer.started.acquire()
        worker.submit(Scene().set("latent.seed", 2), budget_ms=budget)
        renderer.gate.release(3)
        worker.wait(10)
        worker.close()
        assert renderer.seen[:2] == [expected, 2]


def test_questions_are_answered_between_frames():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    asked = threading.Event()
    heard = []
    worker.submit(Scene().set("latent.seed", 1))
    renderer.started.acquire()
    worker.ask(lambda r: (heard.append((r, len(renderer.seen))), asked.set()))
    renderer.gate.release()
    assert asked.wait(10) and heard == [(renderer, 1)]  # after the frame, though no scene followed
    worker.wait(10)
    worker.close()


def test_a_drag_never_starves_its_own_previews():
    renderer = SlowRenderer()
    worker = Worker(renderer)
    for seed in (1, 2, 3):  # a newer scene is always waiting when a preview is done
        worker.submit(Scene().set("latent.seed", seed), budget_ms=10)
        if seed > 1:
            renderer.gate.release()
        renderer.started.acquire()
    renderer.gate.release(3)
    worker.wait(10)
    worker.close()
    assert renderer.seen == [1, 2, 3, 3]
