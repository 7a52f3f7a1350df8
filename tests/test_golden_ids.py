"""Ids of shipped processes, kept: a closure that changes unnoticed fails here.

A change that is meant is written down by ``python tests/test_golden_ids.py`` and shows in the diff.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcbook.production.plan import Planner
from mcbook.registry.loader import find_process, load_model, model_names

GOLDEN = Path(__file__).parent / "golden" / "ids.json"
POINTS = {
    "zprime": {"m_zp": 4.0},
    "dark_higgs": {"m_ap": 2.0, "m_hp": 0.6, "theta": 1e-3, "alpha_D": 1e-3},
    "dark_higgs six_leptons": {"m_ap": 1.0, "m_hp": 2.5, "alpha_D": 1e-3},
    "idm": {"m_hp": 1.2, "alpha_D": 0.01},
    "alp": {"m_a": 2.0, "g_aww": 1e-4},
    "sm": {"k_factor": 1.0},
}


def shipped_ids():
    """Return the id of every shipped process at one point."""
    found = {}
    for name in model_names(Path(__file__).parent.parent / "models"):
        model = load_model(name)
        for process in model.processes:
            point = POINTS.get(f"{name} {process}", POINTS[name])
            columns = {
                key: np.array([point.get(key, entry.default)], dtype=float)
                for key, entry in model.parameters.items()
            }
            entry = find_process(model, process)
            found[f"{name} {process}"] = id_of(model, entry, columns)
            if len(next(entry.chains()).initial) > 1:  # collisions have another generator as well
                native = replace(entry, generator="native")
                found[f"{name} {process} native"] = id_of(model, native, columns)
    return found


def id_of(model, process, columns):
    """Return the id of a sample of a process."""
    plan = Planner(model, process, {}).plan(columns, np.array([1]))
    assert not plan.rejected, (process.name, plan.rejected)
    (batch,) = plan.batches
    (sample,) = batch.samples
    return sample.id


def test_ids_of_shipped_processes_stay():
    """Nothing that enters the id of a shipped process has changed."""
    assert shipped_ids() == json.loads(GOLDEN.read_text(encoding="utf-8"))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(shipped_ids(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
