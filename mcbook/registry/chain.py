"""Production and decay chains as one line of text.

``"e- e+ > (ap > chi1 (chi2 > chi1 e- e+)) (hp > mu- mu+)"`` says that e- e+ make an A' and an h';
a particle in parentheses decays, one without leaves as it is. The electron comes first, so that it
flies along +z as at Belle II.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mcbook.errors import InputError

_TOKEN = re.compile(r"\s*([()>]|[^\s()>]+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A particle of a chain with what it decays to; no daughters means that it leaves undecayed."""

    particle: str
    daughters: tuple["Node", ...] = ()

    def walk(self) -> Iterator["Node"]:
        """Yield this node and every node below it, mothers first."""
        yield self
        for daughter in self.daughters:
            yield from daughter.walk()

    def __str__(self) -> str:
        """Return the text that `parse_chain` reads."""
        if not self.daughters:
            return self.particle
        return f"({self.particle} > {' '.join(map(str, self.daughters))})"


@dataclass(frozen=True, slots=True)
class Chain:
    """Initial particles (two beams, or one decaying particle) and the nodes that they make."""

    initial: tuple[str, ...]
    final: tuple[Node, ...]

    def walk(self) -> Iterator[Node]:
        """Yield every node below the initial state, mothers first."""
        for node in self.final:
            yield from node.walk()

    def decays(self) -> Iterator[Node]:
        """Yield the nodes that decay."""
        return (node for node in self.walk() if node.daughters)

    def names(self) -> frozenset[str]:
        """Return the names of all particles, initial ones included."""
        return frozenset(self.initial) | {node.particle for node in self.walk()}

    def leaves(self) -> frozenset[str]:
        """Return the names of the particles that come out in the end."""
        return frozenset(node.particle for node in self.walk() if not node.daughters)

    def __str__(self) -> str:
        """Return the text that `parse_chain` reads."""
        return f"{' '.join(self.initial)} > {' '.join(map(str, self.final))}"


def parse_chain(text: str) -> Chain:
    """Read a chain.

    Raises
    ------
    InputError
        If the text is not a chain; the message shows the place.
    """
    tokens = _TOKEN.findall(text)
    if ">" not in tokens:
        raise _broken(text, "a chain needs one '>' between what comes in and what goes out")
    split = tokens.index(">")
    initial = tuple(tokens[:split])
    if len(initial) not in (1, 2) or any(token in "()" for token in initial):
        raise _broken(text, "one decaying particle or two beams stand before the first '>'")
    nodes, rest = _nodes(tokens[split + 1 :], text)
    if rest:
        raise _broken(text, f"{rest[0]!r} is one too many")
    if not nodes:
        raise _broken(text, "nothing stands after '>'")
    return Chain(initial, nodes)


def _nodes(tokens: list[str], text: str) -> tuple[tuple[Node, ...], list[str]]:
    """Read nodes up to a closing parenthesis or the end."""
    nodes: list[Node] = []
    while tokens and tokens[0] != ")":
        if tokens[0] == ">":
            raise _broken(text, "a decay is written in parentheses: (zp > mu- mu+)")
        if tokens[0] != "(":
            nodes.append(Node(tokens[0]))
            tokens = tokens[1:]
            continue
        if len(tokens) < 3 or tokens[1] in "()>" or tokens[2] != ">":  # noqa: PLR2004
            raise _broken(text, "a decay is written (mother > daughters)")
        daughters, rest = _nodes(tokens[3:], text)
        if not rest:
            raise _broken(text, "a parenthesis is not closed")
        if len(daughters) < 2:  # noqa: PLR2004
            raise _broken(text, f"{tokens[1]} needs two daughters or more")
        nodes.append(Node(tokens[1], daughters))
        tokens = rest[1:]
    return tuple(nodes), tokens


def _broken(text: str, why: str) -> InputError:
    return InputError(
        f"the chain {text!r} cannot be read: {why}",
        hint="for example: e- e+ > mu- mu+ (zp > mu- mu+)",
    )
