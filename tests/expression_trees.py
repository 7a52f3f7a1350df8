"""Expressions at random: strategies that make trees of them."""

from hypothesis import assume
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.expressions import parse
from mcbook.registry.expressions.nodes import (
    CANONICAL,
    Absence,
    Arithmetic,
    Call,
    Comparison,
    Logic,
    Membership,
    Name,
    Negation,
    Negative,
    Number,
)

NAMES = ("a", "b", "c")

literals = (
    st.integers(0, 5).map(float) | st.sampled_from([0.5, 0.25, 1e-3, 1e10]) | st.floats(1e-6, 1e6)
).map(Number)
leaves = literals | st.sampled_from([Name(name) for name in NAMES])


def powers(inner):
    """Return squares and cubes."""
    return st.builds(
        lambda a, n: Arithmetic("**", a, Number(n)), inner, st.sampled_from([2.0, 3.0])
    )


def arithmetic(inner, operators="+-*/"):
    """Return what every language computes alike."""
    return (
        st.builds(Arithmetic, st.sampled_from(operators), inner, inner)
        | st.builds(Negative, inner)
        | st.builds(lambda f, x: Call(f, (x,)), st.sampled_from(["abs", "floor", "ceil"]), inner)
        | st.builds(lambda f, *x: Call(f, x), st.sampled_from(["min", "max"]), inner, inner)
    )


def conditions(numbers):
    """Return conditions over numbers, joined and negated."""
    compared = st.builds(
        lambda ops, xs: Comparison(tuple(ops), tuple(xs[: len(ops) + 1])),
        st.lists(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), min_size=1, max_size=2),
        st.lists(numbers, min_size=3, max_size=3),
    )
    members = st.lists(literals, min_size=1, max_size=3).map(tuple)
    listed = st.builds(Membership, numbers, members, st.booleans())
    absent = st.builds(Absence, st.sampled_from([Name(name) for name in NAMES]), st.booleans())
    return st.recursive(
        compared | listed | absent,
        lambda inner: (
            st.builds(Negation, inner)
            | st.builds(Logic, st.sampled_from(["and", "or"]),
                        st.lists(inner, min_size=2, max_size=3).map(tuple))
        ),
        max_leaves=4,
    )  # fmt: skip


def choices(inner):
    """Return what every back end computes to the last bit."""
    return (
        arithmetic(inner, "+-*/%")
        | st.builds(lambda x, n: Arithmetic("**", x, Number(n)),
                    st.sampled_from([Name(name) for name in NAMES]),
                    st.sampled_from([2.0, 3.0, 4.0]))
        | st.builds(lambda x: Call("sqrt", (x,)), inner)
        | st.builds(lambda m, x, y: Call("where", (m, x, y)), conditions(leaves), inner, inner)
    )  # fmt: skip


python_numbers = st.recursive(leaves, lambda x: arithmetic(x) | powers(x), max_leaves=6)
exact_numbers = st.recursive(leaves, choices, max_leaves=5)
exact_conditions = conditions(exact_numbers)
everything = exact_numbers | exact_conditions


def parsed(node):
    """Return the expression of a node; some hold constants that are not defined."""
    try:
        return parse(CANONICAL.text(node))
    except InputError as error:
        said = ("not defined", "exponent")
        if not any(word in error.message for word in said):
            raise
        assume(condition=False)
