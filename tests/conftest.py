"""What all tests share: few threads, files of settings out of the way, and no silent skip on CI."""

import os
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: small tensors lose more in threads than they gain
os.environ.setdefault("STYLESCOPE_CPU", "torch")  # one path throughout; tests of the operations choose theirs
_home = tempfile.TemporaryDirectory(prefix="stylescope-test-")
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
    os.environ[_name] = os.path.join(_home.name, _name.lower())  # a test never touches a person's own settings

import hypothesis  # noqa: E402
import pytest  # noqa: E402

hypothesis.settings.register_profile("stylescope", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("stylescope")

ALLOWED_ON_CI = ("needs a GPU", "needs Windows", "needs macOS")  # reasons that a plain CI machine cannot help


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    return fail_if_skipped_on_ci(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    return fail_if_skipped_on_ci(report)


def fail_if_skipped_on_ci(report):
    """A skipped test checks nothing: where CI is set, it counts as failed, unless the machine cannot be blamed."""
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else ""
    excused = hasattr(report, "wasxfail") or any(allowed in reason for allowed in ALLOWED_ON_CI)
    if os.environ.get("CI") and report.skipped and not excused:
        report.outcome = "failed"
        report.longrepr = f"skipped on CI, where every tier must run: {reason}"
    return report
