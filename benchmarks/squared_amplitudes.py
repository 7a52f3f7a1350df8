"""Freeze squared amplitudes of the real MadGraph in tests/data/squared_amplitudes.json.

Run it from the root of the project, with the path of MadGraph 3.5.7 in MCBOOK_MG5 and gfortran at
hand::

    MCBOOK_MG5=/path/to/mg5_aMC python benchmarks/squared_amplitudes.py --work /tmp/amplitudes

Each case is one process with one of mcbook's own UFO packages: MadGraph writes it as Fortran
(``output standalone``), and that program evaluates a few phase-space points. The file holds masses,
widths, couplings and momenta as numbers, so that it alone is enough to evaluate the amplitude
again. Widths are set by hand: what is frozen is a function of given masses, widths and couplings.
Processes that are in the work folder already are not made again. It takes a few minutes.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from standalone import DIGITS, Standalone

from mcbook.cards.madgraph import process_line
from mcbook.registry.chain import Chain, Node, parse_chain
from mcbook.registry.derive import ALPHA, SQRT_S, Deriver
from mcbook.registry.loader import find_process, load_model
from mcbook.registry.model import Particle, SignalModel
from mcbook.ufo.check import evaluate
from mcbook.ufo.content import Content, content
from mcbook.ufo.writer import digest, package

ROOT = Path(__file__).parents[1]
TEST_MODELS = ROOT / "tests/data"
OUTPUT = TEST_MODELS / "squared_amplitudes.json"

ORIGIN = (
    "MadGraph5_aMC@NLO 3.5.7 standalone Fortran (SMATRIX in double precision, within 2e-11 of the "
    "same in quadruple precision), made by benchmarks/squared_amplitudes.py with mcbook's own UFO "
    "packages. value = sum over helicities of |M|^2 / denominator, where denominator = initial "
    "spins times MadGraph's factor for identical particles; momenta are [E, px, py, pz] in GeV, "
    "beams first, electron along +z; couplings are those of UFO, with its factor i. Every vertex "
    "has order QED=1, so that all tree diagrams of a process have the same order and none is "
    "dropped; a chain with decays has the diagrams through its resonances alone, without "
    "permutations of identical particles, and each chain of a process stands by itself."
)

POINTS = 10
SEED = 20_240
SPREAD = 3.0
"""Virtualities m^2 of resonances lie within so many M Gamma around M^2."""

PRECISION = 1e-14
"""Momenta are conserved and on shell to this, relative to the largest energy."""

ATTEMPTS = 1000
"""Draws of virtualities before a chain counts as closed."""

Real = np.longdouble
Momentum = NDArray[np.longdouble]

ROUNDING = 1e-10
"""Values are held to this against quadruple precision."""

WIDTH_TO_MASS = {"ap": 5e-3, "zp": 4e-3}
"""Widths over masses that are set; every other resonance has `SMALL_WIDTH_TO_MASS`."""

SMALL_WIDTH_TO_MASS = 1e-3


@dataclass(frozen=True)
class Case:
    """One process with one parameter point.

    `process` is its name in the registry, None where it has none. `near` is a chain with the same
    legs: half of the points have its virtualities, so that resonances are seen. Widths that
    `widths` names are set to these values [GeV].
    """

    name: str
    model: str
    chain: str
    point: Mapping[str, float]
    interactions: tuple[str, ...]
    process: str | None = None
    near: str | None = None
    widths: Mapping[str, float] = field(default_factory=dict)


ALP = {"m_a": 2.0, "g_agg": 0.05}
DARK = {"m_ap": 3.0, "m_hp": 1.5, "epsilon": 0.1, "alpha_D": 0.01}
SIX = {"m_ap": 1.0, "m_hp": 2.5, "epsilon": 0.1, "alpha_D": 0.01}
IDM = {
    "m_ap": 3.0, "m_hp": 0.6, "m_chi1": 1.0, "delta_m": 0.2,
    "theta": 0.3, "epsilon": 0.1, "alpha_D": 0.01,
}  # fmt: skip
ZP = {"m_zp": 2.0, "g_prime": 0.2}
YUKAWA = {"m_s": 2.0, "m_p": 1.5, "y_s": 0.2, "y_p": 0.1}

REGISTRY = (
    ("alp", "gamma_gg", ALP),
    ("dark_higgs", "mumu_inv", DARK),
    ("dark_higgs", "six_leptons/6mu", SIX),
    ("dark_higgs", "six_leptons/4mu2e", SIX),
    ("dark_higgs", "six_leptons/2mu4e", SIX),
    ("dark_higgs", "six_leptons/6e", SIX),
    ("idm", "hp_mumu_chi2_ee", IDM),
    ("idm", "hp_pipi_chi2_ee", IDM),
    ("idm", "hp_kk_chi2_ee", IDM | {"m_hp": 1.2}),
    ("idm", "gamma_chi2_ee", IDM),
    ("zprime", "mumu_inv", ZP),
    ("zprime", "mumu_mumu", ZP),
    ("zprime", "mumu_tautau", ZP | {"m_zp": 5.0}),
)

IDM_OPEN = IDM | {"m_hp": 2.5}
QED = ("ee_gamma", "mumu_gamma")
DARK_PAIR = ("ee_ap", "chi2_chi1_ap", "ap_ap_hp", "chi1_chi1_hp")
STABLE = {"ap": 0.0, "hp": 0.0, "chi2": 0.0}

OTHERS = (
    Case("bhabha", "zprime", "e- e+ > e- e+", ZP, ("ee_gamma",)),
    Case("muon_pair", "zprime", "e- e+ > mu- mu+", ZP, QED),
    Case("muon_pair_photon", "zprime", "e- e+ > gamma mu- mu+", ZP, QED),
    Case("four_muons", "zprime", "e- e+ > mu- mu+ mu- mu+", ZP, (*QED, "mumu_zp"),
         near="e- e+ > mu- mu+ (zp > mu- mu+)"),
    Case("electrons_muons", "zprime", "e- e+ > e- e+ mu- mu+", ZP, (*QED, "mumu_zp")),
    Case("electrons_muons_ap", "dark_higgs", "e- e+ > e- e+ mu- mu+", DARK,
         (*QED, "ee_ap", "mumu_ap"), widths=STABLE),
    Case("four_electrons", "zprime", "e- e+ > e- e+ e- e+", ZP, ("ee_gamma",)),
    Case("neutrinos", "zprime", "e- e+ > mu- mu+ (zp > nu_mu anti-nu_mu)", ZP,
         (*QED, "mumu_zp", "numunumu_zp")),
    Case("photon_ap", "idm", "e- e+ > gamma ap", IDM, ("ee_gamma", "ee_ap")),
    Case("two_photons_ap", "idm", "e- e+ > gamma gamma ap", IDM, ("ee_gamma", "ee_ap")),
    Case("chi_pair", "idm", "e- e+ > chi1 chi2", IDM, ("ee_ap", "chi2_chi1_ap")),
    Case("chi1_pair_ap", "idm", "e- e+ > ap chi1 chi1", IDM_OPEN, DARK_PAIR,
         near="e- e+ > ap (hp > chi1 chi1)"),
    Case("chi1_pair_electrons", "idm", "e- e+ > chi1 chi1 e- e+", IDM, DARK_PAIR, widths=STABLE),
    Case("photon_fusion", "alp", "e- e+ > e- e+ alp", ALP, ("ee_gamma", "gamma_gamma_alp")),
    Case("higgs_higgs", "dark_higgs", "e- e+ > ap hp hp", DARK, ("ee_ap", "ap_ap_hp")),
    Case("yukawa_pair", "yukawa", "e- e+ > mu- mu+", YUKAWA,
         (*QED, "ee_sc", "mumu_sc", "ee_ps", "mumu_ps")),
    Case("pseudoscalar", "yukawa", "e- e+ > mu- mu+ (ps > e- e+)", YUKAWA,
         (*QED, "ee_ps", "mumu_ps"), process="mumu_ps"),
    Case("four_muons_yukawa", "yukawa", "e- e+ > mu- mu+ mu- mu+", YUKAWA,
         (*QED, "mumu_sc", "mumu_ps"), near="e- e+ > mu- mu+ (sc > mu- mu+)"),
)  # fmt: skip


def cases() -> Iterator[Case]:
    """Yield the processes of the registry, one case for each chain, and the others."""
    for name, process_name, point in REGISTRY:
        process = find_process(load_model(name), process_name)
        for number, chain in enumerate(process.chains(), start=1):
            what = f"{name} {process_name} {number}"
            yield Case(what, name, str(chain), point, process.interactions, process_name)
    yield from OTHERS


def rounded(value: float) -> float:
    """Return the value that MadGraph's program reads."""
    return float(f"{value:.{DIGITS - 1}e}")


