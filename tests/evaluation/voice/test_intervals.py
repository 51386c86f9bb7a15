"""Intervals against cases that are known."""

import numpy as np
import pytest

from evaluation.voice.intervals import mean, quantile, ratio, wilson


def test_a_mean_of_independent_values_has_the_textbooks_interval() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    found = mean(values, [str(n) for n in range(400)])
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)
    assert (found.n, found.clusters) == (400, 400)


def test_values_that_go_together_leave_more_doubt() -> None:
    values = np.repeat(np.random.default_rng(3).normal(5, 2, 40), 10)
    alone = mean(values, [str(n) for n in range(400)])
    together = mean(values, [str(n // 10) for n in range(400)])
    assert alone.high is not None
    assert alone.low is not None
    assert together.high is not None
    assert together.low is not None
    assert together.high - together.low == pytest.approx((alone.high - alone.low) * 10**0.5, rel=0.1)


def test_same_data_same_interval_and_one_cluster_none() -> None:
    assert mean([1, 2, 3], ["a", "b", "c"]) == mean([1, 2, 3], ["a", "b", "c"])
    assert mean([1, 2], ["a", "a"]).low is None


def test_a_ratio_is_that_of_the_sums() -> None:
    found = ratio([1, 2, 3], [2, 4, 6], ["a", "b", "c"])
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="nothing"):
        ratio([1.0], [0.0], ["a"])
    with pytest.raises(ValueError, match="nothing"):
        mean([], [])


def test_quantiles_are_values_that_occur() -> None:
    values = list(range(1, 101))
    clusters = [str(v) for v in values]
    assert [quantile(values, q, clusters).value for q in (0.1, 0.5, 0.9, 1.0)] == [10, 50, 90, 100]
    found = quantile(values, 0.5, clusters)
    assert found.low is not None
    assert found.high is not None
    assert 38 <= found.low <= 43 < 58 <= found.high <= 62  # order statistics 40 and 61
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5, [])


def test_wilson_by_hand() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
