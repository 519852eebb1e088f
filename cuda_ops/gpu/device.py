"""What the kernels must know of the machine, through torch: which GPU, which stream, whether a graph is captured."""

import functools
from collections.abc import Callable
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
