"""The four steps of a batch: what G and D are asked to do better, on which latents and labels."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor

from cuda_ops.cpu.order import first_order
from cuda_ops.upfirdn import filter2d
from engine.networks.discriminator1 import Discriminator1
from engine.training import losses
from engine.training.draws import DrawnNoise, Draws
from engine.training.meter import Meter
from engine.training.players import Players
from engine.training.settings import Settings
from engine.training.teacher import Teacher, pixel_distance

PATH_SHRINK = 2  # path lengths are measured on this fraction of the batch


class Objectives:
    """Losses of one micro-batch. `labels` [*, c_dim] are the data's, for conditional training; `augment` D's door."""

    def __init__(
        self,
        players: Players,
        settings: Settings,
        draws: Draws,
        labels: Tensor,
        augment: Callable[[Tensor], Tensor],
        meter: Meter,
    ):
        self.players, self.settings, self.draws, self.labels = players, settings, draws, labels
        self.augment, self.meter = augment, meter
        self.path_mean = torch.zeros([], device=draws.device)
        self.blur_sigma = 0.0
        self.lod = 0.0  # of StyleGAN's growing
        self.real_signs = torch.zeros(2, device=draws.device)  # sum of sign(D(x)), count: read by ADA

    def generator(self, n: int, teacher: Teacher | None = None) -> Tensor:
        """G's main loss on `n` new latents; a teacher who stays keeps G near what it shows.

        It compares pixels alone, whose means fix shape and colour: what its own D sees has no stochastic detail, since
        it draws without noise, and would forbid G the detail that D asks for.
        """
        z, c = self.latents(n)
        img, _ = self.generate(z, c)
        logits = self.judge(img, c)
        loss = losses.generator_loss(logits)
        self.meter.add(loss_g=loss, fake_logit=logits.mean())
        if teacher is not None:
            loss = loss + self.settings.teach_weight * self._imitation(pixel_distance(img, teacher.show(z, c)))
        return loss

    def lesson(self, n: int, teacher: Teacher) -> Tensor:
        """G's loss against what `teacher` shows of `n` new latents; magnitudes of StyleGAN3 are learned on the way."""
        z, c = self.latents(n)
        with torch.no_grad():
            ws = self.players.G.mapping(z, c)
        noise = DrawnNoise(draws=self.draws)
        with first_order():
            img = self.players.G.synthesis(ws, noise=noise, update_emas=True)
        return self._imitation(teacher.compare(img, teacher.show(z, c)))

    def _imitation(self, loss: Tensor) -> Tensor:
        self.meter.add(loss_imitation=loss)
        return loss

    def path_length(self, n: int) -> Tensor:
        """Path length regularisation of G (Karras et al. 2020a, section 3.2) on a part of `n` new latents."""
        z, c = self.latents(max(n // PATH_SHRINK, self.draws.world.size * min(self.draws.group, n)))
        img, ws = self.generate(z, c)
        y = self.draws.normal(len(z) * self.draws.world.size, *img.shape[1:])
        lengths = losses.path_lengths(img, ws, y)
        penalty, self.path_mean = losses.path_penalty(lengths, self.path_mean)
        self.draws.world.average([self.path_mean])
        self.meter.add(path_length=lengths.mean(), path_penalty=penalty)
        return penalty * self.settings.path_weight

    def fake(self, n: int) -> Tensor:
        """D's main loss on generated pictures. The only place where running averages of G learn."""
        z, c = self.latents(n)
        with torch.no_grad():
            img, _ = self.generate(z, c, update_emas=True)
        logits = self.judge(img, c)
        loss = losses.fake_loss(logits)
        self.meter.add(loss_d=loss)
        return loss

    def real(self, img: Tensor, c: Tensor) -> Tensor:
        """D's main loss on real pictures."""
        logits = self._judge_real(img, c)
        loss = losses.real_loss(logits)
        self.meter.add(loss_d=loss, real_logit=logits.mean())
        return loss

    def r1(self, img: Tensor, c: Tensor) -> Tensor:
        """R1 on real pictures; the gradient is taken before blur and augmentation."""
        img = img.detach().requires_grad_(True)
        penalty = losses.r1_penalty(self._judge_real(img, c), img).mean()
        self.meter.add(r1=penalty)
        return penalty * (self.settings.gamma / 2)

    # --- pieces ---------------------------------------------------------------------------------------------------

    def latents(self, n: int) -> tuple[Tensor, Tensor]:
        """z [*, z_dim] and labels of random pictures [*, c_dim]: this process's share of `n`."""
        z = self.draws.normal(n, self.players.G.z_dim)
        return z, self.labels[self.draws.integers(n, len(self.labels)).to(self.labels.device)].to(z.device)

    def generate(self, z: Tensor, c: Tensor, update_emas: bool = False) -> tuple[Tensor, Tensor]:
        """Pictures of z with fresh noise and style mixing, and the ws [N, num_ws, w_dim] they came from."""
        G = self.players.G
        ws = self.mix(G.mapping(z, c, update_emas=update_emas), c)
        noise, lod = DrawnNoise(draws=self.draws), self.lod or None
        once = (
            contextlib.nullcontext() if self.settings.path_weight else first_order()
        )  # path lengths need two
        with once:
            return G.synthesis(ws, noise=noise, lod=lod, update_emas=update_emas), ws

    def mix(self, ws: Tensor, c: Tensor) -> Tensor:
        """Style mixing (Karras et al. 2019, section 3.1): from a random row on, the w of another latent."""
        if self.settings.mixing == 0:
            return ws
        num_ws = ws.shape[1] - 2 * int(self.lod)  # that the present resolution reads
        cutoff = 1 + int(self.draws.one() * (num_ws - 1))
        if self.draws.one() >= self.settings.mixing:
            return ws
        other = self.draws.normal(len(ws) * self.draws.world.size, self.players.G.z_dim)
        return torch.cat([ws[:, :cutoff], self.players.G.mapping(other, c)[:, cutoff:]], dim=1)

    def judge(self, img: Tensor, c: Tensor) -> Tensor:
        """D's logits [N, 1] of blurred and augmented pictures."""
        img = self.augment(blur(img, self.blur_sigma))
        return (
            self.players.D(img, c, self.lod)
            if isinstance(self.players.D, Discriminator1)
            else self.players.D(img, c)
        )

    def _judge_real(self, img: Tensor, c: Tensor) -> Tensor:
        logits = self.judge(img, c)
        signs = logits.detach().sign()
        self.real_signs += torch.stack([signs.sum(), signs.new_tensor(signs.numel())])
        return logits


def blur(img: Tensor, sigma: float) -> Tensor:
    """Blur with taps 2^-(k/sigma)^2 up to 3 sigma, zeros outside: what StyleGAN3-R shows D at first (appendix F)."""
    radius = int(sigma * 3)
    if radius == 0:
        return img
    k = torch.arange(-radius, radius + 1, device=img.device, dtype=torch.float32)
    taps = torch.exp2(-((k / sigma) ** 2))
    return filter2d(img, taps / taps.sum())
