"""Compare the registry with the real MadGraph and write docs/madgraph-table.md.

Run it from the root of the project, with the path of MadGraph 3.5.7 in MCBOOK_MG5::

    MCBOOK_MG5=/path/to/mg5_aMC python benchmarks/madgraph_table.py --work /tmp/table

For two points of every MadGraph process it runs the cards that mcbook writes, with mcbook's own
UFO packages: the production alone, the process as written, and each width as a decay of one
particle. What is in the work folder already is not run again. It takes about half an hour.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcbook.cards.madgraph import undecayed
from mcbook.errors import McbookError
from mcbook.generators.base import PartInput, SampleInput
from mcbook.generators.madgraph import MadGraph
from mcbook.registry.chain import parse_chain
from mcbook.registry.derive import Deriver
from mcbook.registry.expressions import parse
from mcbook.registry.loader import find_process, load_model
from mcbook.registry.model import Channel, Process, SignalModel
from mcbook.units import FB_PER_PB

TOLERANCE = 0.01
"""Relative difference that is no disagreement whatever the quoted error is."""

ZP = ({"m_zp": 1.0}, {"m_zp": 4.0})
ZP_TAU = ({"m_zp": 4.0}, {"m_zp": 7.0})
ZP_CHI = (
    {"m_zp": 1.0, "m_chi": 0.3, "alpha_D": 1e-3},
    {"m_zp": 4.0, "m_chi": 1.5, "alpha_D": 0.01},
)
DARK = ({"m_ap": 3.0, "m_hp": 1.5}, {"m_ap": 0.6, "m_hp": 0.4})
SIX = ({"m_ap": 1.0, "m_hp": 3.0}, {"m_ap": 0.5, "m_hp": 2.0})
IDM_MU = (
    {"m_ap": 3.0, "m_hp": 0.5, "m_chi1": 1.0, "delta_m": 0.2},
    {"m_ap": 6.0, "m_hp": 1.2, "m_chi1": 2.0, "delta_m": 0.5},
)
IDM_K = (
    {"m_ap": 3.0, "m_hp": 1.2, "m_chi1": 1.0, "delta_m": 0.05},
    {"m_ap": 6.0, "m_hp": 1.6, "m_chi1": 2.0, "delta_m": 0.5},
)
IDM_CHI = (
    {"m_ap": 3.0, "m_hp": 2.5, "m_chi1": 1.0, "delta_m": 0.2},
    {"m_ap": 6.0, "m_hp": 5.5, "m_chi1": 2.0, "delta_m": 0.5},
)
ALP = ({"m_a": 0.5}, {"m_a": 5.0})

REFERENCE = {"g_prime": 1e-3, "epsilon": 1e-3, "alpha_D": 1e-3, "theta": 1e-4, "g_agg": 1e-4}
"""Reference couplings; points say otherwise where they need to."""

PROCESSES = (
    ("zprime", "mumu_inv", ZP),
    ("zprime", "mumu_mumu", ZP),
    ("zprime", "mumu_tautau", ZP_TAU),
    ("dark_higgs", "mumu_inv", DARK),
    ("dark_higgs", "six_leptons/6mu", SIX),
    ("dark_higgs", "six_leptons/4mu2e", SIX),
    ("dark_higgs", "six_leptons/2mu4e", SIX),
    ("dark_higgs", "six_leptons/6e", SIX),
    ("dark_higgs", "six_leptons", SIX),
    ("idm", "hp_mumu_chi2_ee", IDM_MU),
    ("idm", "hp_pipi_chi2_ee", IDM_MU),
    ("idm", "hp_kk_chi2_ee", IDM_K),
    ("idm", "gamma_chi2_ee", IDM_MU),
    ("alp", "gamma_gg", ALP),
)

WIDTHS = (
    ("zprime", "zp > mu- mu+", ("mumu_zp",), "width_zp_mumu", ZP),
    ("zprime", "zp > tau- tau+", ("tautau_zp",), "width_zp_tautau", ZP_TAU),
    ("zprime", "zp > nu_mu anti-nu_mu", ("numunumu_zp",), "width_zp_numu", ZP),
    ("zprime", "zp > nu_tau anti-nu_tau", ("nutaunutau_zp",), "width_zp_nutau", ZP),
    ("zprime", "zp > chi anti-chi", ("chichi_zp",), "width_zp_chichi", ZP_CHI),
    ("dark_higgs", "ap > e- e+", ("ee_ap",), "width_ap_ee", DARK),
    ("dark_higgs", "ap > mu- mu+", ("mumu_ap",), "width_ap_mumu", DARK),
    ("dark_higgs", "hp > ap ap", ("ap_ap_hp",), "width_hp_apap", SIX),
    ("dark_higgs", "hp > mu- mu+", ("mumu_hp",), "width_hp_mumu", DARK),
    ("idm", "ap > e- e+", ("ee_ap",), "width_ap_ee", IDM_MU),
    ("idm", "ap > mu- mu+", ("mumu_ap",), "width_ap_mumu", IDM_MU),
    ("idm", "ap > chi1 chi2", ("chi2_chi1_ap",), "width_ap_chi1chi2", IDM_MU),
    ("idm", "chi2 > chi1 e- e+", ("ee_ap", "chi2_chi1_ap"), "width_chi2_ee", IDM_MU),
    ("idm", "chi2 > chi1 mu- mu+", ("mumu_ap", "chi2_chi1_ap"), "width_chi2_mumu",
     ({"m_chi1": 1.0, "delta_m": 0.4}, {"m_ap": 6.0, "m_chi1": 2.0, "delta_m": 1.0})),
    ("idm", "hp > mu- mu+", ("mumu_hp",), "width_hp_mumu", IDM_MU),
    ("idm", "hp > pi+ pi-", ("pipi_hp",), "width_hp_pipi_charged", IDM_MU),
    ("idm", "hp > K+ K-", ("kk_hp",), "width_hp_kk_charged", IDM_K),
    ("idm", "hp > chi1 chi1", ("chi1_chi1_hp",), "width_hp_chi1chi1", IDM_CHI),
    ("idm", "hp > chi2 chi2", ("chi2_chi2_hp",), "width_hp_chi2chi2", IDM_CHI),
    ("alp", "alp > gamma gamma", ("gamma_gamma_alp",), "width_a", ALP),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One comparison: `expected` in fb for cross sections, in GeV for widths."""

    model: SignalModel
    process: Process
    what: str
    point: Mapping[str, float]
    expected_as: str
    expected: float
    is_width: bool


