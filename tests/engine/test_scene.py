"""Scenes: declared once, changed through paths, refused with a sentence, saved and read back exactly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import parameters, scenefile
from engine.errors import SceneError
from engine.scene import Scene


def values(p: parameters.Parameter) -> st.SearchStrategy:
    """Values that the declaration of a parameter allows."""
    made = {
        "float": lambda: st.floats(p.low, p.high),
        "int": lambda: st.integers(int(p.low), int(p.high)),
        "bool": st.booleans,
        "choice": lambda: st.sampled_from(p.choices),
        "text": lambda: st.text(max_size=20),
    }
    strategy = made[p.kind]()
    return st.none() | strategy if p.optional else strategy


SOURCES = st.lists(
    st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**32 - 1),
            "amount": st.floats(0, 1),
            "layers": st.lists(st.integers(0, 64), max_size=5),
        }
    ),
    max_size=4,
)
BENDS = st.lists(
    st.fixed_dictionaries(
        {
            "step": st.text(max_size=20),
            "kind": st.sampled_from(["ablate", "boost", "offset", "style"]),
            "channels": st.lists(st.integers(0, 65535), max_size=5),
            "amount": st.floats(-100, 100),
            "radius": st.floats(0, 2),
        }
    ),
    max_size=4,
)
LISTS = {
    "bends": BENDS,
    "mixing.sources": SOURCES,
    "noise.layers": st.lists(st.floats(-5, 5), max_size=20),
    "latent.vector": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8),
}


@st.composite
def scenes(draw) -> Scene:
    scene = Scene()
    for p in draw(st.lists(st.sampled_from(parameters.parameters()), max_size=8)):
        scene = scene.set(p.path, draw(LISTS[p.path] if p.kind == "list" else values(p)))
    return scene


@given(scenes())
def test_a_scene_survives_its_file_exactly(scene):
    assert scenefile.from_json(scenefile.to_json(scene)) == scene
    assert hash(scenefile.from_json(scenefile.to_json(scene))) == hash(scene)


@given(scenes(), scenes())
def test_the_difference_of_two_scenes_turns_one_into_the_other(a, b):
    for path in parameters.diff(a, b):
        a = a.set(path, b.get(path))
    assert a == b and parameters.diff(a, b) == ()


@given(scenes())
def test_resetting_everything_that_changed_gives_the_default(scene):
    for path in parameters.changed(scene):
        scene = scene.reset(path)
    assert scene == Scene()


def test_every_parameter_tells_people_what_it_is():
    for p in parameters.parameters():
        assert p.label and p.help.endswith("."), p.path
        assert p.kind != "list" or p.default == (), p.path
        if p.kind in ("float", "int"):
            assert p.low is not None and p.high is not None and p.low <= (p.default or 0) <= p.high, p.path
            assert p.slider is not None and p.low <= p.slider[0] < p.slider[1] <= p.high, p.path


def test_elements_of_lists_have_paths_of_their_own():
    scene = Scene().set("mixing.sources", [{"seed": 3}, {"seed": 4, "layers": [1, 2]}])
    scene = scene.set("mixing.sources.1.amount", 0.25)
    assert scene.mixing.sources[1].amount == 0.25 and scene.mixing.sources[0].amount == 1
    assert parameters.describe("mixing.sources.7.amount").high == 1
    assert scene.reset("mixing.sources.1.amount").mixing.sources[1].amount == 1


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("truncation.psi", 1e9, "from -1 to 2, found 1000000000.0"),
        ("truncation.psi", float("nan"), "finite number, found nan"),
        ("truncation.psi", float("inf"), "finite number, found inf"),
        ("truncation.psi", "0.5", "a number from -1 to 2, found '0.5'"),
        ("truncation.psi", True, "a number"),
        ("truncation.cutoff", -1, "or none, found -1"),
        ("latent.seed", 1.5, "a whole number"),
        ("noise.mode", "loud", "const, random, none, found 'loud'"),
        (
            "mixing.sources",
            [{"seed": 1, "amount": 2}],
            "mixing.sources.0.amount: expected a number from 0 to 1, found 2",
        ),
        ("mixing.sources", [{"sead": 1}], "mixing.sources.0.sead: unknown parameter"),
        ("mixing.sources.0.seed", 1, "no element 0"),
        ("truncation.psy", 1, "no such parameter"),
        ("latent.vector", [0.0, float("nan")], "latent.vector.1"),
    ],
)
def test_a_bad_value_is_refused_with_its_path(path, value, words):
    with pytest.raises(SceneError) as error:
        Scene().set(path, value)
    assert path.split(".")[0] in str(error.value) and words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("<html></html>", "not JSON"),
        ("[]", "other JSON"),
        ('{"stylescope": 99, "scene": {}}', "format 1, found 99"),
        ('{"stylescope": 1, "scene": {"truncation": {"psi": NaN}}}', "NaN"),
        (
            '{"stylescope": 1, "scene": {"truncation": {"psi": 1e999}}}',
            "truncation.psi: expected a finite number",
        ),
        (
            '{"stylescope": 1, "scene": {"truncation": {"psi": "x"}}}',
            "truncation.psi: expected a number from -1 to 2",
        ),
        ('{"stylescope": 1, "scene": {"trunkation": {}}}', "trunkation: unknown parameter"),
        ('{"stylescope": 1, "scene": 5}', "found 5"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path, text, words):
    file = tmp_path / "preset.json"
    file.write_text(text)
    with pytest.raises(SceneError, match=r"preset\.json") as error:
        scenefile.load(file)
    assert words in str(error.value)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "scene.json"
    scenefile.save(Scene(), file)
    before = file.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        scenefile.save(Scene().set("truncation.psi", 0.5), file)
    assert file.read_text() == before and [p.name for p in tmp_path.iterdir()] == ["scene.json"]


def test_a_picture_carries_its_scene(tmp_path):
    import numpy as np
    from PIL import Image

    scene = Scene().set("latent.seed", 77).set("model.path", "/a/ü.pkl")
    picture = np.random.default_rng(0).integers(0, 256, (8, 6, 4), dtype=np.uint8)
    scenefile.save_png(picture, scene, tmp_path / "a.png")
    assert scenefile.load(tmp_path / "a.png") == scene
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture[..., :3])


def test_other_pictures_say_that_they_carry_none(tmp_path):
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "plain.png").read_bytes()[:40])
    with pytest.raises(SceneError, match="carries no scene"):
        scenefile.load(tmp_path / "plain.png")
    with pytest.raises(SceneError, match="damaged"):
        scenefile.load(tmp_path / "cut.png")
    with pytest.raises(SceneError, match="cannot be read"):
        scenefile.load(tmp_path / "absent.png")


def test_typed_text_becomes_values():
    for path, text, value in [
        ("truncation.cutoff", "all", None), ("truncation.psi", "0.7", 0.7), ("noise.mode", "random", "random"),
        ("transform.snap", "on", True), ("latent.vector", "[1, 2]", (1.0, 2.0)),
    ]:  # fmt: skip
        assert parameters.set_text(Scene(), path, text).get(path) == value
    with pytest.raises(SceneError, match="expected a number from -1 to 2, found 'abc'"):
        parameters.set_text(Scene(), "truncation.psi", "abc")


def test_the_file_is_plain_json_with_a_version():
    data = json.loads(scenefile.to_json(Scene()))
    assert data["stylescope"] == 1 and data["scene"]["truncation"] == {"psi": 1.0, "cutoff": None}
