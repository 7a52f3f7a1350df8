"""Expressions: their grammar, their values against Python, their text for UFO models."""

import cmath
import contextlib
import math

import numpy as np
import pytest
from expression_trees import NAMES, everything, leaves, parsed, powers, python_numbers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.expressions import SqlColumn, parse
from mcbook.registry.expressions.functions import CALLABLE
from mcbook.registry.expressions.nodes import CANONICAL, Arithmetic, Call, Name, Negative, Number


@given(everything)
def test_canonical_text_comes_back(node):
    """The canonical text of a tree reads as that tree."""
    expression = parsed(node)
    assert expression.node == node
    assert parse(expression.canonical) == expression
    assert parse(expression.canonical).canonical == expression.canonical


@pytest.mark.thorough
@given(everything, st.sampled_from([" ", "  ", "\n", "\t "]))
def test_canonical_text_ignores_spaces_and_brackets(node, space):
    """Spaces and needless brackets change neither the canonical text nor the hash."""
    expression = parsed(node)
    spread = space + f"({expression.canonical})".replace(" ", space) + space
    assert parse(spread).canonical == expression.canonical
    assert hash(parse(spread)) == hash(expression)


@pytest.mark.parametrize(
    "canonical",
    ["a - (b - c)", "a - b - c", "a / (b * c)", "a / b * c", "a - (b + c)", "(a + b) * c", "-a**2",
     "(-a)**2", "a**(-b)", "(a**b)**c", "a**(b**c)", "-(-a)", "a * (-b)", "(a % b) * c",
     "not a < 1 and b < 1", "not (a < 1 and b < 1)", "(a < 1 or b < 1) and c < 1",
     "a < 1 or b < 1 and c < 1", "a < 1 and (b < 1 and c < 1)", "a + b in [1, -2, 1 / 3]",
     "where(a < 1 or b < 1, -a, b)"],
)  # fmt: skip
def test_brackets_that_matter_stay(canonical):
    """The canonical text has the brackets that its meaning needs."""
    expression = parse(canonical)
    assert parse(expression.canonical).node == expression.node
    values = {"a": 3.0, "b": 0.25, "c": -2.0}
    assert np.array_equal(
        expression.evaluate(values), parse(expression.canonical).evaluate(values), equal_nan=True
    )
    assert eval(expression.canonical, {"where": lambda c, a, b: a if c else b}, values) == (  # noqa: S307
        eval(canonical, {"where": lambda c, a, b: a if c else b}, values)  # noqa: S307
    )


def test_canonical_text_ignores_how_numbers_are_written():
    """1e-3, 0.001 and .001 are one number."""
    assert len({parse(f"a < {text}").canonical for text in ("1e-3", "0.001", ".001", "1E-03")}) == 1
    assert parse("2.0*a") == parse("2*a")


@pytest.mark.parametrize(
    ("given_text", "names", "is_boolean"),
    [
        ("0.5 < m_chi1 <= 2 and not (x in [1, 2])", {"m_chi1", "x"}, True),
        ("where(m is None, 1, sqrt(m))", {"m"}, False),
        ("model == 'idm'", {"model"}, True),
        ("-2**2", set(), False),
        ("is_wide == True", {"is_wide"}, True),
    ],
)
def test_names_and_kind(given_text, names, is_boolean):
    """An expression knows its names, and whether it is a condition."""
    expression = parse(given_text)
    assert expression.names == names
    assert expression.is_boolean is is_boolean


