"""Particles, vertices and momenta for tests of amplitudes and of what samples them."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from mcbook.amplitudes.theory import Field, Theory
from mcbook.generators import _collision as collision
from mcbook.registry.chain import parse_chain
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model
from mcbook.sampling.sampler import Sampler
from mcbook.sampling.shapes import Shapes
from mcbook.sampling.sources import CascadeSource, sources
from mcbook.sampling.tree import Collision, Tree, resonances
from mcbook.ufo.content import STRUCTURES, phase_of

DATA = Path(__file__).parent / "data"
SQRT_S = 10.58
M_E, M_MU = 0.51099895e-3, 0.1056583755
CHARGE = np.sqrt(4 * np.pi / 137.035999)
VECTOR = "Gamma(3,2,1)"


@cache
def frozen():
    """Return the squared amplitudes that MadGraph computed."""
    return json.loads((DATA / "squared_amplitudes.json").read_text(encoding="utf-8"))["processes"]


def model_of(name):
    """Return a model that mcbook ships, or one for tests."""
    return load_model(name, DATA) if (DATA / f"{name}.yaml").is_file() else load_model(name)


def theory_of_frozen(entry):
    """Return the theory and the chain of what MadGraph computed."""
    model = model_of(entry["model"])
    fields = [
        field_of(model.particles[name], numbers["mass"], numbers["width"])
        for name, numbers in entry["particles"].items()
    ]
    vertices = [
        vertex_of(model.interactions[name], complex(*entry["couplings"][name]))
        for name in entry["interactions"]
    ]
    return Theory(fields, vertices), parse_chain(entry["chain"])


def field_of(particle, mass, width):
    """Return a particle of the registry with numbers."""
    spin = round(2 * particle.spin) + 1
    anti = particle.anti or particle.name
    return Field(particle.name, anti, particle.pdg_id, spin, mass, width)


def vertex_of(interaction, coupling):
    """Return an interaction of the registry with a number."""
    structure = STRUCTURES[interaction.lorentz][1]
    return interaction.name, interaction.particles, structure, coupling


def point(model_name, process_name, **parameters):
    """Return theory, process, collision and all values of the registry at a point."""
    model = load_model(model_name)
    process = find_process(model, process_name)
    deriver = Deriver(model, sqrt_s=SQRT_S)
    given = {name: entry.default for name, entry in model.parameters.items()} | parameters
    columns = {
        name: np.array([np.nan if value is None else float(value)]) for name, value in given.items()
    }
    values = columns | deriver.compute(columns)
    values = deriver.fixed | {name: float(column[0]) for name, column in values.items()}
    interactions = [model.interactions[name] for name in process.interactions]
    names = process.particle_names().union(*(entry.particles for entry in interactions))
    particles = {model.particles[name].name: model.particles[name] for name in sorted(names)}
    fields = [
        field_of(p, float(p.mass.evaluate(values)), values[p.width] if p.width else 0.0)
        for p in particles.values()
    ]
    vertices = [
        vertex_of(entry, 1j ** phase_of(entry) * float(entry.coupling.evaluate(values)))
        for entry in interactions
    ]
    settings = collision.common(model, process, {}, ("gamma_cos_theta_max", "gamma_e_min"))
    wanted = Collision(SQRT_S, settings["bwcutoff"], settings["cuts"])
    return Theory(fields, vertices), process, wanted, values


def with_width(theory, name, width):
    """Return a theory with another width of one particle."""
    fields = {field.name: field for field in theory.fields.values()}
    fields[name] = replace(fields[name], width=width)
    vertices = [(v.name, v.particles, v.structure.text, v.coupling) for v in theory.vertices]
    return Theory(fields.values(), vertices)


def qed(m_e=M_E, m_mu=M_MU, *, vertices=(), fields=()):
    """Return electrons, muons and photons, and more."""
    return Theory(
        [
            Field("e-", "e+", 11, 2, m_e),
            Field("mu-", "mu+", 13, 2, m_mu),
            Field("gamma", "gamma", 22, 3, 0.0),
            *fields,
        ],
        [
            ("ee_gamma", ("e+", "e-", "gamma"), VECTOR, -1j * CHARGE),
            ("mumu_gamma", ("mu+", "mu-", "gamma"), VECTOR, -1j * CHARGE),
            *vertices,
        ],
    )


def dot(p, q):
    """Minkowski product of momenta (4, n)."""
    return p[0] * q[0] - (p[1:] * q[1:]).sum(axis=0)


def lorentz(generators):
    """Return the Lorentz transformation of three rapidities and three angles."""
    from scipy.linalg import expm

    (a, b, c), (x, y, z) = generators[:3], generators[3:]
    return expm(np.array([[0, a, b, c], [a, 0, -z, y], [b, z, 0, -x], [c, -y, x, 0]], dtype=float))


def decayed(rng, total, masses):
    """Return momenta (4, n) of what *total* comes apart into, one after the other: not uniform."""
    if len(masses) == 1:
        return [total]
    mass = np.sqrt(dot(total, total))
    least = sum(masses[1:])
    if len(masses) == 2:
        rest = np.full_like(mass, masses[1])
    else:
        rest = least + (mass - masses[0] - least) * (0.05 + 0.9 * rng.random(len(mass)))
    energy = (mass**2 + masses[0] ** 2 - rest**2) / (2 * mass)
    size = np.sqrt(energy**2 - masses[0] ** 2)
    axis = rng.standard_normal((3, len(mass)))
    axis *= size / np.sqrt((axis**2).sum(axis=0))
    along = (total[1:] * axis).sum(axis=0)
    found = np.empty_like(total)
    found[0] = (total[0] * energy + along) / mass
    found[1:] = axis + total[1:] * (along / (total[0] + mass) + energy) / mass
    return [found, *decayed(rng, total - found, masses[1:])]


def beams(m_first, m_second, n, sqrt_s=SQRT_S):
    """Return two beams along z, shape (4, n)."""
    e1 = (sqrt_s**2 + m_first**2 - m_second**2) / (2 * sqrt_s)
    p = np.sqrt(e1**2 - m_first**2)
    return [
        np.outer([e1, 0.0, 0.0, p], np.ones(n)),
        np.outer([sqrt_s - e1, 0.0, 0.0, -p], np.ones(n)),
    ]


def scattering(rng, coming, going, n, sqrt_s=SQRT_S):
    """Return momenta of two beams and of what comes out, by their masses."""
    first, second = beams(*coming, n, sqrt_s)
    return [first, second, *decayed(rng, first + second, list(going))]


def draw(what, count=20000, *, method=None, seed=1, is_correlated=True):
    """Return momenta of all nodes of so many events, (nodes, 4, n), and the sampler.

    *what* is theory, chain and collision.
    """
    theory, chain, collision = what
    rng = np.random.default_rng(seed)
    tree = Tree(theory, chain)
    if is_correlated:
        found = sources(0, tree, collision, rng, method)
    else:
        shapes = Shapes(tree, collision, resonances(tree, collision))
        found = [CascadeSource(0, shapes, rng, is_correlated=False)]
    sampler = Sampler(found, rng)
    parts, there = [], 0
    for block in sampler.blocks():
        nodes = [np.stack(events.momenta) for events in block]
        order = np.argsort(np.concatenate([events.places for events in block]))
        parts.append(np.concatenate(nodes, axis=2)[..., order])
        there += parts[-1].shape[2]
        if there >= count:
            break
    assert sampler.overflow < 1e-3
    return np.concatenate(parts, axis=2)[..., :count], sampler
