"""How alike two attention patterns are, held against scipy's Jensen-Shannon distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import jensenshannon

from clps_core.analysis.similarity import attention_similarity, jensen_shannon, similarity_to_first
from clps_core.errors import ConfigError

ROWS = arrays.arrays(np.float64, (2, 4, 6), elements=st.floats(2**-20, 1)).map(lambda w: w / w.sum(-1, keepdims=True))


@given(ROWS)
def test_it_is_the_square_of_scipys_distance_in_bits(rows: np.ndarray) -> None:
    one, other = rows
    with np.errstate(invalid="ignore"):  # scipy takes the root of -1e-17 where two rows are equal
        distances = [jensenshannon(p, r, base=2) for p, r in zip(one, other, strict=True)]
    expected = np.nan_to_num(distances) ** 2
    np.testing.assert_allclose(jensen_shannon(one, other), expected, atol=1e-7)


@given(ROWS)
def test_it_does_not_matter_which_comes_first(rows: np.ndarray) -> None:
    np.testing.assert_allclose(jensen_shannon(*rows), jensen_shannon(*rows[::-1]), atol=1e-12)


def test_equal_patterns_are_1_and_patterns_without_a_common_key_are_0() -> None:
    rows = np.eye(4)[None]
    assert attention_similarity(rows, rows) == pytest.approx(1)
    assert attention_similarity(rows, rows[:, ::-1]) == pytest.approx(0)


def test_a_causal_first_row_does_not_count() -> None:
    one = np.array([[1.0, 0.0], [1.0, 0.0]])
    other = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert attention_similarity(one, other) == pytest.approx(0.5)
    assert attention_similarity(one, other, causal=True) == pytest.approx(0)
    assert attention_similarity(one[:1], other[:1], causal=True) == pytest.approx(1), "one row is all there is"


def test_layers_are_compared_with_the_first_of_them_head_by_head() -> None:
    attention = np.random.default_rng(0).dirichlet(np.ones(5), size=(4, 3, 6))
    found = similarity_to_first(attention, [1, 3])
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[0], 1)
    assert found[1, 2] == pytest.approx(attention_similarity(attention[1, 2], attention[3, 2]))


def test_rows_of_nothing_are_equal_to_each_other_only() -> None:
    nothing, something = np.zeros((1, 3)), np.array([[1.0, 0.0, 0.0]])
    assert jensen_shannon(nothing, nothing) == pytest.approx(0)
    assert jensen_shannon(nothing, something) == pytest.approx(1)


def test_axes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="the same number of"):
        jensen_shannon(np.ones(3), np.ones(4))
