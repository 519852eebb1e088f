"""The one way in: `python3 main.py` opens the window, `python3 main.py test` runs the tests."""

import sys

if sys.version_info < (3, 11):  # this file must stay readable for the Python that is too old
    sys.stderr.write(
        "StyleScope needs Python 3.11 or newer, this is %d.%d; install one from https://www.python.org/downloads/ "
        "or with your package manager, and start with it (for example: python3.12 main.py).\n"
        % sys.version_info[:2]
    )
    sys.exit(2)

from app.cli.bootstrap import leave, start

if __name__ == "__main__":
    leave(start(sys.argv[1:]))
