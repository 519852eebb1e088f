"""Bends: changes between two steps of a network, in some channels, everywhere or in a round place."""

import functools
from dataclasses import replace

import torch
from torch import Tensor

from engine.devices import send
from engine.looking import Bend
from engine.networks.common import Inputs, State, Step


def bends_of(step: str, bends: tuple[Bend, ...]) -> tuple[Bend, ...]:
    """Those that act on a step, in order."""
    return tuple(b for b in bends if b.on and b.step == step)


def run_step(step: Step, state: State, inputs: Inputs, bends: tuple[Bend, ...]) -> State:
    """The state after a step whose styles and output the bends have changed before it goes on."""
    shift = style_shift(step.styles, tuple(b for b in bends if b.kind == "style"), inputs.ws.device)
    if shift is not None:
        inputs = replace(inputs, style_shifts={**inputs.style_shifts, step.name: shift})
    bends = tuple(b for b in bends if b.kind != "style")
    after = step.run(state, inputs)
    if not bends or after is state or after.out is None:
        return after
    out = after.out
    for b in bends:
        out = bent(out, b, step.rate)
    if step.join is not None:
        return step.join(state, out, inputs)
    kept = {name: out for name in ("x", "img", "skip") if getattr(after, name) is after.out}
    return replace(after, out=out, **kept)


# What follows is made on the CPU and sent once: a graph can read a tensor, but it cannot send one.


@functools.lru_cache(maxsize=64)
@torch.inference_mode(False)
def style_shift(styles: int, bends: tuple[Bend, ...], device: torch.device) -> Tensor | None:
    """What bends of styles add to a step's [I], None for nothing; no channels named means all."""
    if not bends or not styles:
        return None
    shift = torch.zeros(styles)
    for b in bends:
        shift[[c for c in b.channels if c < styles] if b.channels else slice(None)] += b.amount
    return send(shift, device)


@functools.lru_cache(maxsize=64)
@torch.inference_mode(False)
def _numbers(channels: tuple[int, ...], device: torch.device) -> Tensor:
    return send(torch.tensor(channels), device)


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)
def _mask(height: int, width: int, bend: Bend, rate: float | None, dtype: torch.dtype, device: torch.device) -> Tensor:
    return send(place(height, width, bend, rate).to(dtype), device)


def bent(x: Tensor, bend: Bend, rate: float | None = None) -> Tensor:
    """Activation [N, C, H, W] with one bend; channels that it does not have are passed over.

    `rate` is samples per picture width, None for the width of `x`.
    """
    channels = tuple(c for c in bend.channels if c < x.shape[1])
    if bend.channels and not channels:
        return x
    chosen = x.index_select(1, _numbers(channels, x.device)) if channels else x
    changed = _changed(chosen, bend)
    if bend.radius > 0:
        changed = torch.lerp(chosen, changed, _mask(x.shape[2], x.shape[3], bend, rate, x.dtype, x.device))
    if not channels:
        return changed
    return x.index_copy(1, _numbers(channels, x.device), changed)


def place(height: int, width: int, bend: Bend, rate: float | None = None) -> Tensor:
    """Mask [H, W] in 0..1 of a bend's round places, with edges one sample wide. A margin lies outside the picture."""
    rate = rate or width
    y, x = (torch.arange(n) + 0.5 - n / 2 for n in (height, width))  # samples from the centre
    inner = height if rate == width else rate  # samples per picture height
    nearest = torch.full((height, width), torch.inf)
    for centre_x, centre_y in ((bend.x, bend.y), *bend.stroke):
        dy, dx = y - (centre_y - 0.5) * inner, x - (centre_x - 0.5) * rate
        nearest = torch.minimum(nearest, torch.hypot(dy[:, None].expand(height, width), dx[None].expand(height, width)))
    return (bend.radius * rate - nearest + 0.5).clamp(0, 1)


def _changed(x: Tensor, bend: Bend) -> Tensor:
    if bend.kind == "ablate":
        return torch.zeros_like(x)
    return x * (1 + bend.amount) if bend.kind == "boost" else x + bend.amount
