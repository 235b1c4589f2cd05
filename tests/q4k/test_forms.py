"""Which form of a kernel runs: the fastest that both the CPU and Numba's target have, or the one that is named."""

import numba
import pytest

from pvcheck.plugin import NotMeasured
from pvcheck_q4k import forms

AVX2 = {"avx2", "f16c"}
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
NAMES = [each.name for each in forms.FORMS]


@pytest.fixture
def cpu(monkeypatch):
    """Return a function that sets what the CPU has and what Numba lets LLVM emit, here all the CPU has."""

    def have(*features, target=None):
        monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
        monkeypatch.setattr(forms, "_host_features", lambda: frozenset(features))
        monkeypatch.setattr(forms, "_target_features", lambda: frozenset(features if target is None else target))
        clear()

    def clear():
        forms.available.cache_clear()
        forms._chosen.cache_clear()

    monkeypatch.delenv(forms.VARIABLE, raising=False)
    yield have
    monkeypatch.undo()
    clear()


@pytest.mark.parametrize(
    ("features", "names"),
    [
        (AVX512 | {"avx512vnni", "sse4.2"}, NAMES),
        (AVX512, ["avx512", "avx2", "portable"]),
        (AVX512 - {"avx512bw"}, ["avx2", "portable"]),
        (AVX2, ["avx2", "portable"]),
        ({"avx2"}, ["portable"]),
        ((), ["portable"]),
    ],
    ids=["vnni", "avx512", "no bw", "avx2", "no halves", "nothing"],
)
def test_the_fastest_form_that_the_cpu_has_is_chosen(cpu, features, names):
    """The others may run too, in the order of their speed."""
    cpu(*features)

    assert [each.name for each in forms.available()] == names
    assert forms.chosen().name == names[0]


def test_what_numba_may_not_emit_is_not_chosen(cpu):
    """Nor what it may and the CPU does not have."""
    cpu(*AVX512, target=AVX2)
    assert forms.chosen().name == "avx2"

    cpu(*AVX2, target=AVX512)
    assert forms.chosen().name == "avx2"


def test_a_variable_names_another_form(cpu, monkeypatch):
    """Each of those that may run."""
    cpu(*AVX512)

    for name in ("portable", "avx2", "avx512"):
        monkeypatch.setenv(forms.VARIABLE, name)
        assert forms.chosen().name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("avx512-vnni", "PVCHECK_Q4K_FORM: 'avx512-vnni' cannot run on this CPU; this one has avx2, portable"),
        ("\u202ess\u00e9", "PVCHECK_Q4K_FORM: '\\u202ess\\xe9' is not a form; this one has avx2, portable"),
    ],
)
def test_a_form_that_cannot_run_is_refused(cpu, monkeypatch, name, message):
    """With what could run, and before an instruction that the CPU does not know."""
    cpu(*AVX2)
    monkeypatch.setenv(forms.VARIABLE, name)

    with pytest.raises(NotMeasured) as caught:
        forms.chosen()

    assert str(caught.value) == message


def test_all_forms_run_where_nothing_is_compiled(cpu, monkeypatch):
    """Their twins need nothing of the CPU."""
    cpu()
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    forms.available.cache_clear()

    assert [each.name for each in forms.available()] == NAMES


@pytest.mark.parametrize(
    ("given", "features"),
    [("+avx2,-avx512f, +f16c", {"avx2", "f16c"}), ("", set()), ("+avx2,-avx2", set())],
    ids=["some", "none", "taken back"],
)
def test_the_features_that_numba_is_given_are_what_it_may_emit(monkeypatch, given, features):
    """As in NUMBA_CPU_FEATURES: those with a plus, the last word on each."""
    monkeypatch.setattr(numba.config, "CPU_FEATURES", given)

    assert forms._target_features() == features


def test_without_them_it_may_emit_what_the_cpu_has(monkeypatch):
    """But no AVX if NUMBA_ENABLE_AVX says so."""
    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr(numba.config, "ENABLE_AVX", 1)
    assert forms._target_features() == forms._host_features()

    monkeypatch.setattr(numba.config, "ENABLE_AVX", 0)
    assert not any(each.startswith("avx") for each in forms._target_features())


def test_a_cpu_that_llvm_does_not_know_has_nothing(monkeypatch):
    """The portable form is left."""

    def unknown():
        raise RuntimeError("failed to get host cpu features.")

    monkeypatch.setattr(forms.llvmlite.binding, "get_host_cpu_features", unknown)

    assert forms._host_features() == frozenset()
