"""Fixtures of the numbered points."""

from host.conftest import demo  # noqa: F401 - a fixture
from isolation.conftest import lab  # noqa: F401 - a fixture

from pvcheck.testing import project  # noqa: F401 - a fixture
