"""Scene to Frame, running a network only from the first step whose inputs changed."""

import logging
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from cuda_ops.rgba import to_rgba8
from engine import devices, parameters, precision
from engine.bending import bends_of, run_step
from engine.clock import StepClock, Stopwatch
from engine.devices import send
from engine.errors import RenderError, StyleScopeError
from engine.frame import Frame, ModelFacts, StepReport
from engine.graphs import Recordings
from engine.inspect.inspector import Inspector, Source, part_of, parts_of
from engine.inspect.parts import OUTPUT
from engine.inspect.views import Looked
from engine.inspect.wiring import flow
from engine.latents import Latents, Row, labels, rows
from engine.looking import Bend
from engine.models import LoadedModel, ModelStore
from engine.networks.common import Generator, Inputs, Noise, State, Step
from engine.picture import Picture
from engine.previews import Previews
from engine.scene import Scene
from engine.transforms import forward_matrix, input_transform, untransform

log = logging.getLogger(__name__)

CACHE_BYTES = 1 << 30  # activations kept to restart from; the finest layers are let go first


@dataclass
class Track:
    """What the last run of one network left behind: a key, a state and a report for each step."""

    latents: Latents
    inspector: Inspector
    clock: StepClock
    keys: list[Hashable] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    reports: list[StepReport] = field(default_factory=list)
    recordings: Recordings = field(default_factory=Recordings)
    previews: Previews | None = None
    img: Tensor | None = None  # [1, C, H, W]
    picture_key: Hashable = None
    image: Picture | None = None
    view: Picture | None = None  # of a step


class Interrupted(Exception):
    """A newer scene is waiting; what has been computed so far is kept."""


