"""The training loop: batches, optimiser steps, running means, and the files of the run."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cuda_ops.cpu.order import training
from engine.training import growing
from engine.training import players as networks
from engine.training.augment import Augmentation
from engine.training.data import Dataset, Sampler, pictures
from engine.training.draws import Draws
from engine.training.files import RunFolder
from engine.training.meter import Meter, all_finite
from engine.training.objectives import Objectives
from engine.training.settings import Settings, TrainingError, check
from engine.training.teacher import Teacher
from engine.training.world import World

SHEET_COLUMNS, SHEET_ROWS = 10, 8


@dataclass(frozen=True)
class Report:
    """What a screen may know of a run: one line of stats.jsonl, and which files are new."""

    line: dict
    sheet: Path | None = None
    checkpoint: Path | None = None


class Trainer:
    """A run in memory. `train` goes on until the settings' kimg are reached or `stop` says so."""

    def __init__(self, settings: Settings, dataset: Dataset, world: World | None = None):
        self.settings, self.dataset, self.world = settings, dataset, world or World()
        check(settings, self.world.size)
        self.device = torch.device(settings.device)
        group = min(settings.mbstd_group, settings.micro_batch or settings.batch)
        self.players = networks.build(settings, dataset.c_dim)
        self.draws = Draws(settings.seed + 1, self.device, self.world, group)
        self.sampler = Sampler(len(dataset), settings.mirror, settings.seed + 2)
        self.meter = Meter()
        self.augmentation = Augmentation(settings, self.draws)
        self.objectives = Objectives(
            self.players, settings, self.draws, dataset.labels, self.augmentation, self.meter
        )
        self.lod = growing.level_of_detail(settings, 0)
        self.optimisers = self._optimisers()
        self.teacher: Teacher | None = None  # opened when it is needed
        self.images = self.batches = 0
        self.seconds = 0.0

    # --- one batch ------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One batch: G, its path lengths, D, its R1; then the running mean, and ADA's p. StyleGAN teaches D first."""
        s, o = self.settings, self.objectives
        with training():
            self._step(s, o)

    def _step(self, s: Settings, o: Objectives) -> None:
        batch = self._grow()
        o.blur_sigma = s.blur_sigma * max(1 - self.images / (s.blur_kimg * 1000), 0)
        micro = s.micro_batch or batch
        if self._taught():
            self._learn_alone(batch // micro, micro)
            self._follow(batch)
        else:
            self._play(s, [self._reals(micro) for _ in range(batch // micro)], micro, batch)
        self.images += batch
        self.batches += 1
        self.augmentation.adapt(self.batches, o.real_signs)

    def _play(self, s: Settings, reals: list[tuple[Tensor, Tensor]], micro: int, batch: int) -> None:
        """G against D on one batch."""
        if s.cfg == "stylegan1":
            self._teach_d(reals, micro)
            self._follow(batch)
            self._teach_g(len(reals), micro)
        else:
            self._teach_g(len(reals), micro)
            self._teach_d(reals, micro)
            self._follow(batch)

    def _grow(self) -> int:
        """Set the present level of detail and learning rates; returns the batch size."""
        lod = growing.level_of_detail(self.settings, self.images)
        if growing.changes(self.lod, lod):
            self.optimisers = self._optimisers()
        self.lod = self.objectives.lod = lod
        for o in self.optimisers.values():
            for group in o.param_groups:
                group["lr"] = group["initial_lr"] * growing.rate_factor(self.settings, lod)
        return growing.batch_size(self.settings, lod)

    def _taught(self) -> bool:
        """Whether G still has lessons alone, without D."""
        return self.images < self.settings.teach_kimg * 1000

    def _teacher(self) -> Teacher:
        if self.teacher is None:
            taught = self._taught()  # only then what D sees is compared
            features = self.settings.teach_features if taught else 0.0
            self.teacher = Teacher(str(self.settings.init), self.players.G, self.device, features)
            if taught:
                self.teacher.hand_over(self.players.G)
        return self.teacher

    def _learn_alone(self, rounds: int, micro: int) -> None:
        teacher = self._teacher()
        self._update("G", ([self.objectives.lesson(micro, teacher)] for _ in range(rounds)), 1 / rounds)

    def _teach_g(self, rounds: int, micro: int) -> None:
        s, o = self.settings, self.objectives
        lazy = s.path_weight and s.path_interval
        both = s.path_weight and not s.path_interval
        teacher = self._teacher() if s.teach_weight else None

        def terms() -> Iterator[Tensor]:
            yield o.generator(micro, teacher)
            if both:
                yield o.path_length(micro)

        self._update("G", (terms() for _ in range(rounds)), 1 / rounds)
        if lazy and self.batches % s.path_interval == 0:
            self._update("G", ([o.path_length(micro)] for _ in range(rounds)), s.path_interval / rounds)

    def _teach_d(self, reals: list[tuple[Tensor, Tensor]], micro: int) -> None:
        s, o = self.settings, self.objectives
        lazy = s.gamma and s.r1_interval
        self._update("D", (self._d_terms(real, micro) for real in reals), 1 / len(reals))
        if lazy and self.batches % s.r1_interval == 0:
            self._update("D", ([o.r1(*real)] for real in reals), s.r1_interval / len(reals))

    def _d_terms(self, real: tuple[Tensor, Tensor], micro: int) -> Iterator[Tensor]:
        yield self.objectives.fake(micro)
        yield self.objectives.real(*real)
        if self.settings.gamma and not self.settings.r1_interval:
            yield self.objectives.r1(*real)

    def _follow(self, batch: int) -> None:
        self.world.average(b for b in self.players.G.buffers() if b.numel() and b.is_floating_point())
        seen = growing.seen_by_all(self.settings, self.images)
        networks.follow(self.players.G_ema, self.players.G, networks.ema_beta(self.settings, seen, batch))

    def _reals(self, micro: int) -> tuple[Tensor, Tensor]:
        numbers, flips = self.sampler.take(micro)
        group = min(self.settings.mbstd_group, micro)
        img, c = pictures(self.dataset, self.world.share(numbers, group), self.world.share(flips, group))
        img = img.to(self.device, memory_format=networks.layout(self.device))
        return growing.coarsen(img, self.lod), c.to(self.device)

    def _update(self, name: str, rounds: Iterable[Iterable[Tensor]], weight: float) -> None:
        """One optimiser step of G or D on the sum over rounds of their losses, times `weight`."""
        other = self.players.networks()["D" if name == "G" else "G"]
        parameters = [p for group in self.optimisers[name].param_groups for p in group["params"]]
        with frozen(other):
            for terms in rounds:
                for loss in terms:
                    (loss * weight).backward()
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.world.average(gradients)
        for gradient in gradients:
            torch.nan_to_num(gradient, nan=0, posinf=1e5, neginf=-1e5, out=gradient)
        self.optimisers[name].step()
        self.players.networks()[name].zero_grad(set_to_none=True)

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        s = self.settings
        return {
            "G": optimiser(self.players.G, s.g_lr, s.path_interval if s.path_weight else 0),
            "D": optimiser(self.players.D, s.d_lr, s.r1_interval if s.gamma else 0),
        }

    # --- the run --------------------------------------------------------------------------------------------------

    def train(
        self,
        folder: RunFolder,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[Report], None] = lambda report: None,
    ) -> None:
        """Train until done or stopped, writing stats, sheets and checkpoints. Only the first process writes.

        Raises TrainingError when losses or weights are no longer numbers; the last checkpoint is from before that.
        """
        writes = self.world.rank == 0
        if self.images == 0 and writes:
            self._first_sheets(folder)
        since, first = time.monotonic(), self.images
        done = False
        while not done:
            before = self.images
            self.step()
            done = self.images >= self.settings.kimg * 1000 or self._stopped(stop)
            due = [done or passed(before, self.images, every) for every in self._intervals()]
            if not any(due):
                continue
            now = time.monotonic()
            self.seconds += now - since
            line = self._line((self.images - first) / max(now - since, 1e-9))
            since, first = now, self.images
            if not writes:
                continue
            folder.log(line)
            sheet = (
                folder.save_sheet(f"sheet-{self.images:010d}", self.sheet(), SHEET_COLUMNS)
                if due[1]
                else None
            )
            saved = self._save(folder) if due[2] else None
            tell(Report(line, sheet, saved))

    def _save(self, folder: RunFolder) -> Path:
        return folder.save(
            self.state(), networks.contents(self.players, self.lod), self.images, self.settings.keep
        )

    def _intervals(self) -> tuple[float, float, float]:
        s = self.settings
        return s.tick_kimg, s.sheet_kimg, s.save_kimg

    def _stopped(self, stop: Callable[[], bool]) -> bool:
        """Whether any process was asked to stop; all must agree, or the others would wait for it."""
        flag = torch.tensor([float(stop())], device=self.device)
        self.world.average([flag])
        return bool(flag > 0)

    def _line(self, speed: float) -> dict:
        values = self.meter.read()
        self.world.average_values(values)
        line = {
            "images": self.images,
            "batches": self.batches,
            "seconds": round(self.seconds, 1),
            "images_per_second": round(speed, 2),
        }
        line |= {name: round(value, 6) for name, value in sorted(values.items())}
        line |= self.augmentation.line()
        weights = [*self.players.G.parameters(), *self.players.D.parameters()]
        if not all(v == v and abs(v) != float("inf") for v in values.values()) or not all_finite(weights):
            raise TrainingError(
                f"Training left the numbers (NaN) before {self.images} pictures; go on from the last checkpoint with "
                "--resume and a lower --lr, or start again with a higher --gamma."
            )
        return line

    def _first_sheets(self, folder: RunFolder) -> None:
        numbers = torch.arange(min(len(self.dataset), SHEET_COLUMNS * SHEET_ROWS))
        folder.save_sheet(
            "data",
            pictures(self.dataset, numbers, torch.zeros(len(numbers), dtype=torch.bool))[0],
            SHEET_COLUMNS,
        )
        folder.save_sheet(f"sheet-{0:010d}", self.sheet(), SHEET_COLUMNS)

    @torch.no_grad()
    def sheet(self, psi: float = 1.0) -> Tensor:
        """Pictures [80, 3, R, R] of the running mean, the same latents each time."""
        generator = torch.Generator().manual_seed(self.settings.seed)
        n, G = SHEET_COLUMNS * SHEET_ROWS, self.players.G_ema
        z = torch.randn(n, G.z_dim, generator=generator).to(self.device)
        c = self.dataset.labels[torch.arange(n) % len(self.dataset)].to(self.device)
        parts = zip(z.split(16), c.split(16), strict=True)
        return torch.cat(
            [
                G(part, label, truncation_psi=psi, noise_mode="const", lod=self.lod or None)
                for part, label in parts
            ]
        )

    # --- resuming -------------------------------------------------------------------------------------------------

    def state(self) -> dict:
        """Everything that `restore` needs to go on exactly: tensors, numbers and strings only."""
        return {
            "networks": {name: network.state_dict() for name, network in self.players.networks().items()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "draws": self.draws.generator.get_state(),
            "sampler": self.sampler.state(),
            "augmentation": self.augmentation.state(),
            "path_mean": self.objectives.path_mean,
            "real_signs": self.objectives.real_signs,
            "pictures": len(self.dataset),
            "lod": self.lod,
            "images": self.images,
            "batches": self.batches,
            "seconds": self.seconds,
        }

    def restore(self, state: dict) -> None:
        """Go on where `state` was taken; TrainingError when the data have changed."""
        if state["pictures"] != len(self.dataset):
            raise TrainingError(
                f"{self.settings.data}: expected {state['pictures']} pictures as before, found {len(self.dataset)}; "
                "put them back, or start a new run with --init."
            )
        for name, network in self.players.networks().items():
            network.load_state_dict(state["networks"][name])
        for name, o in self.optimisers.items():  # learning rates and betas stay those of the settings
            o.load_state_dict(state["optimisers"][name] | {"param_groups": o.state_dict()["param_groups"]})
        self.draws.restore(state["draws"])
        self.sampler.restore(state["sampler"])
        self.augmentation.restore(state["augmentation"])
        self.objectives.path_mean = state["path_mean"].to(self.device)
        self.objectives.real_signs = state["real_signs"].to(self.device)
        self.images, self.batches, self.seconds = state["images"], state["batches"], state["seconds"]
        self.lod = state["lod"]


def optimiser(network: nn.Module, lr: float, interval: int) -> torch.optim.Adam:
    """Adam without momentum; a lazy term every `interval` batches (0 = none) scales its constants by k / (k + 1)."""
    ratio = interval / (interval + 1) if interval else 1.0
    learning = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": learning, "initial_lr": lr * ratio}]
    return torch.optim.Adam(groups, lr=lr * ratio, betas=(0.0, 0.99**ratio), eps=1e-8)


class frozen:
    """Within `with`, no parameter of the network gets a gradient."""

    def __init__(self, network: nn.Module):
        self.parameters = [p for p in network.parameters() if p.requires_grad]

    def __enter__(self) -> None:
        for p in self.parameters:
            p.requires_grad_(False)

    def __exit__(self, *error: object) -> None:
        for p in self.parameters:
            p.requires_grad_(True)


def passed(before: int, now: int, kimg: float) -> bool:
    """Whether a multiple of `kimg` thousand pictures lies in (before, now]."""
    step = kimg * 1000
    return int(now // step) > int(before // step)
