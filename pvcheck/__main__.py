"""``python -m pvcheck`` is ``pv``."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109 - a text, as that of the path
    # Python looks there first: a checkout that brings a click.py would be run by who only wants to check it.
    del sys.path[0]

from pvcheck.cli import main

if __name__ == "__main__":
    main()
