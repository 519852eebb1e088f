"""A start of the window without a screen that tells when it reached what: `python -m app.cli.startprobe [FILE]`.

A process of its own, as every start is one; `bench --start` runs it.
"""

import json
import sys

from app import timeline


def main() -> int:
    timeline.mark("Python itself")
    from app.cli.bootstrap import start

    code = start(["live", *sys.argv[1:], "--headless", "--frames", "2"])
    print(json.dumps(timeline.marks()))
    return code


if __name__ == "__main__":
    sys.exit(main())
