"""``python tests/fuzz --target NAME|all --seconds S --runs N --seed K`` in a checkout."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.running import main

sys.exit(main())
