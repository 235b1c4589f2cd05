"""The evaluations that fail before or after the measuring function: told in the words of the plugin's author."""

from __future__ import annotations

import pytest
from host.demos import LIGHT

from pvcheck.host import Failed, Measured, codes, inside, measuring
from pvcheck.host.inside import MAX_RANGES

WHO = "demo (plugin demo of demo-dist 1.0): "


@pytest.mark.parametrize(
    ("heavy", "reason"),
    [
        (
            "import no_such_library",
            "cannot be loaded: ModuleNotFoundError: No module named 'no_such_library' (demo_heavy.py:1)",
        ),
        ("import sys; sys.exit(0)", "cannot be loaded: SystemExit: 0 (demo_heavy.py:1)"),
        ("", "cannot be loaded: AttributeError: module 'demo_heavy' has no attribute 'measure'"),
        ("measure = 1", "is not a function"),
    ],
    ids=["dependency", "exit", "attribute", "number"],
)
def test_an_implementation_that_cannot_be_loaded_is_told(demo, pool, heavy, reason):
    """The message names it."""
    demo.write("demo_heavy", heavy)

    reply = pool.evaluate(demo.request())

    assert reply == Failed(f'{WHO}its implementation "demo_heavy:measure" {reason}', codes.NO_IMPLEMENTATION)


def test_an_implementation_with_other_arguments_is_told(demo, pool):
    """It is not called at all."""
    demo.write("demo_heavy", "def measure(parameters): raise AssertionError")

    reply = pool.evaluate(demo.request())

    reason = "its implementation cannot be called with parameters and a context: too many positional arguments"
    assert reply == Failed(WHO + reason, codes.NO_IMPLEMENTATION)


def test_a_function_without_a_signature_is_called(demo, pool):
    """A function in C has none; what it returns is checked like any other."""
    demo.write("demo_heavy", "measure = max")

    reply = pool.evaluate(demo.request())

    assert reply.code == codes.RAISED
    assert "raised TypeError" in reply.reason


@pytest.mark.parametrize(
    ("light", "reason"),
    [
        ("import os; os.getcwd().startswith('/work') or 1 / 0", "cannot be loaded in a worker: ZeroDivisionError"),
        (LIGHT.replace('name="demo"', 'name="other"'), 'does not offer "demo" in a worker'),
    ],
    ids=["raises", "another"],
)
def test_a_plugin_that_is_another_in_the_worker_is_told(demo, pool, light, reason):
    """What the host saw need not be what the worker finds."""
    request = demo.request()
    demo.write("demo_light", light)

    reply = pool.evaluate(request)

    assert isinstance(reply, Failed)
    assert reply.reason.startswith(f"{WHO}its plugin {reason}")
    assert reply.code == codes.BROKEN_PLUGIN


def test_parameters_that_do_not_fit_are_told(demo, pool):
    """Each with its place."""
    reply = pool.evaluate(demo.request({"text": 1, "numbers": [1, "2"], "other": 1}))

    reason = (
        "refuses the parameters: text: Input should be a valid string; numbers.1: Input should be a valid integer; "
        "other: Extra inputs are not permitted"
    )
    assert reply == Failed(WHO + reason, codes.PARAMETERS)


def test_an_input_that_is_not_there_is_told(demo, pool):
    """The evaluator is not called."""
    reply = pool.evaluate(demo.request(inputs={"model": "/no/such/file"}))

    assert reply == Failed(f"{WHO}/no/such/file: No such file or directory", codes.INPUT)


def test_an_input_that_is_not_understood_is_told(demo, pool):
    """The words are the evaluator's own."""
    demo.says('raise InputError("byte 4: no GGUF")')

    assert pool.evaluate(demo.request()) == Failed(f"{WHO}byte 4: no GGUF", codes.INPUT)


def test_a_read_that_is_too_scattered_is_refused(demo, pool, tmp_path):
    """A record has no room for it."""
    model = tmp_path / "model"
    model.write_bytes(bytes(2 * MAX_RANGES + 2))
    demo.says(f'for each in range({MAX_RANGES + 1}): context.inputs["model"].view(2 * each, 1)')

    reply = pool.evaluate(demo.request(inputs={"model": str(model)}))

    reason = f"{MAX_RANGES + 1} separate ranges of an input were read, at most {MAX_RANGES} can be told"
    assert reply == Failed(f"{WHO}bad result: {reason}", codes.BAD_RESULT)


def test_a_read_of_many_ranges_gets_through(demo, pool, tmp_path):
    """As many as are allowed fit into one answer."""
    model = tmp_path / "model"
    model.write_bytes(bytes(2 * MAX_RANGES))
    demo.says(f'for each in range({MAX_RANGES}): context.inputs["model"].view(2 * each, 1)')

    reply = pool.evaluate(demo.request(inputs={"model": str(model)}))

    assert isinstance(reply, Measured)
    assert len(reply.reads["model"].ranges) == MAX_RANGES


def test_a_want_of_memory_makes_a_worker_unfit(monkeypatch):
    """The same goes for a full stack and for what was meant to end the process."""

    def answer_to(error):
        def fail(*_):
            raise error

        monkeypatch.setattr(measuring, "_measured", fail)
        return measuring.answer({}, progress=lambda *_: None, cancelled=lambda: False)

    assert answer_to(MemoryError())[0]["code"] == codes.MEMORY
    fit = {
        type(each).__name__: answer_to(each)[1] for each in (MemoryError(), RecursionError(), SystemExit(), OSError())
    }
    assert fit == {"MemoryError": False, "RecursionError": False, "SystemExit": False, "OSError": True}


def test_an_exception_without_a_place_is_told_without_one():
    """One that was never raised has no frames."""
    assert inside._told(ValueError("x")) == "ValueError: x"
