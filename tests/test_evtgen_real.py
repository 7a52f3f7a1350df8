"""The real EvtGen reads the cards and does what they mean.

Needs ``MCBOOK_EVTGEN``, a program that runs EvtGen on a card; its contract is in
docs/evtgen-check.md. ``pytest tests/test_evtgen_real.py -s`` prints the table of that page.
"""

import json
import math
import os
import shlex
import subprocess
import sys
import zlib
from collections import Counter

import numpy as np
import pytest
from evtgen_book import ID, Book

from mcbook.generators.evtgen import EvtGen

PROGRAM = os.environ.get("MCBOOK_EVTGEN")
EVENTS = 10_000
SIGMAS = 4.5

pytestmark = [
    pytest.mark.evtgen,
    pytest.mark.skipif(PROGRAM is None, reason="MCBOOK_EVTGEN names no program that runs EvtGen"),
]

H_DARK, A_DARK, ALP, K_STAR = 9900025, 9900022, 9900036, 313
NEW = (H_DARK, A_DARK, ALP)
M_MU, M_PI = 0.1056583755, 0.13957039
PAIRS = {"mumu": (-13, 13), "ee": (-11, 11), "pipi": (-211, 211), "kk": (-321, 321)}

VECTORS = """
schema: 1
name: vectors
title: B to K with vectors
parameters:
  m_v: {default: 1.0, above: 0}
  m_s: {default: 3.0, above: 0}
particles:
  av: {pdg_id: 9900022, spin: 1, charge: 0, mass: m_v, names: {evtgen: A_dark}}
  sc: {pdg_id: 9900025, spin: 0, charge: 0, mass: m_s, names: {evtgen: S_dark}}
interactions:
  pair: {particles: [av, av, sc], lorentz: VVS, coupling: "1"}
derived:
  rate: {expression: "1", unit: "1", source: test}
default_process: main
processes:
  main:
    title: t
    generator: evtgen
    production: rate
    interactions: [pair]
    roles: {m_v: shape, m_s: shape}
    chain: CHAIN
"""


@pytest.fixture(scope="module")
def table():
    """Collect what was measured; the table is printed at the end."""
    rows = []
    yield rows
    lines = ["| card | quantity | EvtGen | expected |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


@pytest.fixture
def launch(tmp_path, request):
    """Return a function that runs EvtGen on the cards of a sample and returns its events."""
    seed = zlib.crc32(request.node.name.encode()) // 2 + 1

    def generate(book, cards, events=EVENTS, **values):
        part = book.part(1, events, seed, **values)
        files = cards | {f"parts/0001/{name}": content for name, content in part.items()}
        for name, content in files.items():
            path = tmp_path / ID / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        output = f"{ID}/parts/0001/events.jsonl"
        if book.settings["aliases"] == "standalone":
            command = shlex.split(book.campaign.command(ID, 1))
            assert book.campaign.outputs(ID, 1) == (output,)
        else:  # basf2 would run it; here the same cards go to EvtGen with Belle II's decay table
            command = [
                *(PROGRAM, "--aliases", "belle2", "--parent", "Upsilon(4S)"),
                *("--decay", f"{ID}/{ID}.dec", "--particles", f"{ID}/{ID}.pdl"),
                *("--events", str(events), "--seed", str(seed), "--output", output),
            ]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "MCBOOK_EVTGEN": PROGRAM},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert EvtGen().read_back(str(tmp_path / output)).events == events
        with (tmp_path / output).open() as lines:
            return Events([Event(json.loads(line)) for line in lines if "particles" in line])

    return generate


@pytest.fixture
def run(launch):
    """Return a function that makes the cards of an accepted sample and runs EvtGen on them."""

    def generate(book, events=EVENTS, **values):
        assert book.accepted(**values) == [True]
        cards = book.campaign.sample_files(book.sample(**values))
        return launch(book, cards, events, **values)

    return generate


class Event:
    """One event as a tree."""

    def __init__(self, record):
        self.particles = record["particles"]
        self.daughters = {}
        for index, particle in enumerate(self.particles):
            self.daughters.setdefault(particle["parent"], []).append(index)

    def below(self, index):
        """Return the particles that this one decays to."""
        return [self.particles[i] for i in self.daughters.get(index, [])]

    def indices(self, *codes):
        """Return the places of particles by PDG id, of either sign."""
        return [i for i, p in enumerate(self.particles) if abs(p["pdg"]) in codes]

    def subtree(self, index):
        """Yield this place and all below it."""
        yield index
        for lower in self.daughters.get(index, []):
            yield from self.subtree(lower)


