"""Writes small files in every format, the way that format's own writer does."""

import argparse
import json
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from engine.checkpoints.contents import Contents
from engine.checkpoints.native import write_native
from engine.networks.common import Generator, MappingConfig
from engine.networks.discriminator import Config as CriticConfig
from engine.networks.discriminator import Discriminator
from engine.networks.lucidrains import Config as ConfigL
from engine.networks.lucidrains import Lucidrains
from engine.networks.stylegan2 import Config as Config2
from engine.networks.stylegan2 import StyleGAN2
from engine.networks.stylegan3 import Config as Config3
from engine.networks.stylegan3 import LayerPlan, StyleGAN3

# --- networks with random weights ---------------------------------------------------------------------------------


def stylegan2(**options: Any) -> StyleGAN2:
    """8x8, four channels: the smallest that has every kind of layer."""
    usual = {"z_dim": 4, "c_dim": 0, "w_dim": 4, "img_resolution": 8, "img_channels": 3, "channels": (4, 4)}
    return seeded(lambda: StyleGAN2(Config2(**usual | {"mapping": MappingConfig(num_layers=2)} | options)))


def stylegan3(**options: Any) -> StyleGAN3:
    """16x16, four layers."""
    usual = {"z_dim": 4, "c_dim": 0, "w_dim": 4, "img_resolution": 16, "img_channels": 3, "num_layers": 3}
    usual |= {"channel_base": 16, "channel_max": 4, "num_critical": 1, "margin_size": 2}
    return seeded(lambda: StyleGAN3(Config3(**usual | {"mapping": MappingConfig(num_layers=2)} | options)))


def lucidrains() -> Lucidrains:
    """8x8, four channels."""
    mapping = MappingConfig(num_layers=2, lr_multiplier=0.1)
    shape = {"z_dim": 4, "c_dim": 0, "w_dim": 4, "img_resolution": 8, "img_channels": 3, "channels": (4, 4)}
    return seeded(lambda: Lucidrains(ConfigL(mapping=mapping, **shape)))


def critic() -> Discriminator:
    return seeded(
        lambda: Discriminator(CriticConfig(c_dim=0, img_resolution=8, img_channels=3, channels=(4, 4)))
    )


def seeded(make: Callable[[], Any]) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = make()
        if isinstance(network, Generator):
            network.mapping.w_avg.normal_()
    return network.eval().requires_grad_(False)


# --- pickles of classes that are not installed --------------------------------------------------------------------


@contextmanager
def foreign(module: str, **members: Any) -> Iterator[None]:
    """Pretend that `module` exists and that `members` live there, so that pickle writes their names."""
    fake = types.ModuleType(module)
    for name, member in members.items():
        member.__module__, member.__qualname__, member.__name__ = module, name, name
        setattr(fake, name, member)
    parts = module.split(".")
    parents = {".".join(parts[:i]): types.ModuleType(parts[i - 1]) for i in range(1, len(parts))}
    with mock.patch.dict(sys.modules, parents | {module: fake}):
        yield


class EasyDict(dict):
    """Stands for dnnlib.util.EasyDict while a file is written."""


class Persistent:
    """An object that pickles as `_reconstruct_persistent_obj(meta)`."""

    def __init__(self, class_name: str, state: dict, reconstruct: Callable):
        self.meta = {
            "type": "class",
            "version": 6,
            "module_src": "# none",
            "class_name": class_name,
            "state": state,
        }
        self.reconstruct = reconstruct

    def __reduce__(self):
        return self.reconstruct, (self.meta,)


def persistent(module: nn.Module, reconstruct: Callable, top: str, kwargs: dict) -> Persistent:
    """A module and all inside of it, as persistent objects with the attributes that the originals have."""
    state: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(module._parameters),
        "_buffers": OrderedDict(module._buffers),
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict(
            (name, persistent(child, reconstruct, type(child).__name__, {}))
            for name, child in module._modules.items()
            if child is not None
        ),
        "_init_args": (),
        "_init_kwargs": EasyDict(kwargs),
    }
    for name in ("conv_clamp", "use_fp16", "activation", *DIMENSIONS):
        if isinstance(value := getattr(module, name, ()), int | float | str | None):
            state[name] = value
    if isinstance(plan := getattr(module, "plan", None), LayerPlan):
        state |= {"in_half_width": np.float64(plan.in_half_width), "out_cutoff": np.float64(plan.out_cutoff)}
    return Persistent(top, state, reconstruct)


DIMENSIONS = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")