@pytest.mark.parametrize(
    ("given_text", "column", "said"),
    [
        ("", 1, "empty"), ("  ", 1, "empty"), ("m_hp < 2 m_chi1", 10, "before 'm_chi1'"),
        ("2m", 1, "not a number"), ("1_000", 1, "not a number"), ("0x1f", 1, "not a number"),
        ("1j", 1, "not a number"), ("a.b", 2, "a dot"), ("a.__class__", 2, "a dot"),
        ("a = 1", 3, "'='"), ("a & b", 3, "'&'"), ("a ^ 2", 3, "'^'"), ("a // b", 3, "'//'"),
        ("true", 1, "'true'"), ("a < 1 AND b < 1", 7, "'AND'"), ("[1]", 1, "before '['"),
        ("a[0]", 2, "before '['"), ("lambda: 1", 7, "':'"), ("é", 1, "letters"),
        ("f(a)", 1, "no function 'f'"), ("__import__('os')", 1, "no function"),
        ("sqrt", 1, "is a function"), ("sqrt()", 1, "one argument"), ("sqrt(a, b)", 1, "not 2"),
        ("atan2(a)", 1, "two arguments"), ("min(a)", 1, "two or more"),
        ("where(a < 1, b)", 1, "three"),
        ("where(a, 1, 2)", 7, "alone is no condition"), ("(a", 3, "')' is missing at the end"),
        ("a)", 2, "before ')'"), ("a <", 4, "at the end"), ("'abc", 1, "closing quote"),
        ("a and b < 1", 1, "alone is no condition"), ("not a", 5, "alone is no condition"),
        ("(a < 1) + 1", 2, "not a condition"), ("(a < 1) < 2", 11, "not compared"),
        ("(a < 1) == True", 12, "a condition is not compared"), ("a + 'x'", 5, "not text"),
        ("a == None", 6, "None is not compared"), ("a is 1", 6, "None"),
        ("1 + 1 is None", 1, "name"),
        ("a < True", 5, "by == with a name"), ("1 == 'x'", 6, "with a name only"),
        ("'x'", 1, "neither"), ("None", 1, "neither"), ("True", 1, "neither"),
        ("a in []", 7, "missing"), ("a in 1", 6, "a list"), ("a in [1, 'x']", 7, "not both"),
        ("a in [b]", 7, "numbers or text only"), ("a < 1 in [1]", 7, "'and' is missing"),
        ("+(a < 1)", 1, "before a number"), ("1/0", 1, "not defined"),
        ("a + log(0)", 5, "not defined"),
        ("sqrt(-1)", 1, "not defined"), ("1e400", 1, "too large"), ("9**9**9**9", 7, "beyond 64"),
        ("a**65", 4, "beyond 64"), ("a**-65", 4, "beyond 64"), ("10**64*10**64", 1, "too large"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_column(given_text, column, said):
    """What is not an expression is refused, with the place."""
    with pytest.raises(InputError) as caught:
        parse(given_text)
    assert f"column {column}: " in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("given_text", "hint"),
    [("sqr(a)", "did you mean 'sqrt'?"), ("ln(a)", "log(x)"), ("pow(a, 2)", "x**y"),
     ("a == null", "None"), ("a && b", "and"), ("a = 1", "==")],
)  # fmt: skip
def test_hints(given_text, hint):
    """What other languages write is answered with what to write here."""
    with pytest.raises(InputError) as caught:
        parse(given_text)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "given_text",
    ["(" * 1000 + "a" + ")" * 900, "-" * 1999 + "a", "not " * 400 + "a < 1", "a" * 2001,
     "+".join(["a"] * 300), "a**" * 300 + "a", "abs(" * 300, "a<" * 999 + "a", "1," * 900],
)  # fmt: skip
def test_size_is_bounded(given_text):
    """Length, depth and number of operations have a bound, whatever the form."""
    with pytest.raises(InputError):
        parse(given_text)


tokens = st.sampled_from(
    [*CALLABLE, "a", "b1", "_", "1", "2.5", "1e9", ".5", "+", "-", "*", "/", "%", "**", "<", "<=",
     "==", "!=", "(", ")", "[", "]", ",", "and", "or", "not", "in", "is", "None", "True", "'x'",
     '"y"', "//", "=", "&", ".", ":", "lambda", "if", "#", "\\", "\n", "9999", "\x00", "é"]
)  # fmt: skip


@settings(deadline=5000, max_examples=300)
@given(st.lists(tokens, max_size=30).map(" ".join) | st.lists(tokens, max_size=12).map("".join)
       | st.text(max_size=40))  # fmt: skip
@example("9**9**9**9**9")
@example("abs(" * 39 + "a" + ")" * 39)
def test_nothing_but_an_input_error(given_text):
    """Whatever the text, it is read or refused, and what is read can be computed and printed."""
    with contextlib.suppress(InputError):
        expression = parse(given_text)
        values = np.array([0.0, -1.5, 1e70, np.nan])
        expression.evaluate(dict.fromkeys(expression.names, values))
        expression.to_sql(lambda name: SqlColumn(name, "number"), "sqlite")
        expression.to_sql(lambda name: SqlColumn(name, "number"), "postgresql")


def python_value(canonical, namespace):
    """Return what Python itself makes of the text; NaN where it makes nothing."""
    functions = {
        "abs": abs, "min": min, "max": max, "floor": math.floor, "ceil": math.ceil,
        "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "__builtins__": {},
    }  # fmt: skip
    try:
        value = eval(canonical, functions, namespace)  # noqa: S307 - the text was made here
    except (ZeroDivisionError, ValueError, OverflowError):
        return math.nan
    return math.nan if isinstance(value, complex) else float(value)


@given(
    python_numbers, st.lists(st.sampled_from([0.0, 0.5, 1.0, -2.0, 3.0]), min_size=3, max_size=3)
)
@example(
    Arithmetic("-", Negative(Arithmetic("**", Name("a"), Number(2.0))), Name("b")), [3.0, 1.0, 0.0]
)
def test_numbers_are_those_of_python(node, values):
    """Precedence, association and values are those of Python."""
    expression = parsed(node)
    namespace = dict(zip(NAMES, values, strict=True))
    expected = python_value(expression.canonical, namespace)
    assume(math.isnan(expected) or abs(expected) < 1e60)
    found = float(expression.evaluate(namespace))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True) or (
        # A sum that cancels keeps the rounding of its largest term.
        abs(found - expected) <= 1e-9 * largest(node, namespace)
    )


