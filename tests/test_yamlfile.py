"""The strict reader of YAML."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.registry.handed import from_mapping
from mcbook.registry.yamlfile import MOST_BYTES, MOST_NODES, parse_text, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E-3", 0.001), (".5e2", 50.0), ("-1.", -1.0), ("+4", 4), ("0", 0),
        ("0.5", 0.5), ("1_000", "1_000"), ("0o10", "0o10"), ("010", "010"), ("0x10", "0x10"),
        ("12:30", "12:30"), ("1/137.036", "1/137.036"), ("2026-11-23", "2026-11-23"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("'1'", "1"), ('"true"', "true"), ("|\n  1\n", "1\n"), ("50k", "50k"),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_show(text, value):
    """A plain scalar is a decimal number, true, false, nothing, or the text that is there."""
    found = parse_text(f"a: {text}").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text():
    """Keys stay as they are written, whatever they look like."""
    assert parse_text("on: 1\n11: 2\n1e-3: 3\nnull: 4").data == {
        "on": 1, "11": 2, "1e-3": 3, "null": 4,
    }  # fmt: skip


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice, first on line 1"),
        ("s: {a: 1, a: 1}", "line 1: the key 'a' is there twice"),
        ("a: 1\n'a': 2", "line 2: the key 'a' is there twice"),
        (LAUGHS, f"more than {MOST_NODES:,} keys and values"),
        ("a: &x [1, *x]", "line 1: the alias '*x' holds itself"),
        ("a: &x {b: {c: *x}}", "holds itself"),
        ("a: *y", "no anchor '&y'"),
        ("deep: " + "[" * 60 + "]" * 60, "nested deeper"),
        ("a: " + "[" * 100_000, "nested deeper"),
        ("- 1\n- 2", "line 1: a mapping is wanted"),
        ("just text", "a mapping is wanted"),
        ("", "the file is empty"),
        ("# only a comment", "the file is empty"),
        ("~", "the file is empty"),
        ("a: .nan", "line 1: .nan is not a finite number"),
        ("a: -.inf", "not a finite number"),
        ("a: [1, NaN]", "not a finite number"),
        ("a: -0.1e-400", "-0.1e-400 underflows to 0"),
        ("a: 1e999", "not a finite number"),
        ("a: 12345678901234567890", "too many digits"),
        ("a: !!python/object/apply:os.system [x]", "tags"),
        ("a: !!str 3", "tags"),
        ("a: !thing 3", "tags"),
        ("b: &b {c: 1}\na:\n  <<: *b", "line 3: merge keys"),
        ("? [a, b]\n: 1", "a key is plain text"),
        ("a: 1\n'': 1", "the key before ':' is empty"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: 1\n\tb: 2", "line 2: not YAML"),
        ("a: [1, 2", "not YAML"),
        ("a: 'x", "not YAML"),
        ("a: @", "line 1: not YAML"),
        ("a: \x07", "not YAML"),
    ],
    ids=lambda value: value[:24],
)
def test_what_could_mean_two_things_is_refused(text, said):
    """Duplicates, loops, bombs, tags, merges and broken YAML are errors that say the line."""
    with pytest.raises(InputError) as caught:
        parse_text(text, "grid.yaml")
    assert said in caught.value.message
    assert caught.value.message.startswith("grid.yaml")


def test_aliases_within_bounds_are_read():
    """An alias is the value that it stands for."""
    assert parse_text("a: &x [1, 2]\nb: [*x, *x]").data["b"] == [[1, 2], [1, 2]]


def test_places_are_named():
    """A place is the file, the line of the key and the way to it."""
    document = parse_text("scan:\n  m_hp: {values: [1]}\n\n  m_chi1:\n    - 1\n    - 2\n", "g.yaml")
    assert document.where(("scan", "m_chi1")) == "g.yaml, line 4 (scan.m_chi1)"
    assert document.where(("scan", "m_chi1", 1)) == "g.yaml, line 6 (scan.m_chi1.1)"
    assert document.where(("scan", "m_x")) == "g.yaml, line 1 (scan.m_x)"
    assert document.where() == "g.yaml"
    assert document.error(("scan",), "no", "hint").message == "g.yaml, line 1 (scan): no"


def test_places_behind_an_alias_are_those_of_its_anchor():
    """What an alias stands for is where it was written."""
    document = parse_text("a: &x\n  c: 1\nb: *x")
    assert document.line(("b", "c")) == 2


def test_unknown_keys_are_refused_with_the_nearest():
    """A misspelt key is an error that names the line and the key that was meant."""
    document = parse_text("model: idm\nscan: {m: 1}\nfixd: {}", "g.yaml")
    document.check_keys(("scan",), ["m"])
    with pytest.raises(InputError, match=r"g.yaml, line 3 \(fixd\): unknown key 'fixd'") as caught:
        document.check_keys((), ["model", "scan", "fixed"])
    assert caught.value.hint == "did you mean 'fixed'?"
    with pytest.raises(InputError, match="a mapping is wanted"):
        document.check_keys(("model",), ["a"])


def test_schema():
    """A file of another schema is refused, and a newer one asks for a newer mcbook."""
    parse_text("schema: 1").check_schema(1)
    parse_text("a: 1").check_schema(1, required=False)
    with pytest.raises(InputError, match="missing"):
        parse_text("a: 1").check_schema(1)
    with pytest.raises(InputError, match=r"line 2 \(schema\).*schema 2") as caught:
        parse_text("a: 1\nschema: 2").check_schema(1, required=False)
    assert caught.value.hint == "update mcbook"
    for bad in ("true", "one", "1.5", "0", "", "[1]"):
        with pytest.raises(InputError, match="is no version"):
            parse_text(f"schema: {bad}").check_schema(1)
    with pytest.raises(InputError, match="no longer read"):
        parse_text("schema: 1").check_schema(2)


def test_files(tmp_path):
    """Files that are absent, too large or not UTF-8 are refused; a byte-order mark is not."""
    path = tmp_path / "a.yaml"
    with pytest.raises(InputError, match="cannot be read"):
        read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)
    path.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        read(path)
    path.write_bytes(b"a: 1\n" + b"#" * MOST_BYTES)
    with pytest.raises(InputError, match="larger than 4 MB"):
        read(path)
    path.write_bytes("\ufeffa: ä\r\nb: 2\r\n".encode())
    assert read(path).data == {"a": "ä", "b": 2}


plain = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8)
)
trees = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1,
                                  max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@given(trees)
def test_json_is_read_as_json(tree):
    """Every JSON document is YAML and means the same."""
    assert parse_text(json.dumps({"root": tree})).data == {"root": tree}


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["a", ":", " ", "\n", "- ", "[", "]", "{", "}", "&x", "*x", "!!int", "1", "'", '"', "|", "\t",
     "---", "<<", "?", "#", "%", ",", ".inf", "~"]), max_size=25).map("".join))  # fmt: skip
def test_nothing_but_an_input_error(text):
    """Whatever is in the file, it is read or refused."""
    with contextlib.suppress(InputError):
        parse_text(text)


def test_a_pipe_or_a_device_is_no_file(tmp_path):
    """Nobody waits for a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "grid.yaml")
    for path in (tmp_path / "grid.yaml", "/dev/zero"):
        with pytest.raises(InputError, match="a pipe or a device"):
            read(path)
    with pytest.raises(InputError, match="Is a directory"):
        read(tmp_path)