class Numbers:
    """What the parameter card of a case says: `card` by block and code, `externals` by name."""

    def __init__(self, case: Case, model: SignalModel, collected: Content) -> None:
        defaults = {n: p.default for n, p in model.parameters.items() if p.default is not None}
        self.parameters = defaults | dict(case.point)
        columns = {name: np.array([value]) for name, value in self.parameters.items()}
        deriver = Deriver(model)
        held = {entry.pdg_id for entry in collected.particles}
        particles = [entry for entry in model.particles.values() if entry.pdg_id in held]
        masses = deriver.evaluate([entry.mass for entry in particles], columns)
        self.masses = {p.name: float(m[0]) for p, m in zip(particles, masses, strict=True)}
        self.widths = {entry.name: self.width(case, entry) for entry in particles}
        derived = {name: float(value[0]) for name, value in deriver.compute(columns).items()}
        derived |= {e.width: self.widths[e.name] for e in particles if e.width is not None}
        self.card: dict[tuple[str, int], float] = {}
        self.externals: dict[str, float] = {}
        self.constants: dict[str, float] = {}
        for external in collected.externals:
            value = {**derived, **self.parameters, "alpha": 1 / ALPHA}.get(
                external.source, external.default
            )
            key = external.block.lower(), external.code[0]
            self.card[key] = self.externals[external.name] = rounded(value)
            if external.kind == "constant":
                self.constants[external.source] = rounded(value)

    def width(self, case: Case, particle: Particle) -> float:
        """Return the width that is set for a particle."""
        if particle.width is None:
            return 0.0
        ratio = WIDTH_TO_MASS.get(particle.name, SMALL_WIDTH_TO_MASS)
        return case.widths.get(particle.name, rounded(ratio * self.masses[particle.name]))


