"""Networks in memory: opened once, in the background if wanted, shared, and forgotten when there are too many."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cuda_ops.background import Background
from engine.checkpoints import Checkpoint, Contents, open_checkpoint
from engine.errors import Cancelled, CheckpointError, StyleScopeError
from engine.frame import ModelFacts
from engine.inspect.filters import layer_filters, noise_strengths
from engine.inspect.styles import style_order
from engine.networks import build, build_discriminator
from engine.networks.common import Generator

log = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent.parent / "assets" / "models"
DEFAULT_MODEL = BUNDLED / "furlings-stylegan2-64.safetensors"
KEPT_BYTES = 2 << 30  # networks that stay in memory after use
GONE = -1  # time of change of a file that cannot be found

Key = tuple[str, str, int, int]  # real path, network, size, time of change


@dataclass(frozen=True)
class LoadedModel:
    """A network ready to run, and what a person wants to know of it."""

    generator: Generator
    facts: ModelFacts


def starters() -> list[Path]:
    """The networks that come along, the one that plays at the start first."""
    found = sorted(BUNDLED.glob("*.safetensors"))
    return sorted(found, key=lambda path: path != DEFAULT_MODEL)


class Loading:
    """A file being opened in the background; poll `done`, then look at `model` or `error`."""

    def __init__(self, path: str, network: str):
        self.path, self.network = path, network
        self.progress, self.what = 0.0, "opening"
        self.model: LoadedModel | None = None
        self.error: str | None = None
        self._finished = threading.Event()
        self._cancel = threading.Event()

    @property
    def done(self) -> bool:
        return self._finished.is_set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Stop as soon as the reader looks up; `error` will say that it was cancelled."""
        self._cancel.set()

    def report(self, fraction: float, what: str) -> None:
        self.progress, self.what = fraction, what

    def finish(self, model: LoadedModel | None, error: str | None) -> None:
        self.model, self.error = model, error
        self._finished.set()


