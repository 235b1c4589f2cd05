"""``python -m pvcheck`` is ``pv``."""

from pvcheck.cli import main

if __name__ == "__main__":
    main()
