"""What plugins import: sources, contexts, parameters and hooks."""

from __future__ import annotations

import hashlib
import os

import pydantic
import pytest

from pvcheck.plugin import Cancelled, Context, InputError, Parameters, Source, hookspecs, input_field


def test_a_source_remembers_what_was_read(tmp_path):
    """Ranges in order, joined where they touch or overlap."""
    path = tmp_path / "model"
    path.write_bytes(bytes(range(20)))

    with Source(str(path)) as source:
        assert bytes(source.view(10, 2)) == b"\x0a\x0b"
        source.view(0, 4)
        source.view(2, 4)
        source.view(6, 1)
        source.view(1, 1)
        source.view(3, 0)

        assert source.ranges() == ((0, 7), (10, 2))
        told = b"".join(
            offset.to_bytes(8, "little") + size.to_bytes(8, "little") + bytes(range(offset, offset + size))
            for offset, size in source.ranges()
        )
        assert source.read_digest() == hashlib.sha256(told).hexdigest()


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (0, -1), (19, 2), (30, 0)])
def test_a_view_stays_inside_its_file(tmp_path, offset, size):
    """The message says where it would have led."""
    path = tmp_path / "model"
    path.write_bytes(bytes(20))

    with Source(str(path)) as source, pytest.raises(InputError, match="of a file of 20"):
        source.view(offset, size)


def test_an_empty_file_is_a_source(tmp_path):
    """There is nothing in it to read."""
    path = tmp_path / "model"
    path.touch()

    with Source(str(path)) as source:
        assert bytes(source.view(0, 0)) == b""
        assert source.read_digest() == hashlib.sha256(b"").hexdigest()


def test_a_source_may_close_before_its_views(tmp_path):
    """The map lives as long as they do."""
    path = tmp_path / "model"
    path.write_bytes(b"abc")
    source = Source(str(path))
    view = source.view(0, 3)

    source.close()

    assert bytes(view) == b"abc"
    view.release()
    source.close()
    source.close()


def test_only_a_regular_file_is_a_source(tmp_path):
    """A pipe is refused without waiting for a writer."""
    os.mkfifo(tmp_path / "pipe")

    for name in ("pipe", "."):
        with pytest.raises(InputError, match="not a regular file"):
            Source(str(tmp_path / name))
    with pytest.raises(InputError, match="none: No such file or directory"):
        Source(str(tmp_path / "none"))


def test_a_context_reports_to_nobody_by_default():
    """An evaluator may always report."""
    assert Context(inputs={}).progress(1, 2) is None


def test_a_context_is_not_cancelled_by_default():
    """Checking costs nothing and raises nothing, until the host asks."""
    Context(inputs={}).check()

    with pytest.raises(Cancelled, match="the host asked the evaluation to stop"):
        Context(inputs={}, cancelled=lambda: True).check()


def test_an_input_field_is_marked_in_the_schema():
    """The plan knows by it which inputs an evaluation needs."""

    class Some(Parameters):
        model: str = input_field("the model")

    assert Some.model_json_schema()["properties"]["model"]["x-pv-input"] is True
    with pytest.raises(pydantic.ValidationError):
        Some(model="a", other=1)


def test_hooks_offer_nothing_by_default():
    """A plugin implements what it needs."""
    assert hookspecs.pv_evaluators() == ()
    assert hookspecs.pv_pages() == {}