def test_a_mapping_in_place_of_a_file():
    """A mapping is what the file that says the same is; errors name the place, without a line."""
    text = "scan: {m: {values: [0.5, 1]}}\nprocess: [a, b]\nreuse: true\nnone: null"
    handed = {
        "scan": {"m": {"values": np.array([0.5, 1])}},
        "process": ("a", "b"),
        "reuse": np.bool_(True),
        "none": None,
    }
    document = from_mapping(handed, "grid")
    assert document.data == parse_text(text).data
    assert document.where(("scan", "m")) == "grid (scan.m)"
    assert document.where() == "grid"
    assert from_mapping({"points": Path("a.csv")}, "grid").data == {"points": "a.csv"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "a mapping with keys"),
        ({1: 2}, "a key is text"),
        ({"": 2}, "a key is text"),
        ({"a": {"b": float("nan")}}, r"grid \(a.b\): nan is not a finite"),
        ({"a": [1, 10**30]}, r"grid \(a.1\): a whole number"),
        ({"a": object()}, "neither text nor a number"),
        ({"a": b"x"}, "neither text nor a number"),
        ({"a": {1, 2}}, "neither text nor a number"),
        ({"a": 1j}, "neither text nor a number"),
        ({"a": np.array([1, np.inf])}, "inf is not a finite"),
    ],
)
def test_what_a_mapping_cannot_hold(value, message):
    """What no file can say is refused."""
    with pytest.raises(InputError, match=message):
        from_mapping(value, "grid")


@pytest.mark.thorough
def test_a_mapping_that_holds_itself():
    """Circles and bombs of references are refused as in a file."""
    circle = {}
    circle["a"] = circle
    with pytest.raises(InputError, match="nested deeper"):
        from_mapping(circle, "grid")
    bomb = [0] * 10
    for _ in range(10):
        bomb = [bomb] * 10
    with pytest.raises(InputError, match="more than 1,000,000"):
        from_mapping({"a": bomb}, "grid")