class Events:
    """All events of a run, with what the tests ask of them."""

    def __init__(self, events):
        self.events = events

    def signal(self, *codes):
        """Yield each signal B with its event and the first new particle below it."""
        for event in self.events:
            for index in event.indices(511, 521):
                new = [i for i in event.subtree(index) if event.particles[i]["pdg"] in codes]
                if new:
                    yield event, index, new[0]

    def worst_balance(self, code):
        """Return the worst component [GeV] of momentum that a decay of the signal B loses."""
        worst = 0.0
        for event, signal_b, _ in self.signal(code):
            for index in event.subtree(signal_b):
                below = event.below(index)
                if below:
                    lost = np.sum([p["p4"] for p in below], axis=0) - event.particles[index]["p4"]
                    worst = max(worst, float(np.abs(lost).max()))
        return worst

    def charges(self, code):
        """Return how often each B decays as signal, by PDG id."""
        return Counter(event.particles[b]["pdg"] for event, b, _ in self.signal(code))

    def modes(self, code):
        """Return how often each final state of *code* came."""
        return Counter(
            tuple(sorted(p["pdg"] for p in event.below(new))) for event, _, new in self.signal(code)
        )

    def values(self, code, key):
        """Return one number of each new particle."""
        return np.array([event.particles[new][key] for event, _, new in self.signal(code)])

    def invariant_masses(self, code):
        """Return the masses [GeV] of the new particle from its four-momentum."""
        momenta = np.array([event.particles[new]["p4"] for event, _, new in self.signal(code)])
        return np.sqrt(square(momenta))

    def flights(self, code):
        """Return decay length over beta gamma [mm], from the vertices."""
        found = []
        for event, _, new in self.signal(code):
            particle, first = event.particles[new], event.below(new)[0]
            path = np.subtract(first["vtx"], particle["vtx"])[1:]
            momentum = np.linalg.norm(particle["p4"][1:])
            mass = math.sqrt(square(np.array(particle["p4"])))
            found.append(np.linalg.norm(path) * mass / momentum)
        return np.array(found)

    def helicity(self, code):
        """Return cos of the angle of the first daughter of a particle in its rest frame.

        Particles are those below a signal B; the axis is the line of flight in the rest frame of
        the mother.
        """
        cosines = []
        for event, signal_b, _ in self.signal(*NEW):
            for index in event.subtree(signal_b):
                particle, below = event.particles[index], event.below(index)
                if abs(particle["pdg"]) != code or not below:
                    continue
                mother = event.particles[particle["parent"]]["p4"]
                frame = boosted(particle["p4"], mother)
                inside = boosted(boosted(below[0]["p4"], mother), frame)[1:]
                axis = frame[1:]
                cosines.append(np.dot(axis, inside) / np.linalg.norm(axis) / np.linalg.norm(inside))
        return np.array(cosines)


def square(momentum):
    """Return the invariant mass squared of four-momenta (E, x, y, z)."""
    return momentum[..., 0] ** 2 - np.sum(momentum[..., 1:] ** 2, axis=-1)


def boosted(momentum, frame):
    """Return a four-momentum in the rest frame of another."""
    momentum, frame = np.asarray(momentum, float), np.asarray(frame, float)
    mass = math.sqrt(square(frame))
    energy = (frame[0] * momentum[0] - frame[1:] @ momentum[1:]) / mass
    factor = (momentum[0] + energy) / (frame[0] + mass)
    return np.array([energy, *(momentum[1:] - factor * frame[1:])])


def compare(table, card, what, values, expected):
    """Check a mean against what it must be, and note both."""
    mean, error = np.mean(values), np.std(values) / math.sqrt(len(values))
    table.append((card, what, f"{mean:.4g} +- {error:.2g}", f"{expected:.4g}"))
    assert abs(mean - expected) < SIGMAS * error, (card, what, mean, error, expected)


def common(table, card, events, code, mass):
    """Check what holds for every card: balance, mass, one signal B of either charge."""
    balance = events.worst_balance(code)
    table.append((card, "worst momentum balance [GeV]", f"{balance:.1e}", "< 1e-3"))
    assert balance < 1e-3
    masses = events.invariant_masses(code)
    assert masses == pytest.approx(mass, abs=1e-6)
    table.append((card, "mass [GeV]", f"{masses.mean():.6g}", f"{mass:.6g}"))
    charges = events.charges(code)
    assert sum(charges.values()) == len(events.events)
    positive = charges[521] + charges[511]
    compare(table, card, "fraction of B (not anti-B) signal",
            np.repeat([1.0, 0.0], [positive, len(events.events) - positive]), 0.5)  # fmt: skip


