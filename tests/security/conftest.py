"""A project that can be measured, for tests of who may do what to it."""

from pipeline.conftest import project  # noqa: F401 - a fixture
