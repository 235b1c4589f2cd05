"""Hashing ahead: the digest is that of the ranges, whatever was hashed before they were known."""

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvcheck.domain import digest
from pvcheck.plugin import InputError, Source, context
from pvcheck.plugin.ahead import Ahead

SIZE = 5000
DATA = bytes(n * 31 % 251 for n in range(SIZE))


@pytest.fixture
def path(tmp_path):
    """Return the path of a file."""
    path = tmp_path / "input.bin"
    path.write_bytes(DATA)
    return str(path)


@pytest.fixture
def eager(monkeypatch):
    """Have little bytes be worth a thread, and pieces small."""
    monkeypatch.setattr(context, "AHEAD_LEAST", 100)
    monkeypatch.setattr("pvcheck.plugin.ahead.PIECE", 64)


RANGES = st.tuples(st.integers(0, SIZE - 1), st.integers(0, 800)).map(lambda r: (r[0], min(r[1], SIZE - r[0])))


@given(views=st.lists(RANGES, max_size=12), up=st.booleans(), asked=st.sets(st.integers(0, 11)))
@settings(max_examples=200, deadline=None)
def test_the_digest_is_that_of_today(tmp_path_factory, views, up, asked):
    """Law: views in any order, overlapping or not, said to be all or not, give the digest of their joined ranges."""
    path = tmp_path_factory.getbasetemp() / "law.bin"
    path.write_bytes(DATA)
    views = sorted(views) if up else views
    least, context.AHEAD_LEAST = context.AHEAD_LEAST, 100
    try:
        with Source(str(path)) as plain, Source(str(path), hashes_ahead=True) as ahead:
            for position, view in enumerate(views):
                plain.view(*view)
                ahead.view(*view)
                if position in asked:
                    ahead.asked_for_all()

            assert ahead.ranges() == plain.ranges()
            assert ahead.read_digest() == plain.read_digest() == digest.of_ranges(memoryview(DATA), plain.ranges())
    finally:
        context.AHEAD_LEAST = least


def hashed(source):
    """Return what a source has had hashed."""
    return [] if source._ahead is None else source._ahead._asked


@pytest.mark.usefixtures("eager")
def test_what_lies_before_a_gap_is_hashed(path):
    """A view that leaves a gap closes what was read before; one that touches it does not."""
    with Source(path, hashes_ahead=True) as source:
        source.view(0, 200)
        source.view(200, 200)
        before = list(hashed(source))
        source.view(401, 99)
        closed = list(hashed(source))
        source.view(600, 50)  # 149 bytes wait by now

        assert (before, closed) == ([], [(0, 400)])
        source.view(1000, 1)
        assert hashed(source) == [(0, 400), (401, 99), (600, 50)]


@pytest.mark.usefixtures("eager")
def test_what_was_asked_for_is_hashed_while_it_is_used(path):
    """The digest is there before it is asked for, and reading the same bytes again changes nothing."""
    with Source(path, hashes_ahead=True) as source:
        source.view(10, 3000)
        source.asked_for_all()
        ahead = source._ahead
        source.view(20, 100)

        assert hashed(source) == [(10, 3000)]
        assert source.read_digest() == digest.of_ranges(memoryview(DATA), [(10, 3000)])
        assert ahead._stopped is False  # not computed anew
        source.view(4000, 1)
        assert source.read_digest() == digest.of_ranges(memoryview(DATA), [(10, 3000), (4000, 1)])


@pytest.mark.usefixtures("eager")
def test_a_range_that_grows_is_hashed_anew(path):
    """The size of a range stands before its bytes, so no part of its digest can be kept."""
    with Source(path, hashes_ahead=True) as source:
        source.view(10, 300)
        source.asked_for_all()
        ahead = source._ahead
        source.view(310, 300)

        assert source.read_digest() == digest.of_ranges(memoryview(DATA), [(10, 600)])
        assert ahead._stopped is True


@pytest.mark.parametrize("hashes_ahead", [True, False])
def test_little_is_not_worth_a_thread(path, hashes_ahead):
    """Nor is anything where nobody will ask for the digest."""
    before = threading.active_count()
    with Source(path, hashes_ahead=hashes_ahead) as source:
        source.view(0, 1000)
        source.asked_for_all()
        source.view(2000, 1)

        assert threading.active_count() == before
        assert source.read_digest() == digest.of_ranges(memoryview(DATA), [(0, 1000), (2000, 1)])