@pytest.mark.parametrize("channel", PAIRS)
@pytest.mark.parametrize("process", ["bu_k_hp", "b0_kstar_hp"])
def test_each_channel(run, table, process, channel):
    """One channel: every h' decays as said, at its mass, with momentum conserved; K* polarised."""
    book = Book("dark_higgs", f"{process}/{channel}")
    events = run(book, m_hp=1.5, theta=1e-4)
    card = f"{process}/{channel}"
    common(table, card, events, H_DARK, 1.5)
    assert set(events.modes(H_DARK)) == {PAIRS[channel]}
    assert (events.values(H_DARK, "ct") == 0).all()
    compare(table, card, "h' <cos^2>", events.helicity(H_DARK) ** 2, 1 / 3)
    if process == "b0_kstar_hp":
        compare(table, card, "K* <cos^2>", events.helicity(K_STAR) ** 2, 3 / 5)


@pytest.mark.parametrize("process", ["bu_k_hp", "b0_kstar_hp"])
def test_all_channels_at_their_fractions(run, table, process):
    """The plain process makes each open channel as often as the registry says."""
    book = Book("dark_higgs", process)
    events = run(book, m_hp=1.5, theta=1e-4)
    derived = book.sample(m_hp=1.5, theta=1e-4).derived
    weights = {name: derived[f"br_hp_{name}"] for name in PAIRS}
    modes = events.modes(H_DARK)
    assert set(modes) <= set(PAIRS.values())
    for name, weight in weights.items():
        expected = weight / sum(weights.values())
        found = modes[PAIRS[name]] / EVENTS
        error = math.sqrt(expected * (1 - expected) / EVENTS)
        row = process, f"fraction {name}", f"{found:.4f} +- {error:.4f}", f"{expected:.4f}"
        table.append(row)
        assert abs(found - expected) < SIGMAS * error + 1 / EVENTS
    common(table, process, events, H_DARK, 1.5)


@pytest.mark.parametrize("aliases", ["belle2", "standalone"])
def test_lifetime_in_the_table(run, table, aliases):
    """With lifetime: generator the mean proper length is ctau, in the record and in space."""
    book = Book("dark_higgs", "bu_k_hp/mumu", lifetime="generator", aliases=aliases)
    values = {"m_hp": 0.6, "theta": 3e-4}
    events = run(book, **values)
    expected = book.sample(**values).derived["ctau_hp"]
    card = f"bu_k_hp/mumu, lifetime: generator, {aliases}"
    common(table, card, events, H_DARK, 0.6)
    compare(table, card, "proper length [mm]", events.values(H_DARK, "ct"), expected)
    compare(table, card, "flight / (beta gamma) [mm]", events.flights(H_DARK), expected)


def test_axion(run, table):
    """B -> K a, a -> gamma gamma from a stand-alone card, run by its own command."""
    events = run(Book("alp", "bu_k_a", aliases="standalone"), m_a=0.3, g_aww=1e-4)
    common(table, "bu_k_a", events, ALP, 0.3)
    assert set(events.modes(ALP)) == {(22, 22)}
    compare(table, "bu_k_a", "a <cos^2>", events.helicity(ALP) ** 2, 1 / 3)


@pytest.mark.parametrize(("process", "code"), [("bu_k_hp", 521), ("b0_kstar_hp", 511)])
def test_both_b_mesons(run, process, code):
    """signal_b: both gives two signal decays in each event."""
    book = Book("dark_higgs", f"{process}/mumu", signal_b="both")
    events = run(book, events=2000, m_hp=1.5, theta=1e-4)
    found = Counter(abs(e.particles[b]["pdg"]) for e, b, _ in events.signal(H_DARK))
    assert found == {code: 4000}


def test_neutral_b_mesons_mix(run, table):
    """The two B0 have the same flavour in chi_d of all events, x = Delta m_d tau."""
    events = run(Book("dark_higgs", "b0_kstar_hp/mumu"), m_hp=1.5, theta=1e-4)
    same = []
    for event in events.events:
        first, second = (event.particles[i]["pdg"] for i in event.daughters[0])
        same.append(float(first == second))
    x = 0.5069 * 0.45718350 / 0.299792458  # ctau [mm] of EvtGen's table over c [mm/ps]
    compare(table, "b0_kstar_hp/mumu", "same-flavour pairs", same, x**2 / (2 * (1 + x**2)))


def test_a_closed_decay_would_go_unnoticed(launch):
    """What `check` refuses is what EvtGen runs without an error, losing energy."""
    book = Book("dark_higgs", "bu_k_hp/mumu")
    assert book.accepted(m_hp=4.9, theta=1e-4) == [False]
    cards = book.campaign.sample_files(book.sample(m_hp=4.7, theta=1e-4))
    cards[f"{ID}.pdl"] = cards[f"{ID}.pdl"].replace(b"  4.7  ", b"  4.9  ")
    events = launch(book, cards, events=100, m_hp=4.7, theta=1e-4)
    assert events.worst_balance(H_DARK) > 1e-2


