"""Dense layer with equalised learning rate: y = act((gain x) W^T + bias_gain b)."""

from torch import Tensor

from cuda_ops.bias_act import GAIN, bias_act
from cuda_ops.cpu.choice import route


def dense(
    x: Tensor,
    weight: Tensor,
    b: Tensor | None = None,
    *,
    gain: float = 1.0,
    bias_gain: float = 1.0,
    act: str = "linear",
) -> Tensor:
    """[N, I] -> [N, O] by `weight` [O, I]; the activation has its own gain, as in `bias_act`."""
    if len(x) == 1 and act in ("linear", "lrelu") and route(x, weight, b) == "numba":
        from cuda_ops.cpu import compiled

        return compiled.dense(x, weight, b, gain, bias_gain, 0.2 if act == "lrelu" else 1.0, GAIN[act])
    return dense_reference(x, weight, b, gain=gain, bias_gain=bias_gain, act=act)


def dense_reference(
    x: Tensor,
    weight: Tensor,
    b: Tensor | None = None,
    *,
    gain: float = 1.0,
    bias_gain: float = 1.0,
    act: str = "linear",
) -> Tensor:
    """The same in plain operations: this is the specification. Differentiable to any order."""
    x = (x * gain) @ weight.to(x.dtype).t()  # scaling the smaller of the two
    return bias_act(x, None if b is None else b * bias_gain, act)