def boosted(momentum: Momentum, mother: Momentum, mass: Real) -> Momentum:
    """Return a momentum of the rest frame of *mother* in the frame that sees *mother*."""
    along = momentum[1:] @ mother[1:]
    energy = (momentum[0] * mother[0] + along) / mass
    flight = momentum[1:] + mother[1:] * (momentum[0] + energy) / (mother[0] + mass)
    return np.concatenate([[energy], flight])


def two_body(
    mother: Momentum, mass: Real, masses: tuple[Real, Real], rng: np.random.Generator
) -> tuple[Momentum, Momentum]:
    """Return the momenta of two particles that come from one of *mass*, in a random direction."""
    first, second = masses
    low, high = mass**2 - (first + second) ** 2, mass**2 - (first - second) ** 2
    size = np.sqrt(low * high) / (2 * mass)
    cosine = Real(rng.uniform(-1, 1))
    azimuth = Real(rng.uniform(-np.pi, np.pi))
    sine = np.sqrt(1 - cosine**2)
    way = size * np.array([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], dtype=Real)
    ours = np.concatenate([[np.sqrt(first**2 + size**2)], way])
    theirs = np.concatenate([[np.sqrt(second**2 + size**2)], -way])
    return boosted(ours, mother, mass), boosted(theirs, mother, mass)


