"""What the kernels must know of the machine, through torch: which GPU, which stream, whether a graph is captured."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from cuda_ops.gpu import driver


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

    def cuda_major(self) -> int:
        return int((torch.version.cuda or "0").partition(".")[0])

    @functools.lru_cache  # noqa: B019  (there is one machine)
    def identity(self, index: int) -> Identity:
        name = torch.cuda.get_device_name(index)
        return Identity(name, self.capability(index), driver.version(), str(torch.__version__))


here = TorchCuda()  # the fake driver of the tests puts its own machine in this place


def index_of(x: Tensor) -> int:
    return x.device.index or 0
