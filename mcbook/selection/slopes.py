"""Derivatives of the sum of two Crystal Balls, for fits: of each event, and of parts in bins.

With t the distance from the mean in units of sigma and the tail at low t, a Crystal Ball has the
tail exp(-alpha^2 / 2) B^(-n), B = 1 + (-alpha - t) alpha / n, see `mcbook.selection.shapes`. All
is derived from that by hand, and held against differences in the tests.
"""

import numpy as np
from numpy.typing import NDArray

from mcbook.selection.shapes import CrystalBall, DoubleCrystalBall

Array = NDArray[np.float64]

OWN = ("mean", "log sigma", "log alpha", "log (n - 1)")
"""What a Crystal Ball is derived by here."""


def log_slopes(shape: DoubleCrystalBall, x: Array) -> tuple[Array, Array]:
    """Return derivatives of log p of events within the window.

    Parameters
    ----------
    shape
        What p is the density of.
    x
        Values, shape (n,).

    Returns
    -------
    tuple of ndarray
        By f, shape (n,), and by the two Crystal Balls' own parameters, shape (2, 4, n), see `OWN`.
    """
    densities = np.array([ball.log_pdf(x) for ball in (shape.first, shape.second)])
    shares = np.exp(densities - shape.log_pdf(x))
    balls = [
        part * share * (_log_slopes(ball, x) - _norm_slopes(ball)[:, None])
        for part, share, ball in _balls(shape, shares)
    ]
    return shares[0] - shares[1], np.array(balls)


def part_slopes(shape: DoubleCrystalBall, edges: Array) -> tuple[Array, Array, Array]:
    """Return parts in bins and their derivatives.

    Parameters
    ----------
    shape
        What is in the bins.
    edges
        Edges of the bins, shape (n + 1,), from one end of the window to the other.

    Returns
    -------
    tuple of ndarray
        The parts, shape (n,), their derivatives by f, shape (n,), and by the two Crystal Balls' own
        parameters, shape (2, 4, n), see `OWN`.
    """
    each = np.array([ball.between(edges[:-1], edges[1:]) for ball in (shape.first, shape.second)])
    balls = []
    for part, own, ball in _balls(shape, each):
        inside = np.diff(_integral_slopes(ball, edges)) / (ball.norm / ball.sigma)
        balls.append(part * (inside - own * inside.sum(axis=1)[:, None]))
    parts = shape.f * each[0] + (1 - shape.f) * each[1]
    return parts, each[0] - each[1], np.array(balls)


def _balls(shape: DoubleCrystalBall, each: Array) -> list[tuple[float, Array, CrystalBall]]:
    """Return both Crystal Balls with their part of the sum and what belongs to them."""
    return [(shape.f, each[0], shape.first), (1 - shape.f, each[1], shape.second)]


def _turned(ball: CrystalBall, x: Array) -> tuple[Array, float]:
    """Return t with the tail at low values, and its derivative by x."""
    turn = 1.0 if ball.side == "low" else -1.0
    return turn * (x - ball.mean) / ball.sigma, turn / ball.sigma


def _log_slopes(ball: CrystalBall, x: Array) -> Array:
    """Return derivatives of the logarithm where the peak is 1, shape (4, n)."""
    t, slope = _turned(ball, x)
    alpha, n = ball.alpha, ball.n
    base = 1 + np.maximum(-alpha - t, 0.0) * (alpha / n)
    in_tail = t < -alpha
    by_t = np.where(in_tail, alpha / base, -t)
    by_alpha = np.where(in_tail, (2 * alpha + t) / base - alpha, 0.0)
    by_n = (base - 1) / base - np.log(base)
    return np.array([-slope * by_t, -t * by_t, alpha * by_alpha, (n - 1) * by_n])


def _norm_slopes(ball: CrystalBall) -> Array:
    """Return derivatives of the logarithm of the integral over the window, shape (4,)."""
    ends = _integral_slopes(ball, np.array(ball.window))
    found = (ends[:, 1] - ends[:, 0]) / (ball.norm / ball.sigma)
    found[1] += 1  # the integral over x has one sigma more than that over t
    return np.asarray(found)


def _integral_slopes(ball: CrystalBall, x: Array) -> Array:
    """Return derivatives of the integral over t up to each x, shape (4, n), up to constants."""
    t, slope = _turned(ball, x)
    alpha, n = ball.alpha, ball.n
    base = 1 + np.maximum(-alpha - t, 0.0) * (alpha / n)
    in_tail = t < -alpha
    peak = np.exp(-0.5 * alpha**2)
    density = np.where(in_tail, peak * base**-n, np.exp(-0.5 * np.minimum(t**2, 1400.0)))
    tail = n / (alpha * (n - 1)) * peak * base ** (1 - n)
    by_alpha = tail * (-1 / alpha - alpha) + np.where(
        in_tail, tail * (1 - n) * (-2 * alpha - t) / (n * base), peak
    )
    by_n = tail * (1 / n - 1 / (n - 1) - np.log(base) + (n - 1) * (base - 1) / (n * base))
    direction = 1.0 if slope > 0 else -1.0  # x runs against t
    found = [-slope * density, -t * density, alpha * by_alpha, (n - 1) * by_n]
    return direction * np.array(found)
