"""What the lab's tests share: a virtual screen."""

import pytest

from tests.app.screen import screen


@pytest.fixture(scope="session")
def display():
    with screen("1600x1000") as number:
        yield number
