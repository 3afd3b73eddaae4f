"""Scores that need numpy only."""

from __future__ import annotations

import numpy as np
import pytest

from clps_core.data.base import IGNORED
from clps_core.data.scores import exact_match, token_accuracy

EOS = 2
LABELS = np.array([[5, 6, EOS, IGNORED]])


@pytest.mark.parametrize(
    ("predicted", "right"),
    [
        ([5, 6, EOS], True),
        ([5, 6, EOS, 9, 9, 9], True),
        ([5, 6, EOS, EOS, 7], True),
        ([5, 6], False),
        ([5, 6, 7, 8], False),
        ([5, EOS], False),
        ([EOS], False),
        ([5, 7, EOS], False),
        ([5, 6, 6, EOS], False),
    ],
)
def test_an_answer_is_right_only_as_a_whole(predicted: list[int], right: bool) -> None:
    assert exact_match(np.array([predicted]), LABELS, EOS).tolist() == [right]


def test_examples_are_judged_one_by_one() -> None:
    labels = np.array([[5, 6, EOS], [5, EOS, IGNORED]])
    predicted = np.array([[5, 6, EOS, 0], [5, 6, EOS, 0]])
    assert exact_match(predicted, labels, EOS).tolist() == [True, False]


def test_only_scored_positions_count() -> None:
    assert token_accuracy(np.array([[5, 7, EOS, 0]]), LABELS) == (2, 3)
