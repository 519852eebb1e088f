"""An exported network: opens like any other, and its card tells the whole chain of runs."""

import torch

from engine import load_model
from engine.training import card, runs
from engine.training.files import RunFolder
from engine.training.loop import Trainer
from engine.training.watching import Watched
from tests.engine.training.tiny import dataset, settings

SKIP = {"d_architecture": "skip"}


def run(path, resolution, monkeypatch, **changes) -> tuple[Trainer, RunFolder]:
    monkeypatch.setattr(runs, "open_dataset", lambda *args, **options: dataset(12, resolution))
    trainer, folder, _ = runs.start(
        settings(resolution=resolution, **SKIP, **changes), path, command=f"train {path.name}"
    )
    trainer.train(folder)
    return trainer, folder


def test_a_grown_network_is_exported_with_its_history(tmp_path, monkeypatch):
    run(tmp_path / "small", 16, monkeypatch, channels=(8, 8, 8), kimg=0.016)
    grown, folder = run(
        tmp_path / "large", 32, monkeypatch, channels=(8, 8, 8, 8), kimg=0.024, init=str(tmp_path / "small")
    )
    out = tmp_path / "net.safetensors"
    card.export(folder, grown, out, "Its eyes are crossed.", "CC0.", samples=16)
    G = load_model(str(out))
    ws = torch.randn(1, G.num_ws, G.w_dim)
    assert torch.allclose(G.synthesis(ws), grown.players.G_ema.synthesis(ws), atol=1e-5)
    text = out.with_suffix(".md").read_text()
    assert (
        "40: 16 at 16x16, 24 at 32x32" in text and "Its eyes are crossed." in text and "Licence: CC0." in text
    )
    assert text.index("train small") < text.index("train large") and "sliced Wasserstein" in text
    (measures,) = Watched(folder.path).look().measures
    assert measures["images"] == 24 and f"{measures['sliced Wasserstein distance x 1000, mean']:.4g}" in text
    assert (tmp_path / "net-psi0.7.png").exists() and (tmp_path / "net-psi1.png").exists()


def test_a_card_names_the_other_architecture_that_a_network_came_from(tmp_path, monkeypatch):
    run(tmp_path / "teacher", 16, monkeypatch, channels=(8, 8, 8), kimg=0.008)
    other = {"cfg": "stylegan3-t", "channels": (256, 8), "d_channels": (8, 8, 8), "layers": 4, "path_weight": 0}
    student, folder = run(
        tmp_path / "student", 16, monkeypatch, **other, kimg=0.008, init=str(tmp_path / "teacher")
    )
    stages = card.lineage(folder, student)
    assert "16: 8 at 16x16 as stylegan2, 8 at 16x16 |" in card.card("n", stages, {}, "", "", "")


def test_looking_at_a_run_changes_nothing_in_it(tmp_path, monkeypatch):
    _, folder = run(tmp_path / "run", 16, monkeypatch, channels=(8, 8, 8))
    folder.log({"images": 99})
    before = folder.stats.read_bytes()
    trainer, _, _ = runs.look(folder.path, {})
    assert trainer.images == 40 and folder.stats.read_bytes() == before
