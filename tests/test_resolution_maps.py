"""Maps of widths: interpolated in the logarithm, with errors that cover, inside the samples."""

import math

import numpy as np
import pytest

from mcbook.efficiency.resolutions import ResolutionMap
from mcbook.errors import InputError

MASSES = np.linspace(0.5, 8.0, 16)


def truth(mass):
    """Width that falls by an order of magnitude, as that of a squared recoil mass does."""
    return 0.02 + 0.5 * np.exp(-mass / 2.5)


def measured(points, seed, error=0.02):
    """Return widths with Gaussian errors, and those errors."""
    exact = truth(points)
    return exact * (1 + error * np.random.default_rng(seed).standard_normal(len(points))), (
        error * exact
    )


def test_at_and_between_nodes():
    """Nodes have their widths and errors; between them the truth is covered, and above 0."""
    values, errors = measured(MASSES, 1)
    widths = ResolutionMap(["m_zp"], MASSES, values, errors)
    assert widths.method == "pchip"
    at = widths.evaluate({"m_zp": MASSES})
    assert at.value == pytest.approx(values)
    assert at.stat_error == pytest.approx(errors)
    assert at.interpolation_error == pytest.approx(np.zeros(len(MASSES)))
    fine = np.linspace(0.5, 8.0, 301)
    inside = []
    for seed in range(20):
        some = ResolutionMap(["m_zp"], MASSES, *measured(MASSES, seed)).evaluate({"m_zp": fine})
        assert (some.value > 0).all()
        inside.append(np.abs(some.value - truth(fine)) < some.error)
    assert 0.6 < np.mean(inside) < 0.85


def test_each_node_from_the_others():
    """Leave-one-out pulls are of order 1 where errors are right, and large where they are not."""
    values, errors = measured(MASSES, 3)
    widths = ResolutionMap(["m_zp"], MASSES, values, errors)
    assert 0.4 < widths.leave_one_out().pull_rms < 1.6
    off = values.copy()
    off[7] *= 1.5
    pulls = ResolutionMap(["m_zp"], MASSES, off, errors).leave_one_out().pull
    assert np.nanargmax(np.abs(pulls)) in {6, 7, 8}
    assert np.nanmax(np.abs(pulls)) > 3
    assert np.isnan(pulls[[0, -1]]).all()  # nobody is on their other side


def test_scattered_in_a_plane():
    """Samples on no grid go through a Gaussian process; outside their hull nothing is said."""
    rng = np.random.default_rng(4)
    points = rng.uniform([0.5, 0.1], [8.0, 0.9], (60, 2))
    exact = truth(points[:, 0]) * (1 + points[:, 1])
    values = exact * (1 + 0.01 * rng.standard_normal(60))
    widths = ResolutionMap(["m_zp", "m_chi"], points, values, 0.01 * exact)
    assert widths.method == "gp"
    where = {"m_zp": [2.0, 4.0, 9.0], "m_chi": [0.5, 0.4, 0.5]}
    found = widths.evaluate(where)
    wanted = truth(np.array([2.0, 4.0])) * np.array([1.5, 1.4])
    assert (np.abs(found.value[:2] - wanted) < 4 * found.error[:2]).all()
    assert found.value[:2] == pytest.approx(wanted, rel=0.05)
    assert math.isnan(found.value[2])
    assert found.reason[2]
    assert widths.leave_one_out().pull_rms < 2


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"widths": [0.1, -0.1]}, "node 2: the width -0.1 is not above 0"),
        ({"errors": [0.0, 0.1]}, "node 1: the error 0 is not above 0"),
        ({"errors": [0.1]}, "equally many"),
        ({"points": [1.0, 1.0]}, "the same point"),
        ({"thresholds": ["m_zp < 1.5"]}, "no thresholds"),
    ],
)
def test_what_is_no_map(change, wanted):
    """Widths, errors and positions that cannot be are told."""
    given = {"points": [1.0, 2.0], "widths": [0.1, 0.2], "errors": [0.01, 0.01]} | change
    with pytest.raises(InputError, match=wanted):
        ResolutionMap(["m_zp"], **given)


def test_tables(tmp_path):
    """Columns by name; failed rows are left out and named; what is missing is told."""
    path = tmp_path / "resolution.csv"
    path.write_text(
        "# comment\nsample_id,m_zp,sigma_w,sigma_w_error,status\n"
        "a,1,0.4,0.004,ok\nb,2,,,failed\nc,4,0.1,0.001,poor\n"
    )
    widths = ResolutionMap.read(path, axes=["m_zp"])
    assert widths.left_out == (f"{path}, line 4",)
    assert widths.evaluate({"m_zp": 1.0}).value == pytest.approx([0.4])
    with pytest.raises(InputError, match="the column sigma_68 is missing") as caught:
        ResolutionMap.read(path, axes=["m_zp"], column="sigma_68")
    assert caught.value.hint
    with pytest.raises(InputError, match="there is no value for the axis m_zp"):
        widths.evaluate({"m_z": 1.0})
    path.write_text("m_zp,sigma_w,sigma_w_error\n1,wide,0.1\n2,0.1,0.1\n")
    with pytest.raises(InputError, match=r"line 2 \(column sigma_w\)"):
        ResolutionMap.read(path, axes=["m_zp"])
