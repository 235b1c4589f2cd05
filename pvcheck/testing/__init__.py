"""What the author of a plugin needs to test it. Needs pytest; loads by itself into nobody's test run.

In a ``conftest.py``: ``from pvcheck.testing import project``. Then a test that asks for ``project`` has a
folder to run ``pv`` in, and ``assert_evaluator_conforms`` holds an evaluator to the promises of the API.
"""

from pvcheck.testing.conformance import assert_evaluator_conforms
from pvcheck.testing.projects import Project, Result, project

__all__ = ["Project", "Result", "assert_evaluator_conforms", "project"]
