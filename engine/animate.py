"""How a scene moves by itself: a pure function of the scene and the seconds that passed."""

import math

import msgspec

from engine.scene import Scene

TRAVEL_PERIOD = 8.0  # seconds in which the travelling translation turns once


def is_moving(scene: Scene) -> bool:
    """Whether time alone changes what this scene shows."""
    t = scene.transform
    walks = scene.latent.mode == "seeds" and scene.latent.walk != 0
    noise = scene.noise.animate and scene.noise.mode == "random"
    return walks or noise or t.travel != 0 or t.spin != 0


def advance(scene: Scene, dt: float) -> Scene:
    """The scene `dt` seconds later: the latent walks, the transform travels and spins, the clock ticks."""
    latent, t = scene.latent, scene.transform
    if latent.mode == "seeds" and latent.walk:
        latent = msgspec.structs.replace(latent, x=_wrapped(latent.x + latent.walk * dt, 1e6))
    if t.travel:
        angle = 2 * math.pi * scene.time / TRAVEL_PERIOD
        x, y = t.x + t.travel * dt * math.cos(angle), t.y + t.travel * dt * math.sin(angle)
        t = msgspec.structs.replace(t, x=_wrapped(x, 10), y=_wrapped(y, 10))
    if t.spin:
        t = msgspec.structs.replace(t, rotate=_wrapped(t.rotate + t.spin * dt, 180))
    return msgspec.structs.replace(scene, latent=latent, transform=t, time=(scene.time + dt) % 1e9)


def _wrapped(value: float, limit: float) -> float:
    """`value` moved by whole turns into -limit..limit."""
    return (value + limit) % (2 * limit) - limit
