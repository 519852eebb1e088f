"""The operations as the GPU serves them: a kernel that has proved itself, with the torch path beside it."""

import math

from torch import Tensor

from cuda_ops.adain import adain_reference
from cuda_ops.bias_act import bias_act_reference
from cuda_ops.filtered_lrelu import filtered_lrelu_reference
from cuda_ops.gpu import adain as norm
from cuda_ops.gpu import epilogue, fir, guard, rgba
from cuda_ops.gpu.fir import End, Padding
from cuda_ops.rgba import to_rgba8_reference
from cuda_ops.upfirdn import upfirdn2d_plain


def bias_act(x: Tensor, b: Tensor | None, act: str, alpha: float, gain: float, clamp: float | None) -> Tensor:
    """`cuda_ops.bias_act` for the activations linear and lrelu, with a gain that is given."""
    end = End(gain, alpha if act == "lrelu" else 1.0, clamp, bias=b)
    return finish(x, end)


def finish(x: Tensor, end: End, in_place: bool = False) -> Tensor:
    """act(x scale + noise + bias) of `x` [N, C, H, W] or [N, C]; `in_place` where nobody needs `x` any more."""
    key = (x.dtype, x.ndim, fir.channels_last(x), _present(end), _turn(x), x.device)
    out = x if in_place else None
    return guard.run("epilogue", key, x, lambda: epilogue.finish(x, end, out), lambda x: finish_reference(x, end))


def finish_reference(x: Tensor, end: End) -> Tensor:
    """The same, one operation after the other."""
    if end.scale is not None:
        x = x * end.scale.to(x.dtype).reshape(*end.scale.shape, *[1] * (x.ndim - 2))
    if end.noise is not None:
        x = x + end.noise.to(x.dtype)
    return bias_act_reference(x, end.bias, "lrelu", alpha=end.slope, gain=end.gain, clamp=end.clamp)


def filtered_lrelu(
    x: Tensor, fu: Tensor | None, fd: Tensor | None, b: Tensor | None, up: int, down: int, padding: Padding,
    gain: float, slope: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """`cuda_ops.filtered_lrelu`."""
    if fu is None and fd is None and up == down == 1 and padding == (0, 0, 0, 0):
        return finish(x, End(gain, slope, clamp, bias=b))
    end = End(gain, slope, clamp, bias=b)
    return guard.run(
        "fir",
        fir.key(x, fu, fd, up, down, padding, False),
        x,
        lambda: fir.filtered_lrelu(x, fu, fd, up, down, padding, end),
        lambda x: filtered_lrelu_reference(
            x, fu, fd, b, up=up, down=down, padding=padding, gain=gain, slope=slope, clamp=clamp
        ),
    )


def upfirdn2d(
    x: Tensor, f: Tensor | None, up: int, down: int, padding: Padding, gain: float, flip: bool, end: End | None = None
) -> Tensor:
    """`cuda_ops.upfirdn2d`, followed by `finish` where there is an `end`."""

    def plain(x: Tensor) -> Tensor:
        y = upfirdn2d_plain(x, f, up, down, padding, gain, flip)
        return y if end is None else finish_reference(y, end)

    key = (*fir.key(x, f, None, up, down, padding, end is not None), None if end is None else _present(end))
    return guard.run("fir", key, x, lambda: fir.upfirdn(x, f, up, down, padding, gain, flip, end), plain)


def adain(x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
    """`cuda_ops.adain`."""
    key = (x.dtype, fir.channels_last(x), norm.split(x)[1] > 1, x.device)
    return guard.run(
        "adain", key, x, lambda: norm.adain(x, scale, shift, eps),
        lambda x: adain_reference(x.float(), scale.float(), shift.float()).to(x.dtype),
    )  # fmt: skip


def to_rgba8(img: Tensor) -> Tensor:
    """`cuda_ops.to_rgba8`."""
    key = (img.dtype, min(img.shape[0], 3), img.device)
    return guard.run("rgba", key, img, lambda: rgba.pack(img), to_rgba8_reference)


def _present(end: End) -> tuple[object, ...]:
    noise = None if end.noise is None else end.noise.ndim == 4 and end.noise.shape[0] > 1
    return (end.scale is not None, noise, end.bias is not None, end.clamp is None)


def _turn(x: Tensor) -> int:
    """Elements moved at once, which the compiler is told."""
    return epilogue.pack(x, x, x.ndim == 2 or fir.channels_last(x)) if math.prod(x.shape[2:]) else 1


