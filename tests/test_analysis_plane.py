"""Planes and contours: where they run, and where they must not."""

import numpy as np
import pytest
from analysis_world import ZPRIME, Toy, changed, counting
from hypothesis import given
from hypothesis import strategies as st

from mcbook.analysis import read_analysis, run
from mcbook.analysis.contour import contours
from mcbook.analysis.roots import intervals
from mcbook.errors import InputError

ANALYSIS = changed(
    ZPRIME,
    ("    observed: 0\n", ""),
    (
        "rate: g_prime",
        (
            "rate: {limit: g_prime, range: [1e-4, 1], points: 41}\n"
            "vetoes: [{m_zp: [3.9, 4.1], reason: a gap}]"
        ),
    ),
    ("[0.1, 1, 3, 5]", "{step: [1, 8, 1]}"),
)


def circle(n):
    """Return a grid and the distance from a circle of radius 0.7 on it."""
    x = np.linspace(-1, 1, n)
    return x, np.hypot(*np.meshgrid(x, x, indexing="ij")) - 0.7


def test_circle():
    """A circle is one closed line at its radius."""
    x, z = circle(60)
    (line,) = contours(x, x, z)
    assert np.hypot(*line.T) == pytest.approx(np.full(len(line), 0.7), abs=1e-3)
    assert line[0] == pytest.approx(line[-1])
    turns = np.unwrap(np.arctan2(*line.T))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2 * np.pi)


def test_masked_cells():
    """No line comes near a node without an answer; what is left is open."""
    x, z = circle(60)
    mask = np.zeros(z.shape, dtype=bool)
    mask[45:, 20:40] = True
    (line,) = contours(x, x, z, mask=mask)
    cell = x[1] - x[0]
    near = (line[:, 0] > x[45] - cell + 1e-9) & (line[:, 1] > x[20] - cell + 1e-9)
    assert not (near & (line[:, 1] < x[39] + cell - 1e-9)).any()
    assert np.hypot(*(line[0] - line[-1])) > 0.3
    z[mask] = np.nan
    again = contours(x, x, z)
    assert np.allclose(again[0], line)


def test_no_signal_beside_signal():
    """Beside a node without signal (infinite) a line lies within the cell."""
    z = np.array([[-1.0, -1.0], [np.inf, np.inf]])
    (line,) = contours(np.arange(2.0), np.arange(2.0), z)
    assert line[:, 0] == pytest.approx([0.25, 0.25])


@given(st.lists(st.floats(-2, 2).filter(lambda v: abs(v) > 1e-3), min_size=20, max_size=20))
def test_lines_cross_where_signs_change(values):
    """Every edge of the grid with a change of sign is crossed once, and no other."""
    z = np.array(values).reshape(4, 5)
    x, y = np.arange(4.0), np.arange(5.0)
    lines = contours(x, y, z)
    found = {tuple(np.round(point, 9)) for line in lines for point in line}
    wanted = set()
    for (i, j), value in np.ndenumerate(z):
        for k, m in ((i + 1, j), (i, j + 1)):
            if k < 4 and m < 5 and (value < 0) != (z[k, m] < 0):
                share = value / (value - z[k, m])
                wanted.add(tuple(np.round((i + share * (k - i), j + share * (m - j)), 9)))
    assert found == wanted
    for line in lines:
        closed = np.allclose(line[0], line[-1])
        on_edge = [point[0] in {0, 3} or point[1] in {0, 4} for point in line]
        assert closed or (on_edge[0] and on_edge[-1])


def test_coupling_plane(tmp_path):
    """Limits in (mass, coupling) agree with the coupling limits; vetoed masses are masked."""
    (tmp_path / "a.yaml").write_text(ANALYSIS)
    maps = {"recoil": Toy(lambda m_zp: 0 * m_zp + 0.06)}
    result = run(read_analysis(tmp_path / "a.yaml"), maps=maps, upper_limits=counting)
    plane = result.plane()
    assert (plane.x_name, plane.y_name) == ("m_zp", "g_prime")
    z = plane.log10_mu["expected"]
    assert z.shape == (8, 41)
    limits = [row["rate"]["expected"][2] for row in result.document()["limits"]]
    for i, limit in enumerate(limits):
        if limit is None:
            assert plane.mask[i].all()
            assert set(plane.reasons[i]) == {"a gap"}
        else:
            assert np.interp(0, -z[i], np.log(plane.y)) == pytest.approx(np.log(limit))
    lines = contours(plane.x, np.log(plane.y), z, mask=plane.mask)
    assert len(lines) == 2  # below and above the vetoed mass
    assert sorted(round(float(line[:, 0].max())) for line in lines) == [3, 8]
    with pytest.raises(InputError, match="does not move"):
        result.plane("m_chi")


@given(
    st.lists(st.floats(0.5, 8), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_roots_of_known_curves(gaps, kind):
    """Islands of a product of distances are its roots, whichever way it starts."""
    roots = np.cumsum(gaps)
    sign = -1.0 if kind % 2 else 1.0

    def curves(_, x):
        z = np.log(x)[:, None] - roots[None, :]
        return (sign * np.tanh(z).prod(axis=1))[:, None]

    x = np.exp(np.linspace(-0.1, roots[-1] + 0.7, 300))
    (found,) = intervals(curves, x, curves(None, x)[None])
    edges = [
        np.log(end)
        for entry in found[0]
        for end, is_open in ((entry.low, entry.open_low), (entry.high, entry.open_high))
        if not is_open
    ]
    assert edges == pytest.approx(list(roots), abs=1e-5)


@given(st.floats(-1, 1), st.floats(0.01, 0.2))
def test_island_between_two_points(centre, half):
    """An island smaller than the step of the scan is found."""

    def curves(_, x):
        return np.stack([(np.log(x) - centre) ** 2 - half**2, np.log(x) * 0 + 1], axis=1)

    x = np.exp(np.linspace(-3, 3, 16))
    (found,) = intervals(curves, x, curves(None, x)[None])
    (island,) = found[0]
    assert np.log([island.low, island.high]) == pytest.approx(
        [centre - half, centre + half], abs=1e-5
    )
    assert not found[1]
