"""Undo and redo against a list of snapshots: one entry per gesture, and what drifts keeps drifting."""

from hypothesis import given
from hypothesis import strategies as st

from engine.history import History
from engine.scene import Scene


def test_a_drag_is_one_entry():
    history = History(Scene())
    history.begin()
    for psi in (0.9, 0.8, 0.7):
        history.edit(history.present.set("truncation.psi", psi))
    history.commit()
    assert history.undo() and history.present == Scene() and not history.can_undo
    assert history.redo() and history.present.truncation.psi == 0.7


def test_a_drag_that_ends_where_it_began_is_no_entry():
    history = History(Scene())
    history.begin()
    history.edit(history.present.set("truncation.psi", 0.9))
    history.edit(history.present.set("truncation.psi", 1.0))
    history.commit()
    assert not history.can_undo


def test_undo_leaves_alone_what_the_clock_moved():
    history = History(Scene().set("latent.walk", 1.0))
    history.edit(history.present.set("truncation.psi", 0.5))
    history.drift(history.present.set("latent.x", 2.0))
    history.undo()
    assert history.present.truncation.psi == 1 and history.present.latent.x == 2.0


def test_undo_in_the_middle_of_a_drag_takes_the_drag_back():
    history = History(Scene())
    history.begin()
    history.edit(history.present.set("truncation.psi", 0.5))
    assert history.can_undo and history.undo() and history.present == Scene()


def test_a_new_edit_ends_the_redo_branch():
    history = History(Scene())
    history.edit(Scene().set("truncation.psi", 0.5))
    history.undo()
    history.edit(Scene().set("latent.seed", 3))
    assert not history.can_redo and not history.redo()


@given(
    st.lists(
        st.tuples(st.sampled_from(["truncation.psi", "noise.strength"]), st.sampled_from([0.0, 0.5, 1.0])),
        max_size=12,
    )
)
def test_undoing_everything_walks_back_through_every_state(edits):
    history, states = History(Scene()), [Scene()]
    for path, value in edits:
        history.edit(history.present.set(path, value))
        if history.present != states[-1]:
            states.append(history.present)
    for state in reversed(states[:-1]):
        assert history.undo() and history.present == state
    assert not history.undo()
    for state in states[1:]:
        assert history.redo() and history.present == state
    assert not history.redo()