class Renderer:
    """Renders scenes one after the other. The same scene gives the same pixels on the same device."""

    def __init__(self, device: str = "cpu", models: ModelStore | None = None):
        self.device = torch.device(device)
        self.models = models or ModelStore(device)
        self._tracks: dict[int, Track] = {}
        self._last = Frame(Scene(), 0, device=device)

    def render(
        self, scene: Scene, budget_ms: float | None = None, interrupted: Callable[[], bool] | None = None
    ) -> Frame:
        """The frame of a scene. It never raises: what went wrong is in `Frame.error`, beside the last good picture.

        With a budget a network that can stops at the finest resolution that fits it, judged by what its steps took
        before (`Frame.preview`), and StyleGAN3 is approximated at lower rates; the next call goes on from there.
        Once `interrupted()` is true between two steps, the last frame is returned as it was.
        """
        last = self._last
        same = scene == last.scene and last.precision == precision.name_of(self.device)
        if last.serial and same and last.error is None and (budget_ms or not last.preview):
            return last
        try:
            frame = self._render(parameters.check(scene), budget_ms, interrupted or _never)
        except Interrupted:
            return last
        except StyleScopeError as error:
            frame = replace(self._last, error=str(error))
        except Exception as error:  # what a network does wrong is shown, logged, and tried again at the next change
            frame = replace(self._last, error=f"Rendering failed: {type(error).__name__}: {error}")
            if frame.error != self._last.error:  # once, not sixty times a second while something moves
                log.exception("rendering %r", scene)
            self._tracks.clear()
        self._last = replace(frame, scene=scene, serial=self._last.serial + 1)
        return self._last

    def step(self, scene: Scene, name: str) -> Step:
        """A step of the scene's network by its name; RenderError where there is none."""
        G = self.models.get(scene.model.path, scene.model.network).generator
        i = step_number(G, name)
        if i < 0:
            names = ", ".join(step.name for step in G.synthesis.steps)
            raise RenderError(f"This network has no step called {name!r}; it has {names}.")
        return G.synthesis.steps[i]

    def activation(self, scene: Scene, name: str) -> Tensor:
        """What a step makes in a scene: [C, H, W] float32 on the CPU. RenderError where that cannot be."""
        return self.part(scene, name)

    @torch.inference_mode()
    def part(self, scene: Scene, name: str, part: str = OUTPUT) -> Tensor:
        """A part of a step in a scene, float32 on the CPU: its output [C, H, W], its weight [O, I, k, k] as it is
        stored, or the styles [S] it reads. RenderError where that cannot be."""
        step, frame = self.step(scene, name), self.render(scene)
        if frame.error is not None:
            raise RenderError(frame.error)
        model = self.models.get(scene.model.path, scene.model.network)
        G, track = model.generator, self._track(model)
        recipes = rows(scene, G.num_ws, G.mapping.default_cutoff)
        if part != OUTPUT:
            found = part_of(self._source(G, track, scene, recipes, model.facts), step, part)
            if found is None:
                raise RenderError(f"{name}: this step has no {part}; it has {', '.join(parts_of(G, step))}.")
            return found.plain.float().cpu()
        state = self._state(G.synthesis.steps.index(step), G, track, scene, recipes, model.facts)
        assert state.out is not None
        return state.out[0].float().cpu()

    @torch.inference_mode()
    def kept(self, names: Collection[str]) -> tuple[int, dict[str, Tensor]]:
        """The serial of the last frame, and by name what its steps made [C, H, W]; "" is the picture, nominally -1..1.

        Only what is at hand: steps that the network lacks, or whose states were let go, are missing. Nobody writes to
        the tensors later. For the thread that renders.
        """
        found: dict[str, Tensor] = {}
        for track in self._tracks.values():
            outs = {report.name: state.out for report, state in zip(track.reports, track.states)}
            found = {name: out[0] for name, out in outs.items() if name in names and out is not None}
            if "" in names and track.img is not None:
                found[""] = track.img[0]
        if self.device.type != "cpu":  # a recorded run is replayed over its own results
            found = {name: x.clone() for name, x in found.items()}
        return self._last.serial, found

    @torch.inference_mode()
    def refine(self, interrupted: Callable[[], bool] | None = None) -> Frame | None:
        """The last frame with what else is to be known of it, for when nothing newer waits; None if that is all."""
        for track in self._tracks.values():
            inspector, last = track.inspector, self._last
            if last.error is None and inspector.catch_up(track.states, interrupted or _never):
                looked = inspector.looked if last.looked else None
                image = self._shown(track, looked) if looked else last.image
                known, serial = dict(inspector.known), last.serial + 1
                self._last = replace(last, statistics=known, looked=looked, image=image, serial=serial)
                return self._last
        return None

    @torch.inference_mode()
    def _render(self, scene: Scene, budget_ms: float | None, interrupted: Callable[[], bool]) -> Frame:
        watch = Stopwatch()
        model = self.models.get(scene.model.path, scene.model.network)
        G, track = model.generator, self._track(model)
        watch.lap("model")
        recipes = rows(scene, G.num_ws, G.mapping.default_cutoff)
        keys = [step_key(step, scene, recipes, model.facts) for step in G.synthesis.steps]
        start = len(keys) if keys == track.keys else _first_difference(keys, track.keys[: len(track.states)])
        stop = max(_last_step(G, track, start, budget_ms), step_number(G, scene.view.step)) + 1
        if budget_ms and stop == len(keys) and not scene.view.step and _left(G, track, start) > budget_ms:
            frame = self._approximation(model, track, scene, budget_ms, interrupted)
            if frame is not None:
                return frame
        if start < stop:
            ws = track.latents.ws(recipes)
            watch.lap("mapping")
            inputs = self._inputs(scene, ws, model.facts)
            start = self._run(G, track, keys[:stop], start, inputs, scene.bends, interrupted)
            watch.lap("synthesis")
        else:
            track.reports = [replace(r, ms=0.0, reused=True) for r in track.reports]
        source = self._source(G, track, scene, recipes, model.facts)
        looked = track.inspector.look(scene.view, source, interrupted is not _never) if scene.view.step else None
        image = self._shown(track, looked) if looked else self._picture(track, scene, model.facts)
        watch.lap("picture")
        if not devices.queues(self.device):  # there a number costs a wait: `refine` asks for them between frames
            track.inspector.spend(track.states)
        probed = track.inspector.probe(scene.view, track.states) if scene.view.probe else ()
        watch.lap("statistics")
        assert track.img is not None
        score = self._score(track.img, scene, model) if scene.model.judge and stop == len(keys) else None
        size = (track.img.shape[2], track.img.shape[3])
        return Frame(
            scene, 0, image, model.facts, tuple(track.reports), watch.laps, start,
            looked=looked, statistics=dict(track.inspector.known), probed=probed,
            score=score, preview=None if size == model.facts.resolution else size,
            device=str(self.device), precision=precision.name_of(self.device),
            notes=devices.notes(self.device) + track.recordings.notes,
            gpu_ms=track.clock.run_ms, order=track.recordings.order,
        )  # fmt: skip

    def _approximation(
        self, model: LoadedModel, track: Track, scene: Scene, budget_ms: float, interrupted: Callable[[], bool]
    ) -> Frame | None:
        """The scene by a reduced network that fits the budget; None where the network has none."""
        if track.previews is None:
            track.previews = Previews(model, lambda store: Renderer(str(self.device), store))
        frame = track.previews.render(scene, budget_ms, track.clock.costs, interrupted)
        if frame is None or frame.error is not None:
            return None
        if frame.scene != scene or frame.image is None:
            raise Interrupted
        return replace(frame, statistics=dict(track.inspector.known))

    def costs(self) -> dict[str, float]:
        """Milliseconds that each step of the network took last, by name."""
        return {name: ms for track in self._tracks.values() for name, ms in track.clock.costs.items()}

    def _score(self, img: Tensor, scene: Scene, model: LoadedModel) -> float:
        """The discriminator's logit for a picture [1, C, H, W]; above 0 it takes it for a real one."""
        D = self.models.discriminator(scene.model.path)
        return float(D(img, labels([scene.label.index], model.facts.c_dim, self.device)))

    def _track(self, model: LoadedModel) -> Track:
        key = id(model.generator)
        if key not in self._tracks:
            G = model.generator
            inspector = Inspector(G.synthesis.steps, bool(model.facts.filters))
            track = Track(Latents(G, self.device), inspector, StepClock(self.device))
            self._tracks = {key: track}  # one network's activations at a time
        return self._tracks[key]

    def _source(
        self, G: Generator, track: Track, scene: Scene, recipes: tuple[Row, ...], facts: ModelFacts
    ) -> Source:
        """Where the inspector looks; states from those that are kept, or by running on from the last of them."""
        return Source(
            G, lambda i: self._state(i, G, track, scene, recipes, facts),
            lambda: self._inputs(scene, track.latents.ws(recipes), facts), scene.bends,
        )  # fmt: skip

    def _state(
        self, i: int, G: Generator, track: Track, scene: Scene, recipes: tuple[Row, ...], facts: ModelFacts
    ) -> State:
        """The state after step number `i` of the scene that ran last."""
        if i < len(track.states):
            return track.states[i]
        first, inputs = len(track.states), self._inputs(scene, track.latents.ws(recipes), facts)
        state = track.states[-1] if first else State()
        for step in G.synthesis.steps[first : i + 1]:
            state = run_step(step, state, inputs, bends_of(step.name, scene.bends))
        return state

    def _inputs(self, scene: Scene, ws: Tensor, facts: ModelFacts) -> Inputs:
        n = scene.noise
        noise = Noise(n.mode, n.strength, n.layers, noise_seed(scene))
        transform = None
        if facts.has_input_transform:
            matrix = input_transform(scene.transform, facts.resolution[1])
            transform = send(torch.tensor(matrix, dtype=torch.float32), self.device)
        return Inputs(ws, noise, transform, anchor=scene.transform.anchor, lod=scene.growing.lod)

    def _run(
        self,
        G: Generator,
        track: Track,
        keys: list[Hashable],
        start: int,
        inputs: Inputs,
        bends: tuple[Bend, ...],
        interrupted: Callable[[], bool],
    ) -> int:
        """Run steps from number `start`, one for each key, keeping the states they leave as far as memory allows.

        Returns the number of the first step that ran: 0 where recorded steps have to take over from others.
        """
        recording = track.recordings.of(G, inputs, bends)
        if recording is not None:
            start = recording.begin(inputs, start, track.states)
        state = track.states[start - 1] if start else State()
        del track.states[start:]
        track.inspector.renew(start)
        track.keys = keys
        later = track.reports[len(keys) :]  # of steps that a preview leaves out
        track.reports = [replace(r, ms=0.0, reused=True) for r in track.reports[:start]]
        track.clock.start()
        kept = sum(_bytes(s) for s in track.states)
        for i, step in enumerate(G.synthesis.steps[start : len(keys)], start):
            if interrupted():
                track.keys = keys[: len(track.states)]
                raise Interrupted
            before = state
            state = recording.step(i) if recording else run_step(step, state, inputs, bends_of(step.name, bends))
            kept += _bytes(state)
            if recording or kept <= CACHE_BYTES:  # grows with every step, so that the kept states are the first ones
                track.states.append(state)
            track.reports.append(_report(step, before, state, track.clock.lap(step.name)))
        track.reports += later
        track.img, track.image = G.synthesis.picture(state), None
        return start

    def _shown(self, track: Track, looked: Looked) -> Picture:
        """The view of a step; the very same picture as before where nothing changed."""
        if track.view is None or track.view.rgba is not looked.shown.rgba:
            track.view = Picture(looked.shown.rgba)
        return track.view

    def _picture(self, track: Track, scene: Scene, facts: ModelFacts) -> Picture:
        """The network's picture; the very same as before where nothing changed."""
        undo = scene.transform.untransform and facts.has_input_transform
        matrix = forward_matrix(scene.transform, facts.resolution[1]) if undo else None
        key = None if matrix is None else matrix.tobytes()
        if track.image is None or track.picture_key != key:
            assert track.img is not None
            img = track.img if matrix is None else untransform(track.img, matrix)
            track.image = Picture(_enlarged(to_rgba8(img[0]), facts.resolution))
            track.picture_key = key
        return track.image


