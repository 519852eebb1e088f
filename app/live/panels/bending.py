"""Edits of a scene's bends: which channels of which step are changed, as pure functions."""

import msgspec

from engine.looking import Bend
from engine.scene import Scene

AMOUNTS = {"ablate": 0.0, "boost": 2.0, "offset": 1.0}


def kinds(scene: Scene, step: str, channel: int) -> set[str]:
    """Kinds of the bends that act on one channel."""
    return {b.kind for b in scene.bends if b.on and b.step == step and (channel in b.channels or not b.channels)}


def named(scene: Scene, step: str) -> set[int]:
    """Channels of a step that bends name."""
    return {channel for b in scene.bends if b.on and b.step == step for channel in b.channels}


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
        if bend.step == step and channel in bend.channels:
            bend = msgspec.structs.replace(bend, channels=tuple(c for c in bend.channels if c != channel))
            if not bend.channels:
                continue
        bends.append(bend)
    return scene.set("bends", tuple(bends))


def removed(scene: Scene, i: int) -> Scene:
    """Without bend number `i`."""
    return scene.set("bends", scene.bends[:i] + scene.bends[i + 1 :])


def _put(scene: Scene, i: int, bend: Bend) -> Scene:
    """Bend number `i` replaced; one whose last channel was taken away goes, since no channels would mean all."""
    if not bend.channels:
        return removed(scene, i)
    return scene.set("bends", (*scene.bends[:i], bend, *scene.bends[i + 1 :]))