class Sampler:
    """Draws phase-space points of a chain, in extended precision."""

    def __init__(self, model: SignalModel, numbers: Numbers, seed: Iterable[int]) -> None:
        self.model, self.numbers = model, numbers
        self.rng = np.random.default_rng(list(seed))

    def point(self, chain: Chain) -> list[list[float]]:
        """Return the momenta of all legs, beams first, then the leaves of the chain in order."""
        masses = [self.numbers.masses[self.model.particles[name].name] for name in chain.initial]
        if masses[0] != masses[1]:
            raise ValueError(f"the beams of {chain} have different masses")
        energy = Real(SQRT_S) / 2
        along = np.sqrt(energy**2 - Real(masses[0]) ** 2)
        beams = [np.array([energy, 0, 0, sign * along], dtype=Real) for sign in (1, -1)]
        total = np.array([2 * energy, 0, 0, 0], dtype=Real)
        for _ in range(ATTEMPTS):
            drawn = [(node, self.virtual(node)) for node in chain.final]
            leaves = self.decay(total, 2 * energy, drawn)
            if leaves is not None:
                return [[float(x) for x in momentum] for momentum in (*beams, *leaves)]
        raise ValueError(f"{chain} is closed")

    def virtual(self, node: Node) -> Real:
        """Return the mass of a particle, off its shell where it decays."""
        name = self.model.particles[node.particle].name
        mass, width = Real(self.numbers.masses[name]), Real(self.numbers.widths[name])
        if not node.daughters:
            return mass
        return np.sqrt(mass**2 + Real(self.rng.uniform(-SPREAD, SPREAD)) * mass * width)

    def decay(
        self, mother: Momentum, mass: Real, drawn: list[tuple[Node, Real]]
    ) -> list[Momentum] | None:
        """Split *mother* into particles one after the other; None where the masses do not fit."""
        (node, first), *others = drawn
        if not others:
            if not node.daughters:
                return [mother]
            return self.decay(mother, mass, [(n, self.virtual(n)) for n in node.daughters])
        least = sum(other for _, other in others)
        if first + least >= mass:
            return None
        rest = least
        if len(others) > 1:
            rest += Real(self.rng.uniform(0, 1)) * (mass - first - least)
        ours, theirs = two_body(mother, mass, (first, rest), self.rng)
        leaves = self.decay(ours, first, [(node, first)])
        others_leaves = self.decay(theirs, rest, others)
        return None if leaves is None or others_leaves is None else leaves + others_leaves


def check_momenta(points: list[list[list[float]]], masses: list[float]) -> None:
    """Stop where momenta are not conserved or not on shell."""
    momenta = np.array(points, dtype=Real)
    largest = momenta[:, :, 0].max()
    lost = momenta[:, :2].sum(axis=1) - momenta[:, 2:].sum(axis=1)
    squares = momenta[:, :, 0] ** 2 - (momenta[:, :, 1:] ** 2).sum(axis=2)
    off = (squares - np.array(masses, dtype=Real) ** 2) / momenta[:, :, 0] ** 2
    if max(np.abs(lost).max() / largest, np.abs(off).max()) > PRECISION:
        sys.exit(f"momenta are off by {np.abs(lost).max()} GeV, shells by {np.abs(off).max()}")


