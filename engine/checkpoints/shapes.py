"""The shapes of a file's tensors, and what they alone tell about the mapping network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.checkpoints.limits import refusal
from engine.networks.common import MappingConfig

Shape = tuple[int, ...]
MAX_RESOLUTION = 1 << 13
MAX_LAYERS = 64
MAX_TAPS = 64
MAX_WIDTH = 1 << 15
ACTIVATIONS = ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish")
OTHER_KIND = "the file is damaged or of another kind"


class Shapes:
    """Published key -> shape, with errors that say which tensor is missing or strange."""

    def __init__(self, shapes: Mapping[str, Shape]):
        self.all = shapes

    def __contains__(self, key: str) -> bool:
        return key in self.all

    def of(self, key: str, axes: int) -> Shape:
        """The shape of a tensor that must be there, must have `axes` axes and must not be empty."""
        if key not in self.all:
            raise refusal(
                f"the tensor {key}",
                f"{len(self.all)} tensors without it",
                "this is another kind of network, or an incomplete file",
            )
        shape = self.all[key]
        if len(shape) != axes or 0 in shape:
            raise refusal(f"{key} with {axes} axes", f"the shape {list(shape)}", OTHER_KIND)
        return shape

    def count(self, pattern: str) -> int:
        """How many of `pattern` with {} = 0, 1, 2 ... there are."""
        n = 0
        while n <= MAX_LAYERS and pattern.format(n) in self.all:
            n += 1
        return n


@dataclass(frozen=True)
class Traits:
    """What tensors do not tell: the settings of the layers. Each reader fills in what its format says."""

    mapping_activation: str = "lrelu"
    lr_multiplier: float = 0.01
    w_avg_beta: float | None = 0.998  # None: not tracked while training, so there is no w_avg
    labels: str = "embed"
    architecture: str | None = None
    activation: str = "lrelu"
    conv_clamp: float | None = None
    resample_filter: tuple[float, ...] = (1, 3, 3, 1)
    num_fp16_res: int = 0
    lod: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)  # settings of one family alone

    def __post_init__(self) -> None:
        for name in ("mapping_activation", "activation"):
            if getattr(self, name) not in ACTIVATIONS:
                raise refusal(f"{name} to be one of {', '.join(ACTIVATIONS)}", "another", OTHER_KIND)
        for name in ("lr_multiplier", "w_avg_beta", "conv_clamp", "num_fp16_res", "lod"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and -1e6 < value < 1e6):
                raise refusal(f"a usable {name}", "none", OTHER_KIND)
        taps = self.resample_filter
        if not 1 <= len(taps) <= MAX_TAPS or not abs(sum(taps)) > 1e-6:
            raise refusal("a resampling filter of a few taps", "one of no usable size", OTHER_KIND)


def is_number(value: Any) -> bool:
    """A number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def mapping_of(shapes: Shapes, traits: Traits) -> tuple[int, int, int, MappingConfig]:
    """z_dim, c_dim, w_dim and the mapping's configuration, from the widths of its layers."""
    depth = shapes.count("mapping.fc{}.weight")
    hidden, width = shapes.of("mapping.fc0.weight", 2)
    c_dim, features = 0, 0
    if "mapping.embed.weight" in shapes:
        sizes = shapes.of("mapping.embed.weight", 2)
        c_dim, features = sizes if traits.labels == "concat" else sizes[::-1]
    if width <= features:
        raise refusal(
            f"a mapping network with more than {features} inputs", f"{width}", "the file is damaged"
        )
    w_dim = shapes.of(f"mapping.fc{depth - 1}.weight", 2)[0]
    if max(hidden, width, w_dim, c_dim) > MAX_WIDTH:
        raise refusal(
            f"layers of at most {MAX_WIDTH} features", f"{max(hidden, width, w_dim, c_dim)}", OTHER_KIND
        )
    config = MappingConfig(
        num_layers=depth, embed_features=features or None, layer_features=hidden if depth > 1 else None,
        activation=traits.mapping_activation, lr_multiplier=float(traits.lr_multiplier),
        w_avg_beta=0.998 if traits.w_avg_beta is None else float(traits.w_avg_beta), labels=traits.labels,
    )  # fmt: skip
    return width - features, c_dim, w_dim, config


def mapping_shapes(z_dim: int, c_dim: int, w_dim: int, config: MappingConfig) -> dict[str, Shape]:
    """Key -> shape of every tensor that a mapping network has."""
    features = (config.embed_features or w_dim) if c_dim else 0
    hidden = config.layer_features or w_dim
    widths = [z_dim + features, *[hidden] * (config.num_layers - 1), w_dim]
    shapes: dict[str, Shape] = {"mapping.w_avg": (w_dim,)}
    if c_dim and config.labels == "concat":
        shapes["mapping.embed.weight"] = (c_dim, features)
    elif c_dim:
        shapes |= dense("mapping.embed", c_dim, features)
    for i, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
        shapes |= dense(f"mapping.fc{i}", before, after)
    return shapes


def dense(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    """Key -> shape of a dense layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
