"""The one mask (demand I1)."""

from __future__ import annotations

import copy
import pickle
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_hellotext.redaction import Redacted, hide, mask, mask_data, mask_path


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("will.e@acme.com is taken", "w***@acme.com is taken"),
        ("<will.e+tag@mail.acme.co.uk>", "<w***@mail.acme.co.uk>"),
        ("müller@exämple.de", "m***@exämple.de"),
        ("call +59899000001 now", "call ***01 now"),
        ("call +598 99 000 001, or (099) 000-001", "call ***01, or ***01"),
        ("099000001", "***01"),
        ("0059899000001", "***01"),
        ("+1 (555) 010-9999", "***99"),
        ("Authorization: Bearer ALK_abc.def", "Authorization: Bearer <redacted>"),
        ("token ALK_abc.def here", "token <redacted> here"),
        ("Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: Basic <redacted>"),
        ("The token is unknown; your basic plan", "The token is unknown; your basic plan"),
        ("ALK_abc", "<redacted>"),
        ("cannot parse http://user:s3cret@proxy:3128/", "cannot parse http://<redacted>@proxy:3128/"),
        ("order 1234 of 2026-06-19 for 395.00", "order 1234 of 2026-06-19 for 395.00"),
        ("2026-06-19T12:00:00Z", "2026-06-19T12:00:00Z"),
        ("da834c54-9700-4400-8888-123412341234", "da834c54-9700-4400-8888-123412341234"),
        ("id MzYwlE50 and ro4a731w", "id MzYwlE50 and ro4a731w"),
        ("1234567.89", "1234567.89"),
        ("", ""),
        (None, "None"),
    ],
)
def test_personal_data_is_masked_and_the_rest_stays_legible(text: object, masked: str) -> None:
    assert mask(text) == masked


def test_a_path_is_masked_behind_its_percent_encoding() -> None:
    assert mask_path("/v1/lists/will.e%40acme.com/profiles/MzYwlE50") == "/v1/lists/w***@acme.com/profiles/MzYwlE50"
    assert mask_path("/v1/attribution/products/%2B59899000001") == "/v1/attribution/products/***01"
    assert mask_path("/v1/lists/a%0Ab") == "/v1/lists/a?b"


def test_data_is_masked_by_its_keys() -> None:
    data: dict[str, Any] = {
        "first_name": "Will E",
        "last_name": None,
        "email": "will.e@acme.com",
        "email[work]": "will.e@work.example",
        "phone[mobile]": "call me",
        "emails": ["will.e@acme.com", ""],
        "phone": {"home": "+59899000001"},
        "address": {"city": "Montevideo"},
        "property[Size]": 42,
        "property_by_id[x]": "42",
        "properties": [{"kind": "text", "name": "Size", "value": "42"}],
        "metadata": {"note": "write to will.e@acme.com"},
        "amount": 89.9,
        "name": "Greens",
    }
    assert mask_data(data) == {
        "first_name": "<redacted>",
        "last_name": None,
        "email": "w***@acme.com",
        "email[work]": "w***@work.example",
        "phone[mobile]": "<redacted>",
        "emails": ["w***@acme.com", ""],
        "phone": {"home": "***01"},
        "address": "<redacted>",
        "property[Size]": "<redacted>",
        "property_by_id[x]": "<redacted>",
        "properties": [{"kind": "text", "name": "Size", "value": "<redacted>"}],
        "metadata": {"note": "write to w***@acme.com"},
        "amount": 89.9,
        "name": "Greens",
    }


def test_data_without_an_end_is_cut() -> None:
    cycle: dict[str, Any] = {}
    cycle["again"] = cycle
    assert "…" in repr(mask_data(cycle))


def test_data_by_a_shops_own_names_shows_its_shape_only() -> None:
    nested: dict[str, Any] = {"size": "42", "tags": ["a", None, True], "of": {"wile@acme.com": 1}}
    assert hide(nested) == {
        "size": "<redacted>",
        "tags": ["<redacted>", None, True],
        "of": {"w***@acme.com": "<redacted>"},
    }
    nested["again"] = nested
    assert "…" in repr(hide(nested))


def test_a_long_text_is_cut() -> None:
    assert len(mask("x" * 1_000_000)) < 2100


@given(st.text())
def test_any_text_can_be_masked_twice(text: str) -> None:
    once = mask(text)
    assert isinstance(mask(once), str)


@given(st.from_regex(r"\A[a-z][a-z0-9.]{2,20}@[a-z]{2,20}\.com\Z"), st.text(st.characters(categories=["L", "Zs"])))
def test_the_name_of_an_address_never_stays(address: str, around: str) -> None:
    assert address not in mask(f"{around} {address} {around}")


@given(st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"), st.sampled_from([" ", "", ", ", "(", '"', ":"]))
def test_an_international_phone_never_stays(phone: str, before: str) -> None:
    assert phone not in mask(f"number{before}{phone}")


@pytest.mark.parametrize("text", ["1" * 5000, "(" * 5000, "a@" * 3000, "+1 " * 3000, "1-" * 3000, "ALK_" * 1000])
def test_no_text_makes_the_mask_slow(text: str) -> None:
    started = process_time()
    mask(text)
    assert process_time() - started < 0.5  # of the processor: a hundred times what it takes


def test_a_secret_is_usable_but_does_not_show() -> None:
    secret = Redacted("s3cret")
    assert secret == "s3cret"
    assert secret.encode() == b"s3cret"
    assert secret.reveal() == "s3cret"
    assert type(secret.reveal()) is str
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert "s3cret" not in "".join(shown)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("before", range(1975, 2005))
@pytest.mark.parametrize("personal", ["jane.roe.of.the.long.name@acme.example", "+34 600 123 456"])
def test_a_long_text_is_not_cut_through_what_is_to_be_masked(before: int, personal: str) -> None:
    fragments = {personal[:length] for length in range(4, len(personal) + 1)}
    for rest in ("", " and so on" * 100):
        shown = mask(f"{'x ' * (before // 2)}{personal}{rest}")
        assert not [fragment for fragment in fragments if fragment in shown], shown[-80:]
