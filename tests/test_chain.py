"""Chains: one line of text for production and decays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.chain import Chain, Node, parse_chain

NAMES = st.sampled_from(["e-", "e+", "mu-", "zp", "chi~", "K*0", "anti-K*0", "ap"])
NODES = st.recursive(
    NAMES.map(Node),
    lambda inner: st.builds(Node, NAMES, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    max_leaves=8,
)
CHAINS = st.builds(
    Chain,
    st.lists(NAMES, min_size=1, max_size=2).map(tuple),
    st.lists(NODES, min_size=1, max_size=3).map(tuple),
)


@given(CHAINS)
def test_text_and_chain_are_the_same_thing(chain: Chain) -> None:
    """What a chain prints is read back as the same chain."""
    assert parse_chain(str(chain)) == chain


def test_nested_decays_are_read() -> None:
    """A cascade keeps its mothers and daughters."""
    chain = parse_chain("e- e+ > (ap > chi1 (chi2 > chi1 e- e+)) hp")
    assert chain.initial == ("e-", "e+")
    assert [node.particle for node in chain.decays()] == ["ap", "chi2"]
    assert chain.names() == {"e-", "e+", "ap", "chi1", "chi2", "hp"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e- e+",
        "e- e+ >",
        "e- e+ > (zp > mu- mu+",
        "e- e+ > zp > mu- mu+",
        "e- e+ > (zp > mu-) mu+",
        "e- e+ > zp)",
        "a b c > d",
        "(e-) > d e",
        "e- e+ > (zp mu- mu+)",
    ],
)
def test_what_is_no_chain_is_said(text: str) -> None:
    """A chain that cannot be read is an error of the user, with the text in it."""
    with pytest.raises(InputError, match="cannot be read"):
        parse_chain(text)


@given(st.text(alphabet="ab ()>", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either a chain or an error of the user."""
    try:
        chain = parse_chain(text)
    except InputError:
        return
    assert parse_chain(str(chain)) == chain
