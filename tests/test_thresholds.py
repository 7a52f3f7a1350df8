"""Exact equality at a threshold, a natural point of a grid, is no hole in any shipped model."""

import numpy as np
import pytest

from mcbook.registry.derive import Deriver
from mcbook.registry.loader import load_model
from mcbook.registry.physics.constants import value

STEPS = np.array([-1e-9, 0.0, 1e-9])
PAIRS = [2 * value(name) for name in ("m_e", "m_mu", "m_tau", "m_pi", "m_K", "m_B")]
MODELS = [2.0, 4 * value("m_pi"), 2 * 1.86484, 0.27, 0.3]
"""Where a table or a regime ends [GeV]."""

DARK_HIGGS = [
    *(("dark_higgs", "m_hp", 2 * m_v, {"m_ap": m_v, "theta": 1e-4}) for m_v in (0.3, 1.0, 2.5)),
    *(("dark_higgs", "m_hp", 2 * m_v, {"m_ap": m_v, "theta": 0.0}) for m_v in (0.3, 1.0, 2.5)),
    *(("dark_higgs", "m_ap", m_h / 2, {"m_hp": m_h, "theta": 1e-6}) for m_h in (0.6, 2.0)),
    *(("dark_higgs", "m_hp", edge, {"m_ap": 8.0, "theta": 1e-4}) for edge in PAIRS + MODELS),
    *(("dark_higgs", "m_hp", 1.0 + edge, {"m_ap": 1.0, "theta": 0.0}) for edge in PAIRS[:4]),
    *(("dark_higgs", "m_ap", edge, {"m_hp": 0.1, "theta": 1e-4}) for edge in PAIRS[1:] + MODELS),
]
IDM = [
    *(("idm", "m_hp", edge, {"m_ap": 8.0, "m_chi1": 3.0, "theta": 1e-4}) for edge in PAIRS),
    *(("idm", "delta_m", edge, {"m_ap": 9.0, "m_chi1": 1.0}) for edge in PAIRS[1:4]),
    ("idm", "m_hp", 2.0, {"m_chi1": 1.0, "delta_m": 0.5, "m_ap": 4.0, "theta": 1e-4}),
    ("idm", "m_hp", 3.0, {"m_chi1": 1.0, "delta_m": 0.5, "m_ap": 4.0, "theta": 1e-4}),
    ("idm", "m_hp", 6.0, {"m_chi1": 1.0, "delta_m": 0.5, "m_ap": 3.0, "theta": 1e-4}),
    ("idm", "m_hp", 6.0, {"m_chi1": 3.0, "delta_m": 0.5, "m_ap": 3.0, "theta": 1e-4}),
    ("idm", "m_ap", 2.5, {"m_chi1": 1.0, "delta_m": 0.5}),
    ("idm", "m_ap", 1.0, {"m_chi1": 1.0, "delta_m": 1.0}),
    ("idm", "delta_m", 1.0, {"m_chi1": 1.0, "m_ap": 1.0}),
]
OTHERS = [
    *(("zprime", "m_zp", edge, {}) for edge in PAIRS),
    ("zprime", "m_zp", 1.0, {"m_chi": 0.5, "g_chi": 0.1}),
    ("alp", "m_a", value("m_B") - value("m_K"), {"g_aww": 1e-4}),
]


@pytest.mark.parametrize(("name", "scanned", "edge", "fixed"), DARK_HIGGS + IDM + OTHERS)
def test_equality_lies_between_its_neighbours(name, scanned, edge, fixed):
    """Every quantity at the threshold is between those a billionth beside it, to a factor of 2."""
    model = load_model(name)
    columns = {
        key: np.full(3, np.nan if entry.default is None else entry.default)
        for key, entry in model.parameters.items()
    }
    columns |= {key: np.full(3, fixed[key]) for key in fixed} | {scanned: edge * (1 + STEPS)}
    assert columns[scanned][1] == edge
    for quantity, values in Deriver(model).compute(columns).items():
        below, at, above = np.nan_to_num(values, nan=0.0, posinf=np.inf)
        low, high = sorted((below, above))
        assert low / 2 <= at <= 2 * high, (quantity, values)
