"""Half precision in training: which layers compute in it, and that gradients stay those of single precision."""

import pytest
import torch

from engine import precision
from engine.training.loop import Trainer
from tests.engine.training.tiny import dataset, settings

CASES = {
    "stylegan2": {"channels": (16, 16, 8)},
    "stylegan3-t": {"cfg": "stylegan3-t", "channels": (64, 4), "layers": 4,
                    "d_channels": (16, 16, 8), "path_weight": 0},
}  # fmt: skip


def gradients(t: Trainer) -> dict[str, torch.Tensor]:
    """Of all four terms, by parameter."""
    img, c = t.dataset.images[:1].float() / 127.5 - 1, t.dataset.labels[:1]
    o = t.objectives
    terms = [o.generator(1), o.fake(1), o.real(img, c), o.r1(img, c)]
    for loss in terms + ([o.path_length(1)] if t.settings.path_weight else []):
        loss.backward()
    networks = {"G": t.players.G, "D": t.players.D}
    return {
        f"{n}.{name}": p.grad for n, network in networks.items() for name, p in network.named_parameters()
        if p.grad is not None
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_half_precision_learns_what_single_precision_does(case, monkeypatch):
    s = settings(resolution=16, num_fp16_res=2, batch=1, mbstd_group=1, **CASES[case])
    single = gradients(Trainer(s, dataset(12, 16)))
    monkeypatch.setattr(precision, "HALF_DEVICES", ("cpu",))
    t = Trainer(s, dataset(12, 16))
    seen = set()
    for network in (t.players.G.synthesis, t.players.D):
        for module in network.modules():
            module.register_forward_pre_hook(lambda m, args: seen.update(a.dtype for a in args if torch.is_tensor(a)))
    half = gradients(t)
    assert seen >= {torch.float16, torch.float32} and half.keys() == single.keys()
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in half.values())
    a, b = (torch.cat([g.flatten() for g in grads.values()]) for grads in (half, single))
    assert torch.cosine_similarity(a, b, dim=0) > 0.999 and not torch.equal(a, b)


def test_gradients_that_are_no_numbers_do_not_reach_the_weights():
    t = Trainer(settings(), dataset())
    p = t.players.G.get_parameter("synthesis.b4.const")
    before = p.detach().clone()
    factor = torch.zeros_like(p)
    factor[0, 0, 0], factor[0, 0, 1] = float("nan"), float("inf")
    t._update("G", [[(p * factor).sum()]], 1.0)
    moved = p.detach() - before
    assert moved[0, 0, 0] == 0 and moved[0, 0, 1] < 0 and p.isfinite().all()