def nvlabs(path: Path, generator: Generator, protocol: int = 4, package: str = "", **changes: Any) -> Path:
    """A network pickle; `changes` replace or add entries of the top dict, and None removes one."""

    def reconstruct(meta: dict) -> None: ...

    settings: dict[str, Any] = {name: getattr(generator, name) for name in DIMENSIONS}
    if isinstance(generator.config, Config3):
        settings |= settings3(generator)
    else:
        settings |= {"synthesis_kwargs": EasyDict(channel_base=32), "mapping_kwargs": EasyDict(num_layers=2)}
    settings |= changes.pop("kwargs", {})
    make = lambda network, name, kwargs: persistent(network, reconstruct, name, kwargs)  # noqa: E731
    top = {
        "G": make(generator, "Generator", settings),
        "D": make(changes.pop("discriminator", None) or critic(), "Discriminator", {}),
        "G_ema": make(generator, "Generator", settings),
        "augment_pipe": None,
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "resolution": 8},
    } | changes
    top = {name: value for name, value in top.items() if value is not None or name == "augment_pipe"}
    with (
        foreign(f"{package}torch_utils.persistence", _reconstruct_persistent_obj=reconstruct),
        foreign(f"{package}dnnlib.util", EasyDict=EasyDict),
    ):
        path.write_bytes(pickle.dumps(top, protocol))
    return path


class Network:
    """Stands for dnnlib.tflib.network.Network while a file is written."""

    def __init__(self, **state: Any):
        self.__dict__.update(state)


def tensorflow(
    path: Path, first: bool = False, package: str = "dnnlib.tflib.network", protocol: int = 4
) -> Path:
    """(G, None, Gs) of StyleGAN2, or of StyleGAN if `first`: 8x8, four channels."""
    with foreign(package, Network=Network):
        G = _tf_generator(first)
        path.write_bytes(pickle.dumps((G, None, G), protocol))
    return path


def _tf_generator(first: bool) -> Network:
    rng = np.random.RandomState(3)
    draw = lambda *shape: rng.randn(*shape).astype(np.float32)  # noqa: E731
    names = {"mapping": [], "synthesis": []}
    for i in range(2):
        names["mapping"] += [(f"Dense{i}/weight", draw(4, 4)), (f"Dense{i}/bias", draw(4))]
    layers = ["4x4/Const", "4x4/Conv", "8x8/Conv0_up", "8x8/Conv1"][0 if first else 1 :]
    names["synthesis"] = [("lod", np.float32(0)), ("4x4/Const/const", draw(1, 4, 4, 4))]
    for i, layer in enumerate(layers):
        side = int(layer[0])
        names["synthesis"] += [(f"noise{i}", draw(1, 1, side, side)), (f"{layer}/bias", draw(4))]
        if layer != "4x4/Const":
            names["synthesis"].append((f"{layer}/weight", draw(3, 3, 4, 4)))
        if first:
            style = [("Noise/weight", draw(4)), ("StyleMod/weight", draw(4, 8)), ("StyleMod/bias", draw(8))]
        else:
            style = [("noise_strength", np.float32(0.5)), ("mod_weight", draw(4, 4)), ("mod_bias", draw(4))]
        names["synthesis"] += [(f"{layer}/{name}", value) for name, value in style]
    for i, side in enumerate((4, 8)):
        torgb = f"ToRGB_lod{1 - i}" if first else f"{side}x{side}/ToRGB"
        names["synthesis"] += [(f"{torgb}/weight", draw(1, 1, 4, 3)), (f"{torgb}/bias", draw(3))]
        if not first:
            names["synthesis"] += [(f"{torgb}/mod_weight", draw(4, 4)), (f"{torgb}/mod_bias", draw(4))]
    kwargs = {"num_channels": 3, "resolution": 8, "label_size": 0}
    shared = {"version": 4, "static_kwargs": kwargs, "build_module_src": "# none"}
    components = {
        name: Network(
            name=f"G_{name}", components={}, build_func_name=f"G_{name}", variables=variables, **shared
        )
        for name, variables in names.items()
    }
    own = [("lod", np.float32(0)), ("dlatent_avg", draw(4))]
    function = "G_style" if first else "G_main"
    return Network(name="Gs", components=components, build_func_name=function, variables=own, **shared)


# --- torch.save ---------------------------------------------------------------------------------------------------


