"""The rule of conftest.py itself: on CI a skipped test is a failed one, elsewhere it is a skipped one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = {
    "inside": "import pytest\ndef test_it(): pytest.skip('no EGL')",
    "by mark": "import pytest\n@pytest.mark.skipif(True, reason='no Xvfb')\ndef test_it(): pass",
    "whole file": "import pytest\npytest.skip('no imgui', allow_module_level=True)",
    "excused": "import pytest\ndef test_it(): pytest.skip('needs a GPU')",
}


@pytest.mark.parametrize("how", SKIPPING)
@pytest.mark.parametrize("ci", [True, False])
def test_a_skip_fails_on_ci(how: str, ci: bool, tmp_path: Path):
    (tmp_path / "conftest.py").write_bytes((Path(__file__).parent / "conftest.py").read_bytes())
    (tmp_path / "test_one.py").write_text(SKIPPING[how] + "\ndef test_passes(): pass" * (how != "whole file"))
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    failed = ci and how != "excused"
    assert ("skipped on CI" in done.stdout) is failed, done.stdout
    assert (done.returncode in (1, 2)) is failed, done.stdout
