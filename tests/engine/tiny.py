"""Small generators with random weights, and a shelf that hands them to a renderer."""

from pathlib import Path

import torch

from engine.checkpoints.contents import Checkpoint, Contents
from engine.models import LoadedModel, facts_of
from engine.networks.common import Generator, MappingConfig
from engine.networks.lucidrains import Config as ConfigL
from engine.networks.lucidrains import Lucidrains
from engine.networks.stylegan1 import Config as Config1
from engine.networks.stylegan1 import StyleGAN1
from engine.networks.stylegan2 import Config as Config2
from engine.networks.stylegan2 import StyleGAN2, channel_plan
from engine.networks.stylegan3 import Config as Config3
from engine.networks.stylegan3 import StyleGAN3


def stylegan1(**options) -> StyleGAN1:
    config = Config1(
        z_dim=16, c_dim=0, w_dim=16, img_resolution=16, img_channels=3,
        mapping=MappingConfig(num_layers=2, labels="concat"), channels=(16, 16, 12), **options,
    )  # fmt: skip
    return _finished(StyleGAN1, config)


def lucidrains(**options) -> Lucidrains:
    config = ConfigL(
        z_dim=16, c_dim=0, w_dim=16, img_resolution=16, img_channels=3,
        mapping=MappingConfig(num_layers=2, lr_multiplier=0.1), channels=(16, 16, 12), **options,
    )  # fmt: skip
    return _finished(Lucidrains, config)


def stylegan2(c_dim: int = 0, resolution: int = 16, **options) -> StyleGAN2:
    config = Config2(
        z_dim=16, c_dim=c_dim, w_dim=16, img_resolution=resolution, img_channels=3,
        mapping=MappingConfig(num_layers=2), channels=channel_plan(resolution, 256, 16), **options,
    )  # fmt: skip
    return _finished(StyleGAN2, config)


def stylegan3(resolution: int = 16, **options) -> StyleGAN3:
    config = Config3(
        z_dim=16, c_dim=0, w_dim=16, img_resolution=resolution, img_channels=3, mapping=MappingConfig(num_layers=2),
        channel_base=256, channel_max=12, num_layers=6, margin_size=4, **options,
    )  # fmt: skip
    return _finished(StyleGAN3, config)


def _finished(cls, config):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        G = cls(config)
        for name, p in G.named_parameters():
            if name.endswith("noise_strength"):
                p.data.fill_(0.5)
        G.mapping.w_avg.normal_()
    return G.eval().requires_grad_(False)


class Shelf:
    """Stands in for a ModelStore: path -> generator."""

    def __init__(self, **models: Generator):
        self.models = {path: loaded(G, path) for path, G in models.items()}

    def get(self, path: str = "", network: str = "G_ema") -> LoadedModel:
        return self.models[path or next(iter(self.models))]


def loaded(G: Generator, path: str = "tiny") -> LoadedModel:
    contents = Contents(G.family, "generator", G.config, G.state_dict(), trained=False)
    checkpoint = Checkpoint(path=Path(path), format="made in memory", networks={"G_ema": contents})
    return LoadedModel(G, facts_of(checkpoint, "G_ema", contents, G, path))
