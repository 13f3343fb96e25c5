"""Whether B is better than A, and how sure that is, from the rewards of each. Pure.

Rewards of 0 and 1 are proportions: the probability is the exact one of two Beta posteriors with a uniform prior, the
interval Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10). Other rewards are compared by
their means, without supposing equal variances (Welch, Biometrika 34, 1947).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

EXACT_TERMS_MAX = 100_000
"""Of the sum for two Beta posteriors; beyond that many rewards both are normal to all digits that matter."""
STEPS_MAX = 300
PRECISION = 1e-14
TINY = 1e-300
BETA = "Beta-Bernoulli posterior with a uniform prior; interval of Newcombe"
WELCH = "Welch's t"


@dataclass(frozen=True, slots=True)
class Sample:
    """The rewards of one variant, in brief; `spread` is their variance, 0 for fewer than two."""

    count: int
    mean: float
    spread: float
    binary: bool

    @classmethod
    def of(cls, rewards: Sequence[float]) -> Sample:
        """Return what a comparison needs to know of at least one reward."""
        spread = variance(rewards) if len(rewards) > 1 else 0.0
        return cls(len(rewards), fmean(rewards), spread, all(each in (0.0, 1.0) for each in rewards))

    @property
    def successes(self) -> int:
        """Return how many of rewards of 0 and 1 are 1."""
        return round(self.mean * self.count)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better B is than A, between what bounds with the confidence asked for, and how probably it is."""

    difference: float
    low: float
    high: float
    probability: float
    method: str


def compare(a: Sample, b: Sample, confidence: float) -> Comparison | None:
    """Return how B stands against A, None where too few or too equal rewards say nothing of their spread."""
    if a.binary and b.binary:
        low, high = newcombe(a, b, confidence)
        return Comparison(b.mean - a.mean, low, high, probability_above(a, b), BETA)
    return _welch(a, b, confidence)


def newcombe(a: Sample, b: Sample, confidence: float) -> tuple[float, float]:
    """Return the interval of the difference of two proportions."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    (low_a, high_a), (low_b, high_b) = wilson(a, z), wilson(b, z)
    difference = b.mean - a.mean
    return (
        difference - math.hypot(b.mean - low_b, high_a - a.mean),
        difference + math.hypot(high_b - b.mean, a.mean - low_a),
    )


def wilson(sample: Sample, z: float) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion."""
    n, p = sample.count, sample.mean
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def probability_above(a: Sample, b: Sample) -> float:
    """Return the probability that B's proportion is above A's, given what was seen of both."""
    posterior_a = (a.successes + 1, a.count - a.successes + 1)
    posterior_b = (b.successes + 1, b.count - b.successes + 1)
    # Four sums say the same: over what is seen of one success or failure; the shortest is the best.
    ways: tuple[tuple[int, Callable[[], float]], ...] = (
        (posterior_b[0], lambda: _sum_above(posterior_a, posterior_b)),
        (posterior_a[1], lambda: _sum_above(posterior_b[::-1], posterior_a[::-1])),
        (posterior_a[0], lambda: 1.0 - _sum_above(posterior_b, posterior_a)),
        (posterior_b[1], lambda: 1.0 - _sum_above(posterior_a[::-1], posterior_b[::-1])),
    )
    terms, total = min(ways, key=lambda way: way[0])
    if terms > EXACT_TERMS_MAX:
        return _normal_above(posterior_a, posterior_b)
    return min(1.0, max(0.0, total()))


def t_cdf(value: float, freedom: float) -> float:
    """Return the probability that Student's t is below a value."""
    tail = _beta_part(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2
    return 1.0 - tail if value > 0 else tail


def t_quantile(probability: float, freedom: float) -> float:
    """Return the value that Student's t is below with a probability, by halving what it can be."""
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability and high < 1 / PRECISION:
        high *= 2
    for _ in range(STEPS_MAX):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _welch(a: Sample, b: Sample, confidence: float) -> Comparison | None:
    if min(a.count, b.count) < 2:
        return None
    part_a, part_b = a.spread / a.count, b.spread / b.count
    error = math.sqrt(part_a + part_b)
    if error == 0:
        return None
    freedom = (part_a + part_b) ** 2 / (part_a**2 / (a.count - 1) + part_b**2 / (b.count - 1))
    difference = b.mean - a.mean
    reach = t_quantile((1 + confidence) / 2, freedom) * error
    return Comparison(difference, difference - reach, difference + reach, t_cdf(difference / error, freedom), WELCH)


def _sum_above(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return P(B > A) for two Beta distributions, as a sum over B's first parameter (Miller 2014)."""
    whole = _log_beta(*a)
    return math.fsum(
        math.exp(_log_beta(a[0] + i, a[1] + b[1]) - math.log(b[1] + i) - _log_beta(1 + i, b[1]) - whole)
        for i in range(b[0])
    )


def _normal_above(a: tuple[int, int], b: tuple[int, int]) -> float:
    (mean_a, spread_a), (mean_b, spread_b) = _moments(*a), _moments(*b)
    return NormalDist().cdf((mean_b - mean_a) / math.sqrt(spread_a + spread_b))


def _moments(alpha: int, beta: int) -> tuple[float, float]:
    total = alpha + beta
    return alpha / total, alpha * beta / (total * total * (total + 1))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _beta_part(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return min(1.0, max(0.0, x))
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly, its mirror image does not
        return 1.0 - _beta_part(b, a, 1 - x)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)) / a
    return front * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method (DLMF 8.17.22)."""
    c, d = 1.0, 1.0 / _away_from_zero(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, STEPS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1.0 / _away_from_zero(1 + part * d)
            c = _away_from_zero(1 + part / c)
            total *= c * d
        if abs(c * d - 1) < PRECISION:
            break
    return total


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
