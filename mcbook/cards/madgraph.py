"""Chains in the words of MadGraph.

A decay stands behind a comma, one that decays further in parentheses::

    e- e+ > ap hp, (ap > chi1 chi2, chi2 > chi1 e- e+), hp > mu- mu+
"""

from collections.abc import Callable

from mcbook.errors import InputError
from mcbook.registry.chain import Chain, Node

Names = Callable[[str], str]


def process_line(chain: Chain, called: Names) -> str:
    """Return what stands behind ``generate`` for one chain.

    Parameters
    ----------
    chain
        The chain, with the names of the registry.
    called
        Turns a name of the registry into one of the UFO package.

    Raises
    ------
    InputError
        If only some of several identical particles decay: MadGraph would decay them all.
    """
    production = f"{' '.join(map(called, chain.initial))} > {_names(chain.final, called)}"
    return ", ".join([production, *_decays(chain.final, called)])


def undecayed(chain: Chain) -> Chain:
    """Return the production alone, every particle left as it is produced."""
    return Chain(chain.initial, tuple(Node(node.particle) for node in chain.final))


def _names(nodes: tuple[Node, ...], called: Names) -> str:
    return " ".join(called(node.particle) for node in nodes)


def _decays(nodes: tuple[Node, ...], called: Names) -> list[str]:
    """Return the decays of particles that stand beside each other.

    MadGraph applies one decay to all identical mothers, and several decays one to each.
    """
    texts = []
    for particle in dict.fromkeys(node.particle for node in nodes if node.daughters):
        mothers = [node for node in nodes if node.particle == particle]
        if not all(node.daughters for node in mothers):
            raise InputError(
                f"only some of the {particle} in {' '.join(map(str, nodes))} decay",
                hint="MadGraph decays all identical particles: let all of them decay, or none",
            )
        written = [_decay(node, called) for node in mothers]
        texts += list(dict.fromkeys(written)) if len(set(written)) == 1 else written
    return texts


def _decay(node: Node, called: Names) -> str:
    inner = _decays(node.daughters, called)
    text = f"{called(node.particle)} > {_names(node.daughters, called)}"
    return f"({', '.join([text, *inner])})" if inner else text
