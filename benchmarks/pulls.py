"""Cross sections of generators against the registry over grids: docs/pulls.md for MadGraph.

For each MadGraph process a grid of 20 points is generated, run by ``mcbook run`` and checked by
``mcbook check``, with the path of MadGraph 3.5.7 in MCBOOK_MG5::

    MCBOOK_MG5=/path/to/mg5_aMC python benchmarks/pulls.py --work /tmp/pulls --jobs 2

What is in the work folder already is not made again. It takes about an hour on two cores. With
``--generator native`` the same grids are made by mcbook's own generator, in a minute, and the table
is printed::

    python benchmarks/pulls.py --work /tmp/native-pulls --jobs 2 --generator native
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from mcbook.verbs.check import check
from mcbook.verbs.doctor import doctor
from mcbook.verbs.generate import generate
from mcbook.verbs.run import run
from mcbook.verbs.status import status

PAGE = Path(__file__).resolve().parent.parent / "docs" / "pulls.md"

DARK = {"alpha_D": 1e-3, "epsilon": 1e-3}
IDM = DARK | {"theta": 1e-4}


def line(name: str, first: float, last: float) -> dict[str, Any]:
    """Return an axis of 20 values, evenly spaced."""
    return {name: {"linspace": [first, last, 20]}}


GRIDS: dict[tuple[str, str], dict[str, Any]] = {
    ("zprime", "mumu_inv"): {"scan": line("m_zp", 0.3, 8.0)},
    ("zprime", "mumu_mumu"): {"scan": line("m_zp", 0.3, 8.0)},
    ("zprime", "mumu_tautau"): {"scan": line("m_zp", 3.7, 8.0)},
    ("dark_higgs", "mumu_inv"): {
        "scan": line("m_ap", 0.4, 7.4), "derived": {"m_hp": "0.4 * m_ap"}, "fixed": DARK,
    },
    ("dark_higgs", "six_leptons"): {
        "scan": line("m_ap", 0.3, 2.3), "derived": {"m_hp": "2.6 * m_ap"}, "fixed": DARK,
    },
    ("idm", "hp_mumu_chi2_ee"): {
        "scan": line("m_chi1", 0.3, 2.5), "fixed": IDM | {"m_hp": 0.4},
        "derived": {"m_ap": "3 * m_chi1", "delta_m": "0.2 * m_chi1"},
    },
    ("idm", "hp_pipi_chi2_ee"): {
        "scan": line("m_chi1", 0.5, 2.5), "fixed": IDM | {"m_hp": 0.6},
        "derived": {"m_ap": "3 * m_chi1", "delta_m": "0.2 * m_chi1"},
    },
    ("idm", "hp_kk_chi2_ee"): {
        "scan": line("m_chi1", 0.8, 2.5), "fixed": IDM | {"m_hp": 1.2},
        "derived": {"m_ap": "3 * m_chi1", "delta_m": "0.2 * m_chi1"},
    },
    ("idm", "gamma_chi2_ee"): {
        "scan": line("m_chi1", 0.3, 2.5), "fixed": IDM | {"m_hp": 0.4},
        "derived": {"m_ap": "3 * m_chi1", "delta_m": "0.2 * m_chi1"},
    },
    ("alp", "gamma_gg"): {"scan": line("m_a", 0.2, 9.0)},
}  # fmt: skip


def main() -> int:
    """Make the samples that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--generator", default="madgraph")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    os.chdir(given.work)
    for (model, process), grid in GRIDS.items():
        generate(model, {"process": process, **grid}, events=given.events, catalog="pulls.db",
                 generator=given.generator)  # fmt: skip
        made = run(f"model == '{model}' and process == '{process}'", jobs=given.jobs,
                   catalog="pulls.db", progress=None)  # fmt: skip
        print(model, process, made["parts"], made["failures"], made["notes"], flush=True)
    found = check(catalog="pulls.db")
    rows = table(found, status(catalog="pulls.db"))
    if given.generator == "madgraph":
        (version,) = [row["version"] for row in doctor() if row["program"] == "mg5_aMC"]
        PAGE.write_text(TEXT.format(version=version, table=rows), encoding="utf-8")
    else:
        print(rows)
    return int(found["failed"])


def table(found: dict[str, Any], states: list[dict[str, Any]]) -> str:
    """Return the table of the page."""
    times = {(row["model"], row["process"]): row for row in states}
    lines = [
        "| model | process | samples | mean pull | width | largest | CPU per sample [s] |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found["processes"]:
        state = times[row["model"], row["process"]]
        largest = max(
            (abs(entry["pull"]) for entry in found["pulls"]
             if entry["process"] == row["process"] and entry["id"].startswith(f"{row['model']}-")),
        )  # fmt: skip
        lines.append(
            f"| {row['model']} | {row['process']} | {row['samples']} | {row['mean']:+.2f} |"
            f" {row['width']:.2f} | {largest:.1f} | {state['cpu_s'] / state['generated']:.1f} |"
        )
    pulls = [entry["pull"] for entry in found["pulls"]]
    mean = sum(pulls) / len(pulls)
    width = (sum((value - mean) ** 2 for value in pulls) / (len(pulls) - 1)) ** 0.5
    lines.append(f"| all | | {len(pulls)} | {mean:+.2f} | {width:.2f} | | |")
    return "\n".join(lines)


TEXT = """\
# Pulls against MadGraph

Grids of 20 points for each MadGraph process, made by `mcbook generate` and `mcbook run` with
MadGraph {version}, and held by `mcbook check` against the cross sections of the registry times the
branching fractions of the process and what MadGraph's windows around resonances keep (99.9%). A
pull is the difference over its error: the one that MadGraph quotes, doubled where three or more
particles are produced, and at least 0.3%. With that floor a width below 1 is right where MadGraph
does better than 0.3%.

{table}

Born, alpha = 1/137.036, no ISR, narrow widths. Made by `python benchmarks/pulls.py`.
"""


if __name__ == "__main__":
    sys.exit(main())