def largest(node, namespace):
    """Return the largest size of any part of a number."""
    sizes, rest = [0.0], [node]
    while rest:
        part = rest.pop()
        value = python_value(CANONICAL.text(part), namespace)
        sizes.append(0.0 if math.isnan(value) else abs(value))
        match part:
            case Arithmetic(_, left, right):
                rest += [left, right]
            case Negative(operand):
                rest.append(operand)
            case Call(_, arguments):
                rest += arguments
    return max(sizes)


@pytest.mark.parametrize(
    ("given_text", "value"),
    [
        ("2**3**2", 512), ("-2**2", -4), ("2**-1", 0.5), ("7 / 2", 3.5), ("1 - 2 - 3", -4),
        ("8 / 4 / 2", 1), ("7 % 3", 1), ("-7 % 3", 2), ("7 % -3", -2), ("(-8)**3", -512),
        ("log(100) / log(10)", 2), ("log10(1000)", 3), ("exp(0)", 1), ("floor(-1.5)", -2),
        ("ceil(1.2)", 2), ("atan2(1, -1)", 2.356194490192345), ("acos(-1)", math.pi),
        ("min(3, 1, 2)", 1), ("max(3, 1, 2)", 3), ("where(1 < 2, 5, 6)", 5), ("+3", 3),
        ("1/137.035999", 1 / 137.035999), ("0**0", 1), ("tan(atan(0.3))", 0.3), ("4**0.5", 2),
    ],
)  # fmt: skip
def test_known_values(given_text, value):
    """Operators and functions give their known values."""
    assert float(parse(given_text).evaluate({})) == pytest.approx(value, rel=1e-14)


def test_arrays_broadcast():
    """Arrays broadcast against each other and against numbers."""
    found = parse("a * b + c").evaluate({"a": np.ones((2, 1)), "b": np.arange(3), "c": 1.0})
    assert np.array_equal(found, [[1, 2, 3], [1, 2, 3]])


def test_undefined_is_nan_without_a_warning():
    """What is not defined, infinite, or out of range is NaN, or zero where it is too small."""
    a = np.array([0.0, -1.0, np.inf, 1e200, 1e-200])
    expected = {
        "1/a": [np.nan, -1, np.nan, np.nan, np.nan],
        "sqrt(a)": [0, np.nan, np.nan, np.nan, 0],
        "log(a)": [np.nan] * 5,
        "a**0.5": [0, np.nan, np.nan, np.nan, 0],
        "a**-1": [np.nan, -1, np.nan, np.nan, np.nan],
        "exp(1000 * (a + 1))": [np.nan, 1, np.nan, np.nan, np.nan],
        "exp(-1000 * (a + 2))": [0, 0, np.nan, np.nan, 0],
        "asin(a - 2)": [np.nan] * 5,
        "5 % a": [np.nan, 0, np.nan, np.nan, np.nan],
    }
    for given_text, values in expected.items():
        found = parse(given_text).evaluate({"a": a})
        assert np.array_equal(found, values, equal_nan=True), given_text


def test_conditions_know_three_values():
    """Where a quantity is absent, a comparison neither holds nor fails, and so does its not."""
    a = np.array([0.5, 2.0, np.nan])
    expected = {
        "a < 1": ([1, 0, 0], [0, 1, 0]),
        "not a < 1": ([0, 1, 0], [1, 0, 0]),
        "a != 2": ([1, 0, 0], [0, 1, 0]),
        "a in [2]": ([0, 1, 0], [1, 0, 0]),
        "a not in [2]": ([1, 0, 0], [0, 1, 0]),
        "a < 1 or 1 < 2": ([1, 1, 1], [0, 0, 0]),
        "a < 1 and 1 > 2": ([0, 0, 0], [1, 1, 1]),
        "a is None": ([0, 0, 1], [1, 1, 0]),
        "a is not None and a < 1": ([1, 0, 0], [0, 1, 1]),
        "1 < a < 3": ([0, 1, 0], [1, 0, 0]),
        "where(a < 1, 1, 2) > 0": ([1, 1, 0], [0, 0, 0]),
    }
    for given_text, verdict in expected.items():
        holds, fails = parse(given_text).verdict({"a": a})
        assert np.array_equal(holds, np.array(verdict[0], bool)), given_text
        assert np.array_equal(fails, np.array(verdict[1], bool)), given_text
        assert np.array_equal(parse(given_text).evaluate({"a": a}), holds)


