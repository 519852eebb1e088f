"""TensorFlow pickles: (G, D, Gs), each a network object with its variables, its settings and its components."""

from collections.abc import Callable
from typing import Any

from engine.checkpoints import fit, tensorflow1, tensorflow2
from engine.checkpoints.fit import Draft
from engine.checkpoints.limits import refusal
from engine.checkpoints.records import TFNetwork
from engine.checkpoints.source import Source
from engine.checkpoints.variables import components, setting_notes, settings_of, variables

_NAMES = ("G", "D", "G_ema")


def recognise(top: Any) -> bool:
    """Whether the object of a pickle is a network, or (G, D, Gs)."""
    return isinstance(top, TFNetwork) or (
        isinstance(top, tuple | list) and any(isinstance(part, TFNetwork) for part in top)
    )


def networks(top: Any, source: Source) -> tuple[dict[str, Callable[[], Draft]], list[str]]:
    """Name -> how to read it; and what else is inside."""
    parts = [top] if isinstance(top, TFNetwork) else list(top)
    names = _NAMES if len(parts) == 3 else ("G_ema",)
    found: dict[str, Callable[[], Draft]] = {}
    others = []
    for name, part in zip(names, parts, strict=False):
        if not isinstance(part, TFNetwork):
            continue
        if "synthesis" in components(part):
            found[name] = lambda part=part: read_generator(part, source)
        elif name == "D":
            found[name] = lambda part=part: read_discriminator(part, source)
        else:
            others.append(_function(part))
    return found, others


def describe(top: Any) -> str:
    """Name of the format with the generation inside."""
    parts = [top] if isinstance(top, TFNetwork) else [part for part in top if isinstance(part, TFNetwork)]
    if any(_function(part) == "G_style" for part in parts):
        return "TensorFlow StyleGAN pickle"
    ada = any(part.state.get("version") == 5 for part in parts)
    return "TensorFlow StyleGAN2-ADA pickle" if ada else "TensorFlow StyleGAN2 pickle"


def read_generator(network: TFNetwork, source: Source) -> Draft:
    """A generator by its published PyTorch keys."""
    parts = components(network)
    synthesis, mapping = variables(parts["synthesis"], source), variables(parts.get("mapping"), source)
    own = variables(network, source)
    settings = settings_of(network, parts)
    if tensorflow1.recognise(synthesis):
        entries, traits = tensorflow1.converted(own, mapping, synthesis, settings)
        return fit.network("stylegan1", entries, traits, setting_notes(settings))
    if "4x4/Conv/mod_weight" not in synthesis:
        raise refusal(
            "a style-based generator",
            f"a network built by {_function(network)!r}",
            "networks from before StyleGAN, such as Progressive GAN, have no styles to play with",
        )
    entries, traits = tensorflow2.converted(own, mapping, synthesis, settings)
    return fit.network("stylegan2", entries, traits, setting_notes(settings))


def read_discriminator(network: TFNetwork, source: Source) -> Draft:
    """A discriminator by its published PyTorch keys."""
    own, settings = variables(network, source), settings_of(network, {})
    if "4x4/Dense1/weight" in own:
        entries, traits = tensorflow1.converted_critic(own, settings)
        return fit.network("discriminator1", entries, traits)
    entries, traits = tensorflow2.converted_critic(own, settings, _function(network))
    return fit.network("discriminator", entries, traits)


def _function(network: TFNetwork) -> str:
    return str(network.state.get("build_func_name", network.state.get("name", "an unknown function")))[:60]