def rows() -> Iterator[Row]:
    """Yield every comparison of the table."""
    done = set()
    for name, process_name, points in PROCESSES:
        model = load_model(name)
        process = find_process(model, process_name)
        for point in points:
            bare = production(process)
            key = (name, process.production, str(next(bare.chains())), tuple(point.items()))
            if key not in done:
                done.add(key)
                yield row(model, bare, "production", point, process.production)
            fractions = [c.fraction.text for c in process.channels if c.fraction is not None]
            if fractions:
                rate = f"{process.production} * ({' + '.join(fractions)})"
                yield row(model, process, f"{process_name}", point, rate)
    for name, chain, interactions, width, points in WIDTHS:
        model = load_model(name)
        for point in points:
            yield row(model, decay(model, chain, interactions), chain, point, width, is_width=True)


def production(process: Process) -> Process:
    """Return the production of a process with every particle left undecayed."""
    chain = undecayed(next(process.chains()))
    name = f"{process.plain_name}_undecayed"
    return replace(process, name=name, channels=(Channel("", (chain,), None),), taus=None)


def decay(model: SignalModel, chain: str, interactions: tuple[str, ...]) -> Process:
    """Return the decay of one particle as a process."""
    parsed = parse_chain(chain)
    name = "".join(letter if letter.isalnum() else "_" for letter in chain)
    taus = {"decayer": "none", "spin_correlations": False} if "tau" in chain else None
    some = next(p for p in model.processes.values() if p.generator == "madgraph")
    return replace(
        some,
        name=f"width_{name}",
        title=chain,
        channels=(Channel("", (parsed,), None),),
        interactions=interactions,
        cuts={},
        taus=taus,
    )


def row(
    model: SignalModel,
    process: Process,
    what: str,
    point: Mapping[str, float],
    expected_as: str,
    *,
    is_width: bool = False,
) -> Row:
    """Return one comparison, its expectation computed from the registry."""
    columns = {name: np.array([value]) for name, value in complete(model, point).items()}
    (expected,) = Deriver(model).evaluate([parse(expected_as)], columns)
    return Row(model, process, what, point, expected_as, float(expected[0]), is_width)


def complete(model: SignalModel, point: Mapping[str, float]) -> dict[str, float]:
    """Return every parameter: the point, reference couplings, defaults; NaN is absent."""
    values = {}
    for name, parameter in model.parameters.items():
        default = np.nan if parameter.default is None else parameter.default
        values[name] = point.get(
            name, default if np.isnan(default) else REFERENCE.get(name, default)
        )
    return values


