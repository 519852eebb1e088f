"""What is asked of the machine, through torch: which GPU, which stream, is a graph captured, has the GPU got there."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from cuda_ops.gpu import driver

REPEATS = 11  # of a measurement


@dataclass(frozen=True)
class Identity:
    """What a verdict on the kernels holds for."""

    gpu: str
    capability: int
    driver: str
    torch: str


class Mark:
    """A place in what is queued on a GPU, to be asked whether the GPU has got there."""

    def __init__(self, index: int):
        self._event = torch.cuda.Event(enable_timing=True)
        self._event.record(torch.cuda.current_stream(index))

    def passed(self) -> bool:
        """Without waiting. Raises RuntimeError where the GPU has failed."""
        return self._event.query()

    def wait(self) -> None:
        self._event.synchronize()

    def ms_since(self, earlier: "Mark") -> float:
        """Milliseconds by the GPU's own clock; both places must have been passed."""
        return earlier._event.elapsed_time(self._event)


class TorchCuda:
    """NVIDIA GPUs as torch shows them. ROCm also calls itself cuda, but takes the torch path."""

    def serves(self, x: Tensor) -> bool:
        return x.is_cuda and torch.version.hip is None

    def capability(self, index: int) -> int:
        major, minor = torch.cuda.get_device_capability(index)
        return major * 10 + minor

    def stream(self, index: int) -> int:
        return torch.cuda.current_stream(index).cuda_stream

    def capturing(self) -> bool:
        return torch.cuda.is_current_stream_capturing()

    def synchronize(self, index: int) -> None:
        torch.cuda.synchronize(index)

    def mark(self, index: int) -> Mark:
        return Mark(index)

    def upload(self, t: Tensor, device: torch.device) -> Tensor:
        """A copy of `t` on the GPU, queued: it goes through pinned memory, so that nobody waits for it."""
        return t.pin_memory().to(device, non_blocking=True)

    def download(self, t: Tensor, made: Mark) -> tuple[Tensor, Mark]:
        """A copy of `t` in pinned memory and the mark when it is there; it waits for `made`, not for later work."""
        index = index_of(t)
        there = torch.empty(t.shape, dtype=t.dtype, pin_memory=True)
        side = self._side(index)
        side.wait_event(made._event)
        with torch.cuda.stream(side):
            there.copy_(t, non_blocking=True)
            t.record_stream(side)
            return there, Mark(index)

    @functools.lru_cache  # noqa: B019  (there is one machine)
    def _side(self, index: int) -> torch.cuda.Stream:
        return torch.cuda.Stream(index)

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Within this block torch does not round products of float32 matrices to TF32: kernels are judged by them."""
        before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before

    def time(self, run: Callable[[], object]) -> float:
        """Milliseconds of one `run` on the GPU: the median of several, after two to warm up."""
        for _ in range(2):
            run()
        laps = []
        for _ in range(REPEATS):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            run()
            end.record()
            end.synchronize()
            laps.append(start.elapsed_time(end))
        return sorted(laps)[len(laps) // 2]

    def fp32_rate(self, index: int) -> float:
        """Floating point operations a millisecond that the GPU's clock promises: modelled, not measured."""
        cores = 64 if self.capability(index) in (75, 80) else 128
        units, kilohertz = (driver.attribute(number, index) for number in (driver.MULTIPROCESSORS, driver.CLOCK_RATE))
        return 2.0 * cores * units * kilohertz

    def cuda_major(self) -> int:
        return int((torch.version.cuda or "0").partition(".")[0])

    @functools.lru_cache  # noqa: B019  (there is one machine)
    def identity(self, index: int) -> Identity:
        name = torch.cuda.get_device_name(index)
        return Identity(name, self.capability(index), driver.version(), str(torch.__version__))


here = TorchCuda()  # the fake driver of the tests puts its own machine in this place


def index_of(x: Tensor) -> int:
    return x.device.index or 0
