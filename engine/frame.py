"""Everything a screen may know of one rendered scene."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.inspect.filters import LayerFilters
from engine.inspect.probe import Probed
from engine.inspect.statistics import Statistics
from engine.inspect.views import Looked
from engine.picture import Picture
from engine.scene import Scene


@dataclass(frozen=True)
class StepReport:
    """One step of the synthesis network as it was in this frame; `shape` is [C, H, W], `ws` the rows it reads.

    `rate` is samples per picture width: fewer than the width where there is a margin around the picture. `reads` and
    `writes` name parts of the state: features `x`, picture `img`, residual `skip`.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: str
    ws: tuple[int, ...]
    ms: float
    reused: bool
    rate: float = 0.0
    clamp: float | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelFacts:
    """What a person wants to know of the network that plays."""

    path: str
    name: str
    network: str
    networks: tuple[str, ...]
    family: str
    format: str
    resolution: tuple[int, int]  # height, width in pixels
    channels: int
    z_dim: int
    c_dim: int
    w_dim: int
    num_ws: int
    parameters: int
    steps: tuple[str, ...]
    noise_layers: tuple[str, ...]
    has_input_transform: bool
    default_cutoff: int | None
    lod: float  # the checkpoint's own level of detail
    max_lod: float  # 0 where the network did not grow
    trained: bool
    has_discriminator: bool = False
    filters: tuple[LayerFilters, ...] = ()  # of StyleGAN3
    noise_strengths: tuple[float, ...] = ()  # learned, in the order of noise_layers
    style_order: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # style channels by effect
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Frame:
    """The answer to one scene. On an error, picture and facts are those of the last good frame.

    `image` is the picture, perhaps still on its way on a GPU, or None before the first good frame. `timings` are
    milliseconds per stage, on a GPU those of queueing it; `gpu_ms` is what the GPU itself took for an earlier frame.
    Where the scene's view shows a step that the network has, `looked` tells all about it and `image` shows it.
    `statistics` are those of each step as last measured, `probed` the strongest channels under the probe.
    """

    scene: Scene
    serial: int
    image: Picture | None = None
    model: ModelFacts | None = None
    steps: tuple[StepReport, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    reused: int = 0
    preview: tuple[int, int] | None = None  # height, width really rendered, where the picture is a coarse one
    looked: Looked | None = None
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    probed: tuple[Probed, ...] = ()
    score: float | None = None  # the discriminator's logit, where the scene asks for it
    notes: tuple[str, ...] = ()  # what computes otherwise than it could, and why: kernels that are off
    error: str | None = None
    device: str = "cpu"
    precision: str = "fp32"
    gpu_ms: float | None = None
    order: str = ""  # of activations in a GPU's memory, once both were timed: planes, channels last

    @property
    def picture(self) -> np.ndarray | None:
        """[H, W, 4] uint8 RGBA in the program's memory; on a GPU the first question waits for it."""
        return None if self.image is None else self.image.numpy()

    @property
    def ms(self) -> float:
        """Milliseconds for a picture, opening a network aside: the engine's, or the GPU's where that took longer."""
        return max(sum(ms for stage, ms in self.timings.items() if stage != "model"), self.gpu_ms or 0.0)