def run(entry: Row, work: Path, events: int, mg5: str) -> tuple[float, float, int]:
    """Run the cards of one row; return value and error (fb or GeV) and the number of events."""
    generator = MadGraph()
    settings = generator.settings(entry.model, entry.process, {})
    campaign = generator.campaign(entry.model, entry.process, settings)
    parameters = complete(entry.model, entry.point)
    columns = {name: np.array([value]) for name, value in parameters.items()}
    derived = {k: float(v[0]) for k, v in Deriver(entry.model).compute(columns).items()}
    text = f"{entry.what} {entry.expected_as} {sorted(parameters.items())}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    sample = SampleInput(f"{entry.model.name}-{digest[:12]}", parameters, derived)
    part = PartInput(1, events, 1 + int(digest[12:19], 16))
    files = dict(campaign.shared_files())
    files |= {f"{sample.id}/{k}": v for k, v in campaign.sample_files(sample).items()}
    files |= {
        f"{sample.id}/parts/0001/{k}": v for k, v in campaign.part_files(sample, part).items()
    }
    card = work / sample.id / "parts/0001/launch.mg5"
    output = work / campaign.outputs(sample.id, 1)[0]
    if not output.is_file() or card.read_bytes() != files[f"{sample.id}/parts/0001/launch.mg5"]:
        for name, content in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with (work / sample.id / "log").open("wb") as log:
            subprocess.run(
                ["sh", "-c", campaign.command(sample.id, 1)],
                cwd=work, env={**os.environ, "MCBOOK_MG5": mg5}, stdout=log, stderr=log,
                check=False,
            )  # fmt: skip
    found = generator.read_back(str(output))
    if found.sample_id != sample.id or found.seed != part.seed or found.events != events:
        sys.exit(f"{output} is not what was asked for: {found}")
    scale = 1 / FB_PER_PB if entry.is_width else 1.0
    return found.cross_section_fb * scale, found.cross_section_error_fb * scale, found.events


def line(entry: Row, value: float, error: float) -> str:
    """Return one line of the table."""
    ratio, relative = value / entry.expected, error / entry.expected
    holds = abs(ratio - 1) <= max(2 * relative, TOLERANCE)
    point = ", ".join(f"{name} {number:g}" for name, number in entry.point.items())
    unit = "GeV" if entry.is_width else "fb"
    return (
        f"| {entry.model.name} | {entry.what} | {point} | `{entry.expected_as}` "
        f"| {entry.expected:.5g} {unit} | {value:.5g} +- {error:.2g} "
        f"| {ratio:.4f} +- {relative:.4f} "
        f"| {'yes' if holds else '**no**'} |"
    )


HEADER = """# The registry against MadGraph

Made by `benchmarks/madgraph_table.py` with MadGraph5_aMC@NLO 3.5.7, {events} events for each line,
sqrt(s) = 10.58 GeV, alpha = 1/137.035999, no ISR, mcbook's own UFO packages and launch cards.
Couplings are the reference ones (g_prime, epsilon, alpha_D 1e-3, theta, g_agg 1e-4) unless the
point says otherwise. A line agrees when MadGraph is within twice its quoted error or 1% of the
registry. Breit-Wigner windows may cut up to 0.1% off a process as written.

| model | what | point | registry | value | MadGraph | ratio | agrees |
|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for the samples")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--only", default="", help="only lines that contain this text")
    parser.add_argument("--output", type=Path, default=Path("docs/madgraph-table.md"))
    options = parser.parse_args()
    mg5 = os.environ.get("MCBOOK_MG5")
    if mg5 is None:
        sys.exit("set MCBOOK_MG5 to the path of mg5_aMC")
    options.work.mkdir(parents=True, exist_ok=True)
    lines = []
    for entry in rows():
        if options.only not in f"{entry.model.name} {entry.what} {entry.expected_as}":
            continue
        start = time.monotonic()
        try:
            value, error, _ = run(entry, options.work, options.events, mg5)
        except McbookError as failure:
            lines.append(f"| {entry.model.name} | {entry.what} | failed: {failure.message} |")
        else:
            lines.append(line(entry, value, error))
        print(f"{time.monotonic() - start:6.1f} s {lines[-1]}", flush=True)
    if not options.only:
        options.output.write_text(HEADER.format(events=options.events) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
