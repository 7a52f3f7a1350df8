"""What the registry knows about a limits document, in the words of HEPData: units, reactions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.chain import Node
from mcbook.registry.loader import find_process, load_model
from mcbook.registry.model import Process

#: HEPData's names of particles, from its list (hepdata-submission, keywords/partlist.html). It has
#: none for dark photon, dark Higgs, chi and axion-like particle: their reactions are left out.
WORDS: Mapping[str, str] = {
    "gamma": "GAMMA", "e-": "E-", "e+": "E+", "mu-": "MU-", "mu+": "MU+", "tau-": "TAU-",
    "tau+": "TAU+", "pi+": "PI+", "pi-": "PI-", "K+": "K+", "K-": "K-", "B+": "B+", "B-": "B-",
    "B0": "B0", "zp": "ZPRIME",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words for a document.

    Attributes
    ----------
    units
        By parameter or derived quantity; none where it has no dimension.
    productions, decays
        Reactions by channel, as ``E+ E- --> MU+ MU- ZPRIME``; empty where HEPData has no word for a
        particle of it.
    note
        What is not known here, empty where all is.
    """

    units: Mapping[str, str] = field(default_factory=dict)
    productions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""


def vocabulary(document: Mapping[str, Any]) -> Vocabulary:
    """Return the words for a checked limits document.

    Counts and workspaces have none. A signal model or process that is not in this registry is told
    in the note.
    """
    if document["kind"] != "analysis":
        return Vocabulary()
    try:
        model = load_model(document["model"])
        processes = {
            channel: find_process(model, name) for channel, name in document["processes"].items()
        }
    except InputError as error:
        return Vocabulary(note=f"Units and reactions are not known: {error.message}.")
    known = {name: entry.unit for name, entry in model.derived.items()}
    known |= {name: entry.unit for name, entry in model.parameters.items()}
    units = {name: unit for name, unit in known.items() if unit not in {"", "1"}}
    read = {channel: list(_reactions(process)) for channel, process in processes.items()}
    decays = {
        channel: tuple(dict.fromkeys(decay for _, rest in found for decay in rest))
        for channel, found in read.items()
    }
    productions = {
        channel: tuple(dict.fromkeys(first for first, _ in found))
        for channel, found in read.items()
    }
    return Vocabulary(units, productions, decays)


def _reactions(process: Process) -> Iterator[tuple[str, list[str]]]:
    """Yield production and decays of each chain of which HEPData knows all particles."""
    for chain in process.chains():
        if chain.names() <= set(WORDS):
            production = _reaction(chain.initial, chain.final)
            yield production, [_reaction((n.particle,), n.daughters) for n in chain.decays()]


def _reaction(initial: tuple[str, ...], final: tuple[Node, ...]) -> str:
    return f"{_sorted(initial)} --> {_sorted(tuple(node.particle for node in final))}"


def _sorted(particles: tuple[str, ...]) -> str:
    """Return particles with each + before its -, as HEPData writes them."""
    words = [WORDS[particle] for particle in particles]
    bare = [word.rstrip("+-") for word in words]
    order = sorted(range(len(words)), key=lambda i: (bare.index(bare[i]), words[i].endswith("-")))
    return " ".join(words[i] for i in order)