@pytest.fixture
def vectors(tmp_path):
    """Return a function that makes a book of B -> K with vectors."""

    def make(chain):
        folder = tmp_path / "models"
        folder.mkdir()
        (folder / "vectors.yaml").write_text(VECTORS.replace("CHAIN", json.dumps(chain)))
        return Book("vectors", "main", models_dir=folder)

    return make


@pytest.mark.parametrize("pair", ["mu- mu+", "pi+ pi-"])
def test_vector_from_a_b_is_longitudinal(run, table, vectors, pair):
    """B -> K A': the A' has helicity 0, so that leptons go as 1 - b^2 cos^2, pions as cos^2."""
    events = run(vectors(f"B+ > K+ (av > {pair})"), m_v=1.0)
    common(table, f"B -> K A', A' -> {pair}", events, A_DARK, 1.0)
    beta2 = 1 - (2 * M_MU / 1.0) ** 2
    lepton = (1 / 3 - beta2 / 5) / (1 - beta2 / 3)
    expected = lepton if "mu" in pair else 3 / 5
    compare(table, f"B -> K A', A' -> {pair}", "A' <cos^2>", events.helicity(A_DARK) ** 2, expected)


def test_pairs_of_vectors(run, table, vectors):
    """S -> A'A' by g^(mu nu): with A' -> pi pi the rate goes as (q1.q2)^2, q = p(pi+) - p(pi-).

    That is checked by moments of the angles against phase space weighted with it, made here. The
    moment with the azimuth fixes the sign between H0 and H+-.
    """
    m_s, m_v = 2.5, 0.6
    events = run(vectors("B+ > K+ (sc > (av > pi+ pi-) (av > pi+ pi-))"), m_s=m_s, m_v=m_v)
    common(table, "S -> A'A' -> 4 pi", events, H_DARK, m_s)
    found = np.array([_pair_moments(event, new) for event, _, new in events.signal(H_DARK)])
    expected = _weighted_moments(m_s, m_v)
    for i, name in enumerate(["<cos^2 th1>", "<cos^2 th1 cos^2 th2>", "<n1.n2 in the plane>"]):
        compare(table, "S -> A'A' -> 4 pi", name, found[:, i], expected[i])


def _pair_moments(event, new):
    scalar = event.particles[new]["p4"]
    axis, directions = None, []
    for index in event.daughters[new]:
        vector = boosted(event.particles[index]["p4"], scalar)
        pion = next(p for p in event.below(index) if p["pdg"] > 0)
        direction = boosted(boosted(pion["p4"], scalar), vector)[1:]
        directions.append(direction / np.linalg.norm(direction))
        axis = vector[1:] / np.linalg.norm(vector[1:]) if axis is None else axis
    return _moments(axis, *directions)


def _moments(axis, first, second):
    along1, along2 = first @ axis, second @ axis
    across = first @ second - along1 * along2
    return along1**2, along1**2 * along2**2, across * along1 * along2


def _weighted_moments(m_s, m_v):
    """Return moments of phase space weighted with (q1.q2)^2, from four-vectors."""
    rng = np.random.default_rng(1)
    first, second = (_directions(rng, 400_000) for _ in range(2))
    energy = m_s / 2
    momentum = math.sqrt(energy**2 - m_v**2)
    size = math.sqrt(m_v**2 / 4 - M_PI**2)

    def difference(direction, sign):
        """Boost q = 2 k (0, n) of a pair from the rest frame of its vector along +-z."""
        q = 2 * size * direction
        gamma, beta_gamma = energy / m_v, sign * momentum / m_v
        return np.stack([beta_gamma * q[:, 2], q[:, 0], q[:, 1], gamma * q[:, 2]], axis=1)

    q1, q2 = difference(first, 1), difference(second, -1)
    weights = (q1[:, 0] * q2[:, 0] - np.sum(q1[:, 1:] * q2[:, 1:], axis=1)) ** 2
    along1, along2 = first[:, 2], second[:, 2]
    across = np.sum(first * second, axis=1) - along1 * along2
    moments = [along1**2, along1**2 * along2**2, across * along1 * along2]
    return [np.average(moment, weights=weights) for moment in moments]


def _directions(rng, size):
    cosine, azimuth = rng.uniform(-1, 1, size), rng.uniform(0, 2 * math.pi, size)
    sine = np.sqrt(1 - cosine**2)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=1)
