"""Key formats, and the values of known keys."""

import base64
import json
import re
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.keys import make_keys
from gateway.auth.keys import generate_key
from providers.errors import CallFailed
from providers.secrets import MASK, SHAPES, Redactor, StreamRedactor
from tests.support.eventually import fail_on_hang
from tests.support.keys import KEYS

KNOWN = 'se"cret\\value-of/nobody+1='


def streamed(redactor: Redactor, pieces: list[str]) -> str:
    stream = StreamRedactor(redactor)
    return "".join([*map(stream.feed, pieces), stream.close()])


def test_every_shape_has_a_key_that_the_consumers_are_tested_with() -> None:
    unused = [
        issuer
        for issuer, shape in SHAPES.items()
        if not any(re.fullmatch(shape, key) for key in KEYS.values())
    ]

    assert not unused


def test_keys_that_we_make_are_in_the_table() -> None:
    ours = make_keys()

    for key in (generate_key()[1], ours.secret, ours.publishable, ours.legacy_service_role):
        assert Redactor().redact(f"<{key}>") == f"<{MASK}>"


@pytest.mark.parametrize("issuer", SHAPES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_has_a_shape_is_masked(issuer: str, data: st.DataObject) -> None:
    """Each of its branches begins with a head, without which a text is not searched."""
    shape = SHAPES[issuer].replace("}+", "}")  # hypothesis knows no possessive repetition
    key = data.draw(st.from_regex(shape, fullmatch=True))

    assert MASK in Redactor().redact(f"<{key}>")


@pytest.mark.parametrize("sign", "-_")
@pytest.mark.parametrize("name", ["sk", "pk", "rk", "fw", "gsk", "hf", "r8", "xai", "pplx"])
def test_a_key_that_is_shown_in_part_is_masked(name: str, sign: str) -> None:
    assert Redactor().redact(f"<{name}{sign}ab***yz>") == f"<{MASK}>"


@pytest.mark.parametrize(
    "text", ["Bearer abcdefg", "bearer abcdefg", "postgres://user:secret@host"]
)
def test_a_place_of_a_secret_is_masked_in_logs_alone(text: str) -> None:
    assert MASK in Redactor(places=True).redact(text)
    assert Redactor().redact(text) == text


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_masked_wherever_a_stream_is_cut(key: str) -> None:
    text = f"risk-free ask-me: {key}\nand so on"

    for at in range(len(text)):
        assert (
            streamed(Redactor(), [text[:at], text[at:]]) == f"risk-free ask-me: {MASK}\nand so on"
        )
    assert streamed(Redactor(), list(text)) == f"risk-free ask-me: {MASK}\nand so on"


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*KEYS.values(), KNOWN, KNOWN[:9], "sk-", "-----BEGIN ", "ey", "J"]),
            st.text("ask-_.*e yJ\n", max_size=6),
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_a_stream_is_masked_as_the_whole_text_is(parts: list[str], cuts: list[int]) -> None:
    redactor, text = Redactor([KNOWN]), " ".join(parts)
    ends = [0, *sorted(cuts), len(text)]

    pieces = [text[begin:end] for begin, end in pairwise(ends)]

    assert streamed(redactor, pieces) == redactor.redact(text)


@pytest.mark.parametrize(
    "form",
    [
        KNOWN,
        json.dumps(KNOWN)[1:-1],
        quote(KNOWN, safe=""),
        quote(KNOWN, safe="").lower(),
        *(base64.b64encode(f"{user}{KNOWN}".encode()).decode() for user in ("", "a", "ab", "abc")),
        *(base64.urlsafe_b64encode(f"{user}{KNOWN}:x".encode()).decode() for user in ("a", "ab")),
    ],
)
def test_a_known_value_is_masked_in_every_form(form: str) -> None:
    text = Redactor([KNOWN]).redact(f"({form})")

    assert MASK in text
    assert len(text) < len(MASK) + 12  # no more than what stood before and after the value


def test_a_secret_that_is_no_text_is_masked_and_costs_no_other() -> None:
    broken = "known\udcff-value"

    assert Redactor([broken, KNOWN]).redact(f"{broken} {KNOWN}") == f"{MASK} {MASK}"


def test_a_secret_that_begins_another_leaves_nothing_of_it() -> None:
    short, long = "known-value", "known-value-with-more"

    for secrets in ([short, long], [long, short], [short]):
        redactor = Redactor(secrets)
        assert redactor.redact(f"{long} {short}") == f"{MASK} {MASK}"
        assert streamed(redactor, list(f"{long} {short}")) == f"{MASK} {MASK}"


def test_a_secret_that_begins_with_the_shape_of_a_key_leaves_nothing_of_it() -> None:
    secret = "sk-" + "k" * 40 + ".and/more"

    assert Redactor([secret]).redact(f"it is {secret}") == f"it is {MASK}"


def test_long_texts_are_read_in_linear_time() -> None:
    """Texts for which a careless expression would read each character many times."""
    redactor = Redactor([KNOWN, "sk-" + "k" * 40], places=True)
    hostile = [
        *("sk-a.sk-a ", "sk-a.", "eyJaaaaaaaaaa-", "eyJaaaaaaaaaa.", "cogo_", "://a:", "Bearer "),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-", "a", "se", KNOWN[:-1]),
    ]

    for pattern in hostile:
        text = pattern * (400_000 // len(pattern))
        with fail_on_hang():
            redactor.redact(text)
            streamed(redactor, [text])
            streamed(redactor, [text[at : at + 20] for at in range(0, len(text) // 8, 20)])


def test_a_word_that_only_begins_like_a_key_is_given_on_at_its_end() -> None:
    stream = StreamRedactor(Redactor())

    assert stream.feed("a sk-learn") == "a "
    assert stream.feed(" model, ") == "sk-learn model, "
    assert stream.feed("risk") == "risk"
    assert stream.close() == ""


def test_a_value_that_is_nested_too_deeply_is_left_out() -> None:
    value: object = KNOWN
    for _ in range(5_000):
        value = [value]

    assert KNOWN not in str(Redactor([KNOWN]).redact_json({"raw": value}))


def test_no_failed_call_shows_a_key() -> None:
    for key in KEYS.values():
        assert key not in str(CallFailed("a-vendor", f"blocked ({key})", vendor_message=key))