def rosinality_state(generator: StyleGAN2) -> dict[str, torch.Tensor]:
    """The generator's tensors under rosinality's names."""
    theirs: dict[str, torch.Tensor] = {}
    kernel = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 16
    layer_parts = {"weight": "conv.weight", "bias": "activate.bias", "noise_strength": "noise.weight"}
    colour_parts = {"weight": "conv.weight", "bias": "bias"}
    style = {"affine.weight": "conv.modulation.weight", "affine.bias": "conv.modulation.bias"}
    layers = {"b4.conv1": "conv1", "b8.conv0": "convs.0", "b8.conv1": "convs.1"}
    colours = {"b4.torgb": "to_rgb1", "b8.torgb": "to_rgbs.0"}
    for key, value in generator.state_dict().items():
        part = key.removeprefix("synthesis.")
        module, _, last = part.rpartition(".")
        if key.startswith("mapping.fc"):
            theirs[f"style.{int(key[10]) + 1}.{last}"] = value
        elif part == "b4.const":
            theirs["input.input"] = value[None]
        elif last == "noise_const":
            theirs[f"noises.noise_{list(layers).index(module)}"] = value[None, None]
        else:
            name = last if module in layers or module in colours else f"affine.{last}"
            owner = module.removesuffix(".affine")
            if owner in layers and name in layer_parts | style:
                new = value[None] if name in ("weight", "noise_strength") else value
                theirs[f"{layers[owner]}.{(layer_parts | style)[name]}"] = new
            elif owner in colours and name in colour_parts | style:
                new = (
                    value[None]
                    if name == "weight"
                    else value.reshape(1, 3, 1, 1)
                    if name == "bias"
                    else value
                )
                theirs[f"{colours[owner]}.{(colour_parts | style)[name]}"] = new
    return theirs | {"convs.0.conv.blur.kernel": kernel, "to_rgbs.0.upsample.kernel": kernel}


def rosinality(path: Path, generator: StyleGAN2, zipped: bool = True, training: bool = False) -> Path:
    """A converted checkpoint, or one of a training run."""
    state = OrderedDict(rosinality_state(generator))
    top: dict[str, Any] = {"g_ema": state, "latent_avg": generator.mapping.w_avg}
    if training:
        top = {"g": state, "g_ema": state, "args": argparse.Namespace(size=8), "ada_aug_p": 0.5}
    torch.save(top, path, _use_new_zipfile_serialization=zipped)
    return path


def package(path: Path, generator: Lucidrains) -> Path:
    """A file of the package stylegan2-pytorch."""
    parts = {"mapping.": "SE.", "synthesis.": "GE."}
    made = ("mapping.w_avg", "synthesis.noise_const")  # which that package does not keep
    state = {
        parts[part] + key.removeprefix(part): value
        for key, value in generator.state_dict().items()
        for part in parts
        if key.startswith(part) and key not in made
    }
    torch.save({"GAN": state, "version": "1.9.0"}, path)
    return path


# --- safetensors --------------------------------------------------------------------------------------------------


def native(path: Path, generator: Generator, **changes: Any) -> Path:
    contents = Contents(generator.family, "generator", generator.config, generator.state_dict())
    write_native({"G_ema": replace(contents, **changes)}, path)
    return path


def bare(path: Path, generator: Generator, settings: dict | None = None) -> Path:
    """A state dict without a word on its settings, unless they are put beside it."""
    save_file({key: value.clone() for key, value in generator.state_dict().items()}, path)
    if settings is not None:
        path.with_suffix(".json").write_text(json.dumps(settings))
    return path


def bare_zip(path: Path, generator: Generator, settings: dict) -> Path:
    """A state dict by torch.save, with its settings beside it."""
    torch.save(generator.state_dict(), path)
    path.with_suffix(".json").write_text(json.dumps(settings))
    return path


def settings3(generator: Generator) -> dict:
    """The arguments that a StyleGAN3 generator was made with."""
    names = (
        "channel_base",
        "channel_max",
        "num_critical",
        "margin_size",
        "first_stopband",
        "last_stopband_rel",
    )
    return {name: getattr(generator.config, name) for name in names}


def every(folder: Path) -> dict[str, Path]:
    """One small good file of each format."""
    G2, G3 = stylegan2(), stylegan3()
    files = {
        "pickle of stylegan2, protocol 4": nvlabs(folder / "2p4.pkl", G2, G=None),
        "pickle of stylegan2, protocol 2": nvlabs(folder / "2p2.pkl", G2, protocol=2, G=None, D=None),
        "pickle of stylegan3, protocol 3": nvlabs(folder / "3p3.pkl", G3, protocol=3, G=None, D=None),
        "TensorFlow StyleGAN2": tensorflow(folder / "tf2.pkl"),
        "TensorFlow StyleGAN": tensorflow(folder / "tf1.pkl", first=True, protocol=5),
        "rosinality zip": rosinality(folder / "zip.pt", G2),
        "rosinality legacy": rosinality(folder / "legacy.pt", G2, zipped=False, training=True),
        "native": native(folder / "native.safetensors", G3),
        "bare safetensors": bare(folder / "bare.safetensors", G2),
    }
    files["lucidrains"] = package(folder / "model_0.pt", lucidrains())
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.write(files["native"], "model.safetensors")
    files["archive"] = folder / "archive.zip"
    return files | {"bare zip": bare_zip(folder / "zipped.zip", G3, settings3(G3))}
