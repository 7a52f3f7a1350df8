"""Numbers as people write them, and their nine digits."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.numbers import parse_count, parse_number, round9, round9_array

anything = st.floats(width=64)
#: Halfway between two numbers of nine digits, as near as doubles come.
halfway = st.builds(
    lambda digits, power: (digits + 0.5) * 10.0**power,
    st.integers(10**8, 10**9 - 1),
    st.integers(-20, 15),
)


@pytest.mark.thorough
@given(st.lists(anything | halfway, min_size=1, max_size=50))
@example([9.9999999995, 0.99999999949999, 999999999.5, 5e-324, 1.7e308, -0.0])
def test_arrays_round_as_single_numbers_do(values):
    """Rounding many numbers at once gives the same bits as rounding each."""
    expected = [round9(value) for value in values]
    assert np.array_equal(round9_array(np.array(values)), expected, equal_nan=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_nine_digits_stay(value):
    """A rounded number is half a ninth digit away at most; rounded again it stays."""
    rounded = round9(value)
    assert round9(rounded) == rounded
    assert abs(Decimal(rounded) - Decimal(value)) <= Decimal("5.0000001e-9") * abs(Decimal(value))


def test_equal_numbers_agree():
    """1, 1.0 and 0.1 + 0.2 against 0.3 are the same, and there is no negative zero."""
    assert round9(1) == round9(1.0)
    assert round9(0.1 + 0.2) == round9(0.3) == 0.3
    assert math.copysign(1, round9(-0.0)) == 1
    assert math.copysign(1, round9_array(np.array(-0.0))) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1E-3", 0.001), (".5e2", 50.0), ("+3", 3.0), ("-2.", -2.0), (7, 7.0)],
)
def test_numbers_are_read(text, value):
    """Decimal numbers are read in every usual spelling."""
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    ["1_000", "0x10", "0o10", "12:30", "1/137", "nan", "inf", "1e400", "1e80", "1e-80", "", "1 2",
     "\u0661", True, None, [1], 10**400, -math.inf],
)  # fmt: skip
def test_what_is_no_number_is_refused(text):
    """Text that other readers turn into odd numbers, and what is not finite, is refused."""
    with pytest.raises(InputError):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("1_000", "underscores"), ("1;g_prime=1", "write a decimal number"),
     ("-1e-999", "write 0"), ("g_prime", "write a decimal number")],
)  # fmt: skip
def test_the_hint_fits(text, hint):
    """Only a number with underscores is one; a number that is too small is told from zero."""
    with pytest.raises(InputError) as caught:
        parse_number(text)
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["0", "0e-999", "-0.00", ".0"])
def test_zero_is_zero(text):
    """However zero is written, it is zero."""
    assert parse_number(text) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [("50k", 50_000), ("1.5M", 1_500_000), ("1.1k", 1100), ("2e4", 20_000), (300.0, 300), (1, 1),
     ("2 k", 2000)],
)  # fmt: skip
def test_counts_are_read(text, count):
    """Counts take SI suffixes and stay whole."""
    assert parse_count(text) == count


@pytest.mark.parametrize(
    "text",
    ["0", -5, "1.5", "1.0001k", "k", "", "50K", "5m", "1e13", "1e999999999", True, None, "nan"],
)
def test_what_is_no_count_is_refused(text):
    """Zero, fractions of an event, unknown suffixes and absurd numbers are refused."""
    with pytest.raises(InputError):
        parse_count(text)
