"""YAML read without 1.1's surprises, checked against the examples of the 1.2 core schema, and nothing unsafe."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from internvideo_pl.config.document import format_document, parse_value, read_document
from internvideo_pl.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("1.5e+3", 1500.0),
        (".inf", math.inf),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0x1F", 31),
        ("012", "012"),  # an identifier of a video, not an octal number
        ("1_000", "1_000"),
        ("1:30", "1:30"),  # a time, not 90
        ("2012-05-01", "2012-05-01"),
        ("yes", "yes"),
        ("off", "off"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("'null'", "null"),
        ("e5", "e5"),
        ("1e", "1e"),
        (".", "."),
        ("-", [None]),
        ("=", "="),
        ("<<", "<<"),
        ("[1, {a: 2}]", [1, {"a": 2}]),
    ],
)
def test_scalars(text, value):
    got = parse_value(text)
    assert got == value
    assert type(got) is type(value)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _PLAIN, max_size=4))
def test_written_values_read_back_equal(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("document") / "values.yaml"
    path.write_text(format_document(values), encoding="utf-8", newline="")
    assert read_document(path).values == values


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: \xff\n", "is not UTF-8 text (byte 3)."),
        (b"a: 1\n---\nb: 2\n", "line 2: but found another document."),
        (b"a: 1\n\tb: 2\n", "line 2: found character '\\t' that cannot start any token."),
        (b"a: &x 1\nb: *x\n", "line 2: aliases are not read here: share text by `extends`."),
        (b"a: !!python/object/apply:os.system [ls]\n", "line 1: could not determine a constructor for the tag"),
        (b"a: {b: 1, b: 2}\n", "line 1: the key 'b' stands twice."),
        (b"? [a]\n: 1\n", "line 1: a key must be a single word."),
        (b"a: \x07\n", "unacceptable character #x0007"),
    ],
)
def test_bad_files(tmp_path, content, sentence):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as refusal:
        read_document(path)
    assert str(path) in str(refusal.value)
    assert sentence in str(refusal.value)


def test_lines_are_counted_from_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("# title\na:\n  b: {c: 1}\n")
    assert read_document(path).lines == {("a",): 2, ("a", "b"): 3, ("a", "b", "c"): 3}
