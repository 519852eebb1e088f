"""Bias, activation, gain and clamp in one go: y = clamp(gain * act(x + b), -clamp, clamp)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops.cpu import gradients
from cuda_ops.cpu.choice import route

GAIN = {"linear": 1.0, "relu": math.sqrt(2), "lrelu": math.sqrt(2), "swish": math.sqrt(2)}
ACTIVATIONS = ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish")


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    act: str = "linear",
    *,
    alpha: float = 0.2,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Add `b` [C] along dim 1, apply `act`, multiply by `gain` (None = the activation's own), then clamp.

    `x` is [N, C] or [N, C, H, W]. Karras et al. 2020, equalised layers; the order is bias, activation, gain, clamp.
    """
    path = route(x, b) if act in ("linear", "lrelu") else "plain"
    if path in ("torch", "numba"):
        return _in_place(x, b, act, alpha, GAIN[act] if gain is None else gain, clamp)
    if path == "gpu":
        from cuda_ops.gpu import ops

        return ops.bias_act(x, b, act, alpha, GAIN[act] if gain is None else gain, clamp)
    gain = GAIN.get(act, 1.0) if gain is None else gain
    if path == "plain" and act == "lrelu" and gain > 0 and alpha > 0 and clamp is None and gradients.serve(x, b):
        from cuda_ops.cpu.tail_gradient import tail

        return tail(x, None, None, b, gain, alpha)
    return bias_act_reference(x, b, act, alpha=alpha, gain=gain, clamp=clamp)


def bias_act_reference(
    x: Tensor,
    b: Tensor | None = None,
    act: str = "linear",
    *,
    alpha: float = 0.2,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """The same, one operation after the other: this is the specification. Differentiable to any order."""
    if b is not None:
        x = x + _along_channels(b.to(x.dtype), x)
    x = _activate(x, act, alpha)
    gain = GAIN.get(act, 1.0) if gain is None else gain
    if gain != 1:
        x = x * gain
    return x if clamp is None else x.clamp(-clamp, clamp)


def _along_channels(b: Tensor, x: Tensor) -> Tensor:
    return b.reshape([1, -1] + [1] * (x.ndim - 2))


def _activate(x: Tensor, act: str, alpha: float) -> Tensor:
    if act == "linear":
        return x
    if act == "lrelu":
        return F.leaky_relu(x, alpha)
    if act == "swish":
        return x * torch.sigmoid(x)
    plain = {
        "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "elu": F.elu, "selu": F.selu,
        "softplus": F.softplus,
    }  # fmt: skip
    return plain[act](x)


def _in_place(
    x: Tensor, b: Tensor | None, act: str, alpha: float, gain: float, clamp: float | None
) -> Tensor:
    """Without gradients: one new tensor, then every operation in it."""
    y = x.clone() if b is None else x + _along_channels(b, x)
    if act == "lrelu":
        y = F.leaky_relu_(y, alpha)
    if gain != 1:
        y = y.mul_(gain)
    return y if clamp is None else y.clamp_(-clamp, clamp)