def noise_seed(scene: Scene) -> int:
    """Seed of random noise: the scene's, moved on `rate` times a second where noise is animated."""
    noise = scene.noise
    return noise.seed + (int(scene.time * noise.rate) if noise.animate else 0)


def step_key(step: Step, scene: Scene, recipes: tuple[Row, ...], facts: ModelFacts) -> Hashable:
    """Everything in the scene that this step's result depends on, given the state before it."""
    key: list[Hashable] = [tuple(recipes[i] for i in step.ws), precision.mode()]
    if step.noise is not None:
        factor = Noise(scene.noise.mode, scene.noise.strength, scene.noise.layers).factor(step.noise)
        random = scene.noise.mode == "random" and factor != 0
        key.append((factor, noise_seed(scene) if random else None))
    if "input_transform" in step.reads:
        key.append(input_transform(scene.transform, facts.resolution[1]).tobytes())
    if "anchor" in step.reads:
        key.append(scene.transform.anchor)
    if "lod" in step.reads:
        key.append(step.lod_key(scene.growing.lod) if step.lod_key else scene.growing.lod)
    key += bends_of(step.name, scene.bends)
    return tuple(key)


def step_number(G: Generator, name: str) -> int:
    """Number of the step called `name`, -1 where there is none."""
    return next((i for i, step in enumerate(G.synthesis.steps) if step.name == name), -1)