def test_truth_values():
    """Arrays of booleans are compared with True and False and nothing else."""
    flags = np.array([True, False])
    assert parse("f == True").evaluate({"f": flags}).tolist() == [True, False]
    assert parse("f != True").evaluate({"f": flags}).tolist() == [False, True]
    for given_text, values in [("f + 1", flags), ("f < 1", flags), ("f == True", np.ones(2))]:
        with pytest.raises(InputError):
            parse(given_text).evaluate({"f": values})


def test_unknown_names_are_refused():
    """A name that is not there is an error with the nearest one."""
    with pytest.raises(InputError, match="'m_chi'") as caught:
        parse("m_chi + 1").evaluate({"m_chi1": 1.0})
    assert caught.value.hint == "did you mean 'm_chi1'?"
    with pytest.raises(InputError, match="neither a number"):
        parse("model == 1").evaluate({"model": "idm"})


def test_checked_values():
    """A value that is not defined is an error with the quantities at its first place."""
    a = np.array([2.0, 1.0, 0.0])
    assert parse("a + 1").evaluate_checked({"a": a}).tolist() == [3, 2, 1]
    with pytest.raises(InputError, match="'1/a' is not defined for a = 0"):
        parse("1/a").evaluate_checked({"a": a})
    with pytest.raises(InputError, match="not defined for a = 2, b = 2"):
        parse("log(a - b) < 3").evaluate_checked({"a": a, "b": 2.0})
    with pytest.raises(InputError, match="b is absent") as caught:
        parse("a < b").evaluate_checked({"a": a, "b": np.nan})
    assert "b is None" in caught.value.hint


python_ufo = st.recursive(
    leaves,
    lambda x: (
        st.builds(Arithmetic, st.sampled_from("+-*/"), x, x)
        | st.builds(Negative, x)
        | powers(x)
        | st.builds(lambda f, y: Call(f, (y,)), st.sampled_from(["sqrt", "sin", "abs", "log10"]), x)
    ),
    max_leaves=5,
)


@given(python_ufo)
def test_python_text_computes_the_same(node):
    """The text for UFO models gives under cmath what arrays give."""
    expression = parsed(node)
    values = {"a": 0.7, "b": 2.5, "c": 3.0}
    text_ = expression.to_python({"a": "x", "b": "y", "c": "z"})
    expected = float(expression.evaluate(values))
    assume(np.isfinite(expected))
    # Rounding decides what sin of a large number is: such a value is no comparison.
    nudged = float(expression.evaluate({name: v * (1 + 1e-13) for name, v in values.items()}))
    assume(abs(nudged - expected) <= 1e-7 * (1 + abs(expected)))
    renamed = {"x": 0.7, "y": 2.5, "z": 3.0, "cmath": cmath}
    found = eval(text_, {"__builtins__": {"abs": abs}}, renamed)  # noqa: S307 - made here
    assume(abs(complex(found).imag) < 1e-12)
    assert complex(found).real == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_python_text():
    """Floats are written as such, whole exponents as whole numbers, names as they are called."""
    expression = parse("-epsilon*sqrt(4*pi*alpha)*m**2/1e-5")
    names = {"epsilon": "epsilon", "pi": "cmath.pi", "alpha": "aEW", "m": "MZp"}
    expected = "-epsilon * cmath.sqrt(4.0 * cmath.pi * aEW) * MZp**2 / 1e-05"
    assert expression.to_python(names) == expected


@pytest.mark.parametrize(
    "given_text", ["a < 1", "a % 2", "min(a, 1)", "where(a < 1, 1, 2)", "floor(a)"]
)
def test_what_ufo_models_cannot_compute_is_refused(given_text):
    """Conditions and functions without a counterpart are errors, not wrong text."""
    with pytest.raises(InputError, match="UFO"):
        parse(given_text).to_python({"a": "a"})


def test_python_names_must_be_known():
    """A name without a counterpart is an error."""
    with pytest.raises(InputError, match="'b'"):
        parse("a + b").to_python({"a": "a"})
