"""Several processes: who gets which rows, and that they learn what one process would."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.networks.discriminator import minibatch_std
from engine.training.loop import Trainer
from engine.training.world import World
from tests.engine.training.tiny import dataset, settings

ROOT = Path(__file__).resolve().parents[3]
CHANGES = {
    "batch": 8,
    "mbstd_group": 2,
    "channels": (6, 6),
    "augment": "fixed",
    "augment_p": 0.2,
    "path_weight": 0.0,
    "r1_interval": 2,
}
SCRIPT = f"""
import sys, torch
from engine.training.loop import Trainer
from engine.training.world import join, leave
from tests.engine.training.tiny import dataset, settings
t = Trainer(settings(**{CHANGES!r}), dataset(), join("cpu"))
for _ in range(3):
    t.step()
if t.world.rank == 0:
    torch.save(t.players.G.state_dict() | t.players.D.state_dict(), sys.argv[1])
leave()
"""


def test_groups_of_the_minibatch_deviation_stay_together():
    x = torch.randn(8, 4, 2, 2)
    whole = minibatch_std(x, 2)
    for rank in range(2):
        world = World(rank, 2)
        assert torch.allclose(minibatch_std(world.share(x, 2), 2), world.share(whole, 2))
    rows = torch.cat([World(rank, 2).share(torch.arange(8), 2) for rank in range(2)])
    assert sorted(rows.tolist()) == list(range(8))


def test_two_processes_learn_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(2):
        env = os.environ | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
                            "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}  # fmt: skip
        processes.append(
            subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "two.pt")], env=env, cwd=ROOT)
        )
    alone = Trainer(settings(**CHANGES), dataset())
    for _ in range(3):
        alone.step()
    assert [process.wait(timeout=200) for process in processes] == [0, 0]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    one = alone.players.G.state_dict() | alone.players.D.state_dict()
    for key, value in one.items():
        assert torch.allclose(two[key], value, rtol=1e-2, atol=2e-4), key


def test_batches_that_cannot_be_dealt_are_refused():
    from engine.training.settings import TrainingError, check

    with pytest.raises(TrainingError, match="2 process"):
        check(settings(batch=4, mbstd_group=4), 2)
