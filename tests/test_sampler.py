"""The sampler of mcbook's generator: seeds, bounds that were too low, chains side by side, cuts."""

from itertools import islice

import numpy as np
import pytest
import theories
from theories import SQRT_S, dot

from mcbook.errors import InputError, WorkError
from mcbook.registry.chain import parse_chain
from mcbook.sampling import part
from mcbook.sampling.card import Part, Sample
from mcbook.sampling.channels import Channel, channels
from mcbook.sampling.envelope import Envelope
from mcbook.sampling.part import Maker
from mcbook.sampling.sampler import MOST_OVERFLOW, Sampler
from mcbook.sampling.sources import Trials, sources
from mcbook.sampling.tree import Collision, Tree, resonances
from mcbook.units import FB_PER_PB


def sample_of(model, process, **parameters):
    """Return a sample as its card would describe it."""
    theory, found, collision, _ = theories.point(model, process, **parameters)
    return sample_from(theory, tuple(found.chains()), collision)


def sample_from(theory, chains, collision):
    """Return a sample with what events are made from, and nothing else."""
    return Sample("s", "p", chains, theory, collision, 1 / 137.035999, "displacer", {}, {})


DARK = ("dark_higgs", "mumu_inv")


def made(sample, seed, count=3000, method=None):
    """Return all momenta of events in the order of their places, (n, nodes * 4)."""
    blocks, sampler = Maker(sample, method).events(Part("s", 1, count, seed))
    rows = []
    for block in blocks:
        found = [None] * sum(len(events.places) for events in block)
        for events in block:
            flat = np.concatenate(events.momenta).T
            for place, row in zip(events.places, flat, strict=True):
                found[place] = (events.chain, *row)
        rows += found
    return rows, sampler


@pytest.mark.parametrize("method", ["cascade", "channels"])
def test_seeds(method):
    """A seed says everything; another one gives other events of the same cross section."""
    sample = sample_of(*DARK)
    one, first = made(sample, 1, method=method)
    again, _ = made(sample, 1, method=method)
    other, second = made(sample, 2, method=method)
    assert one == again
    assert len(one) == len(other) == 3000
    assert not set(one) & set(other)
    assert len(set(one)) == 3000
    (a, da), (b, db) = first.cross_section, second.cross_section
    assert a == pytest.approx(b, abs=4 * np.hypot(da, db))


def test_fewer_events_are_the_first_of_more():
    """The number of events does not change those that are there; places have no gap."""
    sample = sample_of(*DARK)
    some, _ = made(sample, 5, 100)
    more, _ = made(sample, 5, 5000)
    assert more[:100] == some


def test_low_bounds_are_raised(monkeypatch):
    """With bounds that are half of what they should be, everything is made again with others.

    The angle of the A' then is as the formula says; with the low bounds it is flattened.
    """
    sample = sample_of(*DARK, m_ap=1.0, m_hp=1.5)
    low = []

    class Low(Envelope):
        """Bounds that are too low."""

        def __init__(self, *words, **more):
            super().__init__(*words, **more)
            self.highest *= 0.5
            low.append(self.highest)

    monkeypatch.setattr("mcbook.sampling.sources.Envelope", Low)
    rows, sampler = made(sample, 1, 20000, method="channels")
    assert sampler.overflow <= MOST_OVERFLOW
    (source,) = sampler.sources
    assert source.envelope.highest >= 1.5 * low[-1]
    assert len(low) > 1
    p = np.array(rows)[:, 1:5]
    cosine2 = p[:, 3] ** 2 / (p[:, 1:] ** 2).sum(axis=1)
    p2 = ((SQRT_S**2 - 2.5**2) * (SQRT_S**2 - 0.5**2)) / (4 * SQRT_S**2)
    expected = (2 / 3 + p2 * (1 / 3 - 1 / 5)) / (2 + p2 * 2 / 3)  # m = 1
    assert cosine2.mean() == pytest.approx(expected, abs=4 * cosine2.std() / np.sqrt(len(p)))

    sampler = Maker(sample, "channels").sampler(1)
    list(islice(sampler.blocks(), 3))
    assert sampler.overflow > 10 * MOST_OVERFLOW
    trials = sampler.sources[0].trials(np.random.default_rng(3), 100000)
    bound = sampler.sources[0].envelope.highest
    missing = np.maximum(trials.weights - bound, 0).sum() / trials.weights.sum()
    assert sampler.overflow == pytest.approx(missing, rel=0.1)