class ModelStore:
    """Opens models for everyone: the renderer, the window, the command line."""

    def __init__(self, device: str = "cpu"):
        self.device = torch.device(device)
        self._models: OrderedDict[Key, LoadedModel] = OrderedDict()
        self._discriminators: dict[Key, nn.Module] = {}  # the newest one
        self._lock = threading.Lock()

    def get(
        self,
        path: str = "",
        network: str = "G_ema",
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> LoadedModel:
        """The network called `network` in the file or run folder at `path` (empty = bundled), or CheckpointError.

        One that is in memory outlives its file: a training run removes old snapshots.
        """
        file = file_of(path)
        key = _key(file, network)
        with self._lock:
            if key[3] == GONE:
                key = next((old for old in reversed(self._models) if old[:2] == key[:2]), key)
            if key in self._models:
                self._models.move_to_end(key)
                return self._models[key]
        model = self._load(file, network, path, progress, cancelled)
        with self._lock:
            self._models[key] = model
            self._trim()
        return model

    def discriminator(self, path: str = "") -> nn.Module:
        """The discriminator in the file at `path`; CheckpointError where there is none."""
        file = file_of(path)
        key = _key(file, "D")
        with self._lock:
            if key in self._discriminators:
                return self._discriminators[key]
        found = open_checkpoint(file, only="D").networks.get("D")
        if found is None:
            raise CheckpointError(f"{file.name}: has no discriminator; a full training snapshot has one.")
        D = build_discriminator(found.family, found.config, dict(found.state)).to(self.device)
        with self._lock:
            self._discriminators = {key: D}
        return D

    def forget(self, path: str) -> None:
        """Let go of the networks of a file; who still renders with one keeps it."""
        with self._lock:
            for key in [key for key in self._models if key[0] == str(Path(path).resolve())]:
                del self._models[key]

    def start(self, path: str, network: str = "G_ema", warm: bool = False) -> Loading:
        """Open a model in a thread of its own. A `warm` one has run once, so that its first picture is not late."""
        loading = Loading(path, network)
        Background(self._run, loading, warm, name="load", end=loading.cancel).start()
        return loading

    def _run(self, loading: Loading, warm: bool) -> None:
        try:
            model = self.get(loading.path, loading.network, loading.report, lambda: loading.cancelled)
            if warm:
                run_once(model.generator)
        except StyleScopeError as error:
            loading.finish(None, str(error))
        except MemoryError:
            loading.finish(None, f"{Path(loading.path).name}: not enough memory to open it.")
        except Exception as error:  # a bug in a reader must not leave the window waiting for ever
            log.exception("loading %s", loading.path)
            loading.finish(
                None, f"{Path(loading.path).name}: could not be opened ({type(error).__name__}: {error})."
            )
        else:
            loading.finish(model, None)

    @torch.inference_mode(False)  # weights made in inference mode could not tell when they were written to
    def _load(
        self,
        file: Path,
        network: str,
        path: str,
        progress: Callable[[float, str], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> LoadedModel:
        checkpoint = open_checkpoint(file, progress=progress, cancelled=cancelled, only=network)
        contents = choose(checkpoint, network)
        generator = built(checkpoint, contents)
        if cancelled is not None and cancelled():
            raise Cancelled(f"{file.name}: opening was cancelled.")
        facts = facts_of(checkpoint, network, contents, generator, path)
        return LoadedModel(generator.to(self.device), facts)

    def _trim(self) -> None:
        while len(self._models) > 1 and sum(_bytes(m.generator) for m in self._models.values()) > KEPT_BYTES:
            self._models.popitem(last=False)


def file_of(path: str) -> Path:
    """The file that a scene's `model.path` means: empty is the network at the start, a bare name a bundled one."""
    file, bundled = Path(path), BUNDLED / path
    if not path:
        return DEFAULT_MODEL
    return bundled if file.name == path and bundled.exists() and not file.exists() else file


def path_of(file: Path) -> str:
    """What a scene calls a file: its absolute path, or a bare name for a bundled one, which others have elsewhere."""
    file = file.resolve()
    return file.name if file.parent == BUNDLED.resolve() else str(file)


@torch.inference_mode()
def run_once(G: Generator) -> None:
    """Have the weights prepared for the paths that this machine takes."""
    device = next(G.parameters()).device
    G.synthesis(torch.zeros(1, G.num_ws, G.w_dim, device=device))


def choose(checkpoint: Checkpoint, network: str) -> Contents:
    """The generator called `network` in a file; CheckpointError names those that are there."""
    found = checkpoint.networks.get(network)
    if found is None or found.kind != "generator":
        playable = [name for name, c in checkpoint.networks.items() if c.kind == "generator"]
        has = (
            f"it has {', '.join(playable)}"
            if playable
            else f"it has only {', '.join(checkpoint.networks) or 'nothing'}"
        )
        raise CheckpointError(
            f'{checkpoint.path.name}: no generator called "{network}"; {has}. '
            + (
                f"Choose one with --network {playable[0]}."
                if playable
                else "Pick a full snapshot, one with G_ema."
            )
        )
    return found


def facts_of(checkpoint: Checkpoint, network: str, contents: Contents, G: Generator, path: str) -> ModelFacts:
    """What the window and `info` show of a network."""
    steps = G.synthesis.steps
    noisy = sorted((s.noise, s.name) for s in steps if s.noise is not None)
    _, H, W = steps[-1].shape
    return ModelFacts(
        path=path, name=checkpoint.path.stem, network=network,
        networks=tuple(name for name, c in checkpoint.networks.items() if c.kind == "generator"),
        family=G.family, format=checkpoint.format, resolution=(H, W), channels=G.img_channels,
        z_dim=G.z_dim, c_dim=G.c_dim, w_dim=G.w_dim, num_ws=G.num_ws,
        parameters=sum(p.numel() for p in G.parameters()),
        steps=tuple(s.name for s in steps),
        noise_layers=tuple(name for _, name in noisy),
        has_input_transform=G.synthesis.has_input_transform,
        default_cutoff=G.mapping.default_cutoff,
        lod=G.synthesis.lod, max_lod=G.synthesis.max_lod,
        trained=contents.trained, notes=contents.notes,
        has_discriminator="D" in checkpoint.networks,
        filters=layer_filters(G), noise_strengths=noise_strengths(G), style_order=style_order(G),
    )  # fmt: skip


def built(checkpoint: Checkpoint, contents: Contents) -> Generator:
    """The generator that `contents` of a file describes; CheckpointError where its tensors do not fit."""
    try:
        return build(contents.family, contents.config, dict(contents.state))
    except ValueError as error:
        raise CheckpointError(
            f"{checkpoint.path.name}: its tensors do not fit a {contents.family} generator: {error}. "
            "It may come from a fork that changed the network; please report it with the fork's name."
        ) from None


def _key(file: Path, network: str) -> Key:
    try:
        stat = file.stat()
    except OSError:
        return (str(file.resolve()), network, 0, GONE)
    return (str(file.resolve()), network, stat.st_size, stat.st_mtime_ns)


def _bytes(G: Generator) -> int:
    return sum(t.numel() * t.element_size() for t in [*G.parameters(), *G.buffers()])
