"""Edits of a scene's bends: which channels of which step are changed, as pure functions."""

import math

import msgspec

from engine.looking import Bend
from engine.scene import Scene

BRUSH = 0.08  # radius of a first stroke, in picture widths
LONGEST_STROKE = 400  # places
AMOUNTS = {"ablate": 0.0, "boost": 1.0, "offset": 1.0, "style": 1.0}


def kinds(scene: Scene, step: str, channel: int) -> set[str]:
    """Kinds of the bends that act on one channel of a step's output."""
    acting = (b for b in scene.bends if b.on and b.step == step and b.kind != "style")
    return {b.kind for b in acting if channel in b.channels or not b.channels}


def named(scene: Scene, step: str) -> set[int]:
    """Channels of a step's output that bends name."""
    acting = (b for b in scene.bends if b.on and b.step == step and b.kind != "style")
    return {channel for b in acting for channel in b.channels}


def toggled(scene: Scene, step: str, kind: str, channel: int) -> Scene:
    """One channel into the last bend of this kind at this step, or out of it; a new one where there is none."""
    for i, bend in reversed(list(enumerate(scene.bends))):
        if bend.step == step and bend.kind == kind and bend.channels:
            channels = set(bend.channels) ^ {channel}
            return _put(scene, i, msgspec.structs.replace(bend, channels=tuple(sorted(channels)), on=True))
    new = Bend(step, kind, (channel,), AMOUNTS[kind])  # type: ignore[arg-type]
    return scene.set("bends", (*scene.bends, new))


def without(scene: Scene, step: str, channel: int) -> Scene:
    """Every bend of a step without one channel; those left without channels go."""
    bends = []
    for bend in scene.bends:
        if bend.step == step and bend.kind != "style" and channel in bend.channels:
            bend = msgspec.structs.replace(bend, channels=tuple(c for c in bend.channels if c != channel))
            if not bend.channels:
                continue
        bends.append(bend)
    return scene.set("bends", tuple(bends))


def with_sliders(scene: Scene, step: str, channels: tuple[int, ...]) -> tuple[Scene, Scene]:
    """For sliders over style channels: the scene with one style bend for each first, in this order, and a scene with
    all the other bends. The sliders' places do not change while one of them is dragged."""
    own = {b.channels[0]: b for b in scene.bends if is_slider(b, step) and b.channels[0] in channels}
    rest = scene.set("bends", tuple(b for b in scene.bends if b not in own.values()))
    sliders = tuple(own.get(c, Bend(step, "style", (c,))) for c in channels)
    return rest.set("bends", (*sliders, *rest.bends)), rest


def kept_sliders(edited: Scene, rest: Scene, count: int) -> Scene:
    """The other bends, then the first `count` of an edited scene as far as they change anything."""
    return rest.set("bends", (*rest.bends, *(b for b in edited.bends[:count] if b.amount != 0)))


def is_slider(bend: Bend, step: str) -> bool:
    return bend.step == step and bend.kind == "style" and len(bend.channels) == 1


def painted(scene: Scene, x: float, y: float) -> Scene:
    """A place of the picture, in 0..1, added to where the bend acts that `brush` names: the first one limits it."""
    i = brush(scene)
    if i is None:
        return scene
    bend = scene.bends[i]
    if bend.radius == 0:
        return _put(scene, i, msgspec.structs.replace(bend, radius=BRUSH, x=x, y=y, stroke=()))
    near = min(math.hypot(x - u, y - v) for u, v in ((bend.x, bend.y), *bend.stroke))
    if near < bend.radius / 3 or len(bend.stroke) >= LONGEST_STROKE:
        return scene
    return _put(scene, i, msgspec.structs.replace(bend, stroke=(*bend.stroke, (x, y))))


def brush(scene: Scene) -> int | None:
    """Number of the bend that is painted with: the last one of the shown step, else the last of all; styles have no
    place."""
    able = [i for i, b in enumerate(scene.bends) if b.on and b.kind != "style"]
    shown = [i for i in able if scene.bends[i].step == scene.view.step]
    return max(shown or able, default=None)


def everywhere(scene: Scene, i: int) -> Scene:
    """Bend number `i` without a place."""
    plain = Bend()
    return _put(scene, i, msgspec.structs.replace(scene.bends[i], radius=plain.radius, x=plain.x, y=plain.y, stroke=()))


def removed(scene: Scene, i: int) -> Scene:
    """Without bend number `i`."""
    return scene.set("bends", scene.bends[:i] + scene.bends[i + 1 :])


def _put(scene: Scene, i: int, bend: Bend) -> Scene:
    """Bend number `i` replaced; one whose last channel was taken away goes, since no channels would mean all."""
    if not bend.channels:
        return removed(scene, i)
    return scene.set("bends", (*scene.bends[:i], bend, *scene.bends[i + 1 :]))
