"""Fixtures of the tests of the pages."""

from pvcheck.testing import project  # noqa: F401 - a fixture