@pytest.mark.usefixtures("eager")
def test_a_source_that_does_not_hash_ahead_starts_no_thread(path):
    """A command that only looks at a file pays for no digest."""
    with Source(path) as source:
        source.view(0, 1000)
        source.asked_for_all()
        source.view(2000, 1)

        assert source._ahead is None


@pytest.mark.usefixtures("eager")
def test_closing_ends_the_thread_and_lets_the_file_go(path):
    """An evaluation that fails leaves no thread behind: the worker would be unfit for another one."""
    before = threading.active_count()
    source = Source(path, hashes_ahead=True)
    source.view(0, 4000)
    source.asked_for_all()
    assert threading.active_count() == before + 1

    source.close()

    assert threading.active_count() == before
    assert source._map is None


def test_closing_waits_for_no_more_than_a_piece():
    """A large range that nobody needs any more is left where it is."""
    data = bytes(1 << 28)
    ahead = Ahead(memoryview(data))
    ahead.hash([(0, len(data))] * 20)

    began = time.monotonic()
    ahead.close()

    assert time.monotonic() - began < 1  # all of it: 3 s and more


def test_other_ranges_than_before_are_not_hashed():
    """What does not begin with what was asked for is left for the end, where it is hashed from the start."""
    ahead = Ahead(memoryview(DATA))
    ahead.hash([(0, 10), (20, 10)])

    ahead.hash([(0, 15), (20, 10), (40, 10)])

    assert ahead._asked == [(0, 10), (20, 10)]
    assert ahead.digest([(0, 15)]) == digest.of_ranges(memoryview(DATA), [(0, 15)])


def test_pieces_do_not_show(monkeypatch):
    """The digest is the same for any size of a piece."""
    ranges = [(3, 1000), (2000, 1), (2500, 2500)]
    for piece in (1, 7, 1000, 1 << 20):
        monkeypatch.setattr("pvcheck.plugin.ahead.PIECE", piece)
        ahead = Ahead(memoryview(DATA))
        ahead.hash(ranges[:1])

        assert ahead.digest(ranges) == digest.of_ranges(memoryview(DATA), ranges)


@pytest.mark.usefixtures("eager")
def test_hashing_is_asked_for_less_often_as_more_is_read(path, monkeypatch):
    """A sixteenth of what was read may wait: the cost of finding out stays small however long a file is."""
    monkeypatch.setattr(context, "AHEAD_LEAST", 1)
    asked = []
    monkeypatch.setattr(Ahead, "hash", lambda _, ranges: asked.append(len(ranges)))
    with Source(path, hashes_ahead=True) as source:
        for at in range(0, SIZE, 2):
            source.view(at, 1)

    assert len(asked) < 200
    assert asked[-1] > SIZE // 2 * 0.9


def test_an_empty_file_has_nothing_to_hash(tmp_path):
    """And nothing to give back."""
    path = tmp_path / "empty"
    path.write_bytes(b"")
    with Source(str(path), hashes_ahead=True) as source:
        source.view(0, 0)
        source.asked_for_all()
        source.release(0, 0)

        assert source.read_digest() == digest.of_ranges(memoryview(b""), [])


def test_release_gives_pages_back_and_keeps_views(tmp_path):
    """Whole pages inside the range leave the memory of the process; a view reads the same bytes again."""
    path = tmp_path / "large"
    data = bytes(range(256)) * (1 << 16)  # 16 MiB
    path.write_bytes(data)

    def resident():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

    with Source(str(path)) as source:
        view = source.view(0, len(data))
        assert bytes(view) == data
        full = resident()

        source.release(4097, len(data) - 8194)

        assert full - resident() > 15_000  # KiB
        assert bytes(view) == data
        source.release(1, 100)  # less than a page: nothing
        for offset, size in ((-8192, 4096), (0, len(data) + 4096), (8192, -4096)):
            with pytest.raises(InputError, match="of a file of 16777216"):
                source.release(offset, size)
        view.release()


def test_the_declared_format_is_told(path):
    """What a contract says of an input reaches the evaluator; without a contract it is empty."""
    with Source(path, "apr") as told, Source(path) as untold:
        assert (told.format, untold.format) == ("apr", "")