def _left(G: Generator, track: Track, start: int) -> float:
    """Milliseconds that the steps from number `start` took last; 0 as long as some of them never ran."""
    costs = [track.clock.costs.get(step.name) for step in G.synthesis.steps[start:]]
    return sum(ms for ms in costs if ms is not None) if None not in costs else 0.0


def _last_step(G: Generator, track: Track, start: int, budget_ms: float | None) -> int:
    """Number of the step to stop after: the finest preview within the budget, or the last where all of it fits."""
    steps = G.synthesis.steps
    last = len(steps) - 1
    costs = [track.clock.costs[step.name] for step in steps if step.name in track.clock.costs]
    if budget_ms is None or len(costs) < len(steps):  # nothing is known of a network that never ran
        return last
    spent = np.cumsum(costs[start:])  # milliseconds from `start` up to and with each step
    if not len(spent) or spent[-1] <= budget_ms:
        return last
    ahead = [i for i in G.synthesis.previews if i >= start]
    fitting = [i for i in ahead if spent[i - start] <= budget_ms]
    return max(fitting) if fitting else min(ahead, default=last)


def _enlarged(rgba: Tensor, resolution: tuple[int, int]) -> Tensor:
    """A preview [h, w, 4] at the size of the whole picture, each pixel repeated."""
    h, w, _ = rgba.shape
    down, across = resolution[0] // h, resolution[1] // w
    if across == down == 1:
        return rgba
    return rgba[:, None, :, None].expand(h, down, w, across, 4).reshape(h * down, w * across, 4)


def _never() -> bool:
    return False


def _first_difference(keys: list[Hashable], before: list[Hashable]) -> int:
    for i, (now, then) in enumerate(zip(keys, before, strict=False)):
        if now != then:
            return i
    return min(len(keys), len(before))


def _report(step: Step, before: State, state: State, ms: float) -> StepReport:
    assert state.out is not None
    rate = step.rate or float(step.shape[2])
    dtype = str(state.out.dtype).removeprefix("torch.")
    return StepReport(step.name, step.shape, dtype, step.ws, ms, False, rate, step.clamp, *flow(before, state))


def _bytes(state: State) -> int:
    """Memory that a state holds on to beyond the state before it."""
    return 0 if state.out is None else state.out.numel() * state.out.element_size()
