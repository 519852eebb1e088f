"""A picture's way from a GPU to the screen: through a buffer that CUDA and OpenGL share, or where that is refused
through pinned memory; with the driver's calls played and recorded, and OpenGL real."""

from pathlib import Path

import numpy as np
import pytest

from tests.app.live.test_window import found_by
from tests.cuda_ops.gpu.host import needs_gpp

pytestmark = needs_gpp
PROBE = Path(__file__).with_name("interop_probe.py")
SHARED = ("first", "second", "smaller", "large again", "anew")
PINNED = ("after a failure", "later", "refused", "refused again")


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """What `interop_probe.py` found: arrays and facts."""
    return found_by(PROBE, tmp_path_factory.mktemp("probe") / "probe.npz")


@pytest.mark.parametrize("name", [*SHARED, *PINNED])
def test_the_screen_shows_the_very_bytes_of_the_picture(probe, name: str):
    seen, _ = probe
    np.testing.assert_array_equal(seen[f"{name} screen"], seen[name][..., :3])


def test_a_buffer_is_registered_once_for_each_size_and_filled_once_for_each_picture(probe):
    _, facts = probe
    fill = ["map", "copy", "unmap"]
    assert facts["first"]["calls"] == ["register", *fill]
    assert facts["second"]["calls"] == fill
    assert facts["smaller"]["calls"] == facts["large again"]["calls"] == ["unregister", "register", *fill]
    assert facts["closing"] == ["unregister"]


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_picture_never_reaches_the_programs_memory_and_nobody_waits(probe, name: str):
    _, facts = probe
    assert facts[name]["waits"] == facts[name]["downloads"] == 0 and facts[name]["note"] == ""


def test_where_sharing_is_refused_pictures_go_through_pinned_memory_and_it_is_said(probe):
    _, facts = probe
    assert facts["refused"]["note"].startswith("Pictures go through pinned memory: ")
    assert "WSL2" in facts["refused"]["note"] and "999" in facts["after a failure"]["note"]
    for name in PINNED:
        assert facts[name]["downloads"] == 1, "one copy for each picture"
        assert "copy" not in facts[name]["calls"]