def test_hopeless_bounds(monkeypatch):
    """Where no bound is found, that is said, and there are no events."""

    class Hopeless(Envelope):
        """Bounds that are nothing."""

        def __init__(self, *words, **more):
            super().__init__(*words, **more)
            self.highest *= 1e-4

    monkeypatch.setattr("mcbook.sampling.sources.Envelope", Hopeless)
    monkeypatch.setattr(part, "_ATTEMPTS", 2)
    with pytest.raises(WorkError, match="above the bounds") as error:
        made(sample_of(*DARK), 1, 100)
    assert "widths" in error.value.hint


def test_chains_stand_side_by_side():
    """Events of two chains are in every block in the ratio of their cross sections, 1 to 2."""
    sample = sample_of("dark_higgs", "six_leptons/4mu2e", m_ap=1.0, m_hp=2.5, alpha_D=1e-3)
    sampler = Maker(sample).sampler(1)
    chi2, both = 0.0, np.zeros(2)
    for block in islice(sampler.blocks(), 20):
        counts = np.zeros(2)
        for events in block:
            counts[events.chain] += len(events.places)
        places = np.concatenate([events.places for events in block])
        assert sorted(places) == list(range(len(places)))
        total = counts.sum()
        pull = (counts[0] - total / 3) / np.sqrt(total * 2 / 9)
        assert abs(pull) < 4.5
        chi2 += pull**2
        both += counts
        first = next(events for events in block if events.chain == 0)  # shuffled, not one by one
        assert first.places.mean() == pytest.approx(total / 2, abs=5 * total / np.sqrt(12 * 100))
    assert chi2 < 45  # 20 at most: shares of trials are fixed
    assert both[0] / both.sum() == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / both.sum()))
    rates = [sampler.cross_section_of(number)[0] for number in (0, 1)]
    assert rates[1] == pytest.approx(2 * rates[0], rel=0.02)
    assert 0 < sampler.efficiency <= 1


class Fixed:
    """A source of weights that are known: 1 and 3 in equal parts, of a bound of its own."""

    def __init__(self, chain, scale):
        self.chain = chain
        self.scale = scale
        self.envelope = Envelope(
            lambda u: np.full(u.shape[1], 3 * scale), [1], np.random.default_rng(1)
        )

    def trials(self, rng, count):
        """Draw weights."""
        weights = self.scale * np.where(rng.random(count) < 0.5, 1.0, 3.0)
        return Trials(weights, lambda index: [np.broadcast_to(weights[index], (4, len(index)))])


def test_unweighting():
    """Weights of 1 and 3 are kept as 1 to 3, and sources as their means, 2 and 10."""
    sampler = Sampler([Fixed(0, 1.0), Fixed(1, 5.0)], np.random.default_rng(2))
    weights = {0: [], 1: []}
    for block in islice(sampler.blocks(), 30):
        for events in block:
            weights[events.chain].append(events.momenta[0][0])
    one, two = (np.concatenate(weights[number]) for number in (0, 1))
    total = len(one) + len(two)
    assert len(one) / total == pytest.approx(1 / 6, abs=4 * np.sqrt(5 / 36 / total))
    for found, scale in ((one, 1), (two, 5)):
        assert (found == 3 * scale).mean() == pytest.approx(
            0.75, abs=4 * 0.44 / np.sqrt(len(found))
        )
    value, error = sampler.cross_section
    assert value == pytest.approx(12, abs=4 * error)
    trials = [tally.trials for tally in sampler.tallies]
    assert sum(trials) == pytest.approx(30 * 4096 + 2 * 256, abs=2)  # 256 of each come first
    assert error == pytest.approx(
        np.hypot(1 / np.sqrt(trials[0]), 5 / np.sqrt(trials[1])), rel=0.01
    )
    assert sampler.overflow == 0


@pytest.mark.parametrize("method", ["cascade", "channels"])
def test_cuts_hold(method):
    """Photons of the production are within their cuts, and fill them to the end."""
    theory, found, collision, _ = theories.point("idm", "gamma_chi2_ee", alpha_D=1e-3)
    wanted = {"gamma_cos_theta_max": 0.8, "gamma_e_min": 4.86}  # in the middle of a wide A'
    wide = theories.with_width(theory, "ap", 0.3)
    collision = Collision(SQRT_S, collision.window, wanted)
    rows, _ = made(sample_from(wide, tuple(found.chains()), collision), 3, 1500, method)
    p = np.array(rows)[:, 1:5].T
    cosine = p[3] / p[0]
    assert dot(p, p) == pytest.approx(np.zeros(1500), abs=1e-8)
    assert np.abs(cosine).max() <= 0.8
    assert np.abs(cosine).max() > 0.79
    assert p[0].min() >= 4.86
    assert p[0].min() < 4.87