def entry(case: Case, work: Path, mg5: str, *, quadruple: bool) -> dict[str, Any]:
    """Return what the file says of one case; `quadruple` holds it against that precision."""
    model = load_model(case.model, TEST_MODELS)
    chain = parse_chain(case.chain)
    collected = content(model, case.interactions, chain.names())
    numbers = Numbers(case, model, collected)
    line = process_line(chain, lambda name: model.particles[name].called(name, "madgraph"))
    files = package(collected)
    key = digest(files | {"line": line.encode()})
    program = Standalone(work / f"{re.sub(r'[^a-z0-9]+', '_', case.name)}-{key[:8]}", mg5)
    program.make(files, line)
    legs = [*chain.initial, *(node.particle for node in chain.walk() if not node.daughters)]
    if program.legs() != [model.particles[name].id_of(name) for name in legs]:
        sys.exit(f"{case.name}: MadGraph's legs are {program.legs()}")
    sampler = Sampler(model, numbers, [SEED, *case.name.encode()])
    chains = [chain, parse_chain(case.near or case.chain)]
    points = [sampler.point(chains[i % 2]) for i in range(POINTS)]
    check_momenta(points, [numbers.masses[model.particles[name].name] for name in legs])
    program.set_card(numbers.card)
    values, found = program.run(points)
    if quadruple:
        exact, _ = program.quadruple(work).run(points)
        off = max(abs(a / b - 1) for a, b in zip(values, exact, strict=True))
        print(f"{case.name}: {off:.2g} off quadruple precision", flush=True)
        if off > ROUNDING:
            sys.exit(f"{case.name}: rounding is too large")
    couplings = evaluate(program.folder / "ufo", numbers.externals).couplings
    couplings = {name.removeprefix("V_"): value for name, value in couplings.items()}
    check_couplings(case, found, couplings)
    return {
        "name": case.name,
        "model": case.model,
        "process": case.process,
        "lines": [line],
        "chain": case.chain,
        "interactions": list(couplings),
        "parameters": {name: numbers.parameters[name] for name in case.point},
        "constants": numbers.constants,
        "particles": {
            name: {"mass": mass, "width": numbers.widths[name]}
            for name, mass in numbers.masses.items()
        },
        "couplings": {name: [value.real, value.imag] for name, value in couplings.items()},
        "diagrams": program.diagrams(),
        "denominator": program.denominator(),
        "external": legs,
        "momenta": points,
        "value": values,
    }


def check_couplings(
    case: Case, found: Mapping[str, complex], couplings: Mapping[str, complex]
) -> None:
    """Stop where a coupling in Fortran is not the package's; equal ones share a name there."""
    ours = {f"GC_{name}".upper(): value for name, value in couplings.items()}
    for name, value in found.items():
        if abs(ours[name.upper()] - value) > PRECISION * abs(value):
            sys.exit(f"{case.name}: {name} is {value} in Fortran, {ours[name.upper()]} here")


def written(entries: list[dict[str, Any]]) -> str:
    """Return the file: one line for each phase-space point."""
    blocks = []
    for one in entries:
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in one.items()
                 if key not in ("momenta", "value")]  # fmt: skip
        points = ",\n   ".join(json.dumps(p, separators=(",", ":")) for p in one["momenta"])
        lines += [f'  "momenta": [\n   {points}]', f'  "value": {json.dumps(one["value"])}']
        blocks.append(" {\n" + ",\n".join(lines) + "\n }")
    head = f'{{"schema": 1,\n"origin": {json.dumps(ORIGIN)},\n"processes": [\n'
    return head + ",\n".join(blocks) + "\n]}\n"


def main() -> None:
    """Make what is missing and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for MadGraph's output")
    parser.add_argument("--only", default="", help="only cases that contain this text; print them")
    parser.add_argument("--quadruple", action="store_true", help="find the effect of rounding")
    options = parser.parse_args()
    mg5 = os.environ.get("MCBOOK_MG5")
    if mg5 is None:
        sys.exit("set MCBOOK_MG5 to the path of mg5_aMC")
    entries = []
    for case in cases():
        if options.only not in case.name:
            continue
        program = str(Path(mg5).resolve())
        entries.append(entry(case, options.work, program, quadruple=options.quadruple))
        last = entries[-1]
        spread = f"{min(last['value']):.4g} to {max(last['value']):.4g}"
        print(
            f"{case.name}: {last['diagrams']} diagrams, / {last['denominator']}, {spread}",
            flush=True,
        )
    if not options.only:
        OUTPUT.write_text(written(entries))


if __name__ == "__main__":
    main()