def test_channel_that_finds_nothing(monkeypatch):
    """What a channel without weights leaves out is shared by the others: no rate is lost."""
    theory, found, collision, values = theories.point("zprime", "mumu_inv")
    tree = Tree(theory, next(found.chains()))
    dead = channels(tree, {}, SQRT_S)[0].plans
    draw = Channel.draw

    def drawn(channel, u):
        momenta, weight = draw(channel, u)
        return momenta, weight * (channel.plans != dead)

    monkeypatch.setattr(Channel, "draw", drawn)
    rng = np.random.default_rng(8)
    (source,) = sources(0, tree, collision, rng, "channels")
    weights = np.concatenate([source.trials(rng, 4096).weights for _ in range(10)])
    error = weights.std() / np.sqrt(len(weights))
    assert error < 0.02 * weights.mean()
    expected = values["xsec_mumu_zp"] / FB_PER_PB
    assert weights.mean() == pytest.approx(expected, abs=4 * error)
    monkeypatch.setattr(Channel, "draw", lambda channel, u: [*draw(channel, u)[:1], 0 * u[0]])
    assert sources(0, tree, collision, rng, "channels") == []


def test_closed_process():
    """What is too heavy is refused with numbers, and so is a decay that never is open."""
    with pytest.raises(InputError, match="too light for ap hp"):
        Maker(sample_of(*DARK, m_hp=10.5)).sampler(1)
    with pytest.raises(InputError, match="no events can be made"):
        Sampler([], np.random.default_rng(1))
    theory, _, collision, _ = theories.point(*DARK, m_ap=0.15)
    (chain,) = (parse_chain("e- e+ > (ap > mu- mu+) hp"),)
    with pytest.raises(InputError, match="ap cannot be made and decay"):
        resonances(Tree(theory, chain), collision)


@pytest.mark.parametrize("method", ["cascade", "channels"])
def test_wide_resonance_down_to_no_mass(method):
    """An ALP as wide as heavy, down to two photons of no mass: nothing is divided by zero.

    The rate is that of a narrow one at each mass, under the curve of its propagator:
    (1 - M^2 / s)^3 M^4, of production and decay.
    """
    theory, found, collision, values = theories.point("alp", "gamma_gg", m_a=10.5, g_agg=1.0)
    assert values["width_a"] > 0.5 * values["m_a"]
    (chain,) = found.chains()
    rng = np.random.default_rng(1)
    (source,) = sources(0, Tree(theory, chain), collision, rng, method)
    weights = np.concatenate([source.trials(rng, 4096).weights for _ in range(15)])
    error = weights.std() / np.sqrt(len(weights))
    m, width = values["m_a"], values["width_a"]
    q = np.linspace(0, SQRT_S**2, 200001)
    decay = q**2 / (64 * np.pi)  # mass times width at that mass
    curve = decay / np.pi / ((q - m**2) ** 2 + (m * width) ** 2)
    expected = np.trapezoid(curve * (1 - q / SQRT_S**2) ** 3, q) / FB_PER_PB
    expected *= values["xsec_gamma_a"] / (1 - m**2 / SQRT_S**2) ** 3
    assert error < 5e-3 * expected
    assert weights.mean() == pytest.approx(expected, abs=4 * error + 1e-4 * expected)


def test_cascade_that_does_not_apply():
    """Where more than two come out beside an exchange, only channels are there."""
    tree = Tree(theories.qed(), parse_chain("e- e+ > gamma mu- mu+"))
    collision = Collision(SQRT_S, 15.0, {"gamma_e_min": 0.1})
    with pytest.raises(InputError, match="cannot be made as a cascade: more than two"):
        sources(0, tree, collision, np.random.default_rng(1), "cascade")
    tree = Tree(theories.qed(), parse_chain("e- e+ > mu- mu+ mu- mu+"))
    with pytest.raises(InputError, match="4 particles come out at once"):
        sources(0, tree, collision, np.random.default_rng(1), "cascade")
