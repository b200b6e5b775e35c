"""The one mask, and the cleaning of text from outside."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from time import process_time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from django_hellotext.redaction import Redacted, hide, mask, mask_data, mask_path, register_secret
from django_hellotext.sanitize import csv_cell, one_line


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
        # Other ways to write an address
        ("wile%40acme.com is taken", "w***@acme.com is taken"),
        ("/v1/profiles?email=wile%2540acme.com", "/v1/profiles?email=w***@acme.com"),
        ("wil%C3%A9%20e%40acme.com", "wilé e***@acme.com"),
        ('"wile e"@acme.com', "w***@acme.com"),
        ("%22wile%20e%22%40acme.com", "w***@acme.com"),
        (r'"wile \" e"@acme.com', "w***@acme.com"),
        (r"{\"wile e\"@acme.com}", r"{\w***@acme.com}"),
        ("wile@[192.168.1.1]", "w***@[192.168.1.1]"),
        ("wile@[IPv6:2001:db8::1]", "w***@[IPv6:2001:db8::1]"),
        ("o'hara@acme.com", "o***@acme.com"),
        ("{'email': 'wile@acme.com'}", "{'email': 'w***@acme.com'}"),
        ("wile\uff20acme.com", "w***@acme.com"),
        ("wi\x1b[31mle@acme.com", "w***@acme.com"),
        # Other ways to write a phone
        ("0049.170.123.45.67", "***67"),
        ("+49 (0) 170 / 123.45.67", "***67"),
        ("06.12.34.56.78", "***78"),
        ("030.12345678", "***78"),
        ("212.555.0123", "***23"),
        ("+49\u2011170\xa01234567", "***67"),
        ("tel.099000001", "tel.***01"),
        ("099000001,099000002", "***01,***02"),
        ("phone%3D099000001", "phone=***01"),
        ("%2B598%2099%20000%20001", "***01"),
        ("\x1b[31m099000001\x1b[0m", "***01"),
        ("12-34-5678", "***78"),
        ("phone <15550123456> invalid", "phone <***56> invalid"),
        ("<td>15550123456</td>", "<td>***56</td>"),
        ("phone exceeds: 4917012345678, limit 4917012345678", "phone exceeds: ***78, limit ***78"),
        ("phone < 15550123456", "phone < ***56"),
        ("15000000000", "***00"),
        ("wile\x1b@acme.com", "w***@acme.com"),
        ("4111111111111111", "***11"),
        ("Bearer%20ALK_abc", "Bearer <redacted>"),
        # Numbers that are no phones
        ("must be at most 1000000", "must be at most 1000000"),
        ("less than or equal to 1234567.", "less than or equal to 1234567."),
        ("limit=8388607 max: 12345678 <= 12345678", "limit=8388607 max: 12345678 <= 12345678"),
        ("between 0 and 2147483647", "between 0 and 2147483647"),
        ("25000000 or 9999999", "25000000 or 9999999"),
        ("on 06.12.2026 10:15, 06/12/2026 10:15", "on 06.12.2026 10:15, 06/12/2026 10:15"),
        ("192.168.100.200 and 10.0.0.1", "192.168.100.200 and 10.0.0.1"),
        ("0.123456789 of 1.234.567,89", "0.123456789 of 1.234.567,89"),
        ("100%25 off", "100%25 off"),
    ],
)
def test_personal_data_is_masked_and_the_rest_stays_legible(text: object, masked: str) -> None:
    assert mask(text) == masked


def test_a_path_is_masked_behind_its_percent_encoding() -> None:
    assert mask_path("/v1/lists/will.e%40acme.com/profiles/MzYwlE50") == "/v1/lists/w***@acme.com/profiles/MzYwlE50"
    assert mask_path("/v1/attribution/products/%2B59899000001") == "/v1/attribution/products/***01"
    assert mask_path("/v1/lists/a%0Ab") == r"/v1/lists/a\nb"
    assert mask_path("/v1/lists/wile%2540acme.com") == "/v1/lists/w***@acme.com"
    assert mask_path(f"/v1/lists/{'x' * 5000}").endswith("x…")


@pytest.mark.parametrize("name", ["email", "phone", "email[work]"])
@pytest.mark.parametrize("value", ["wile/jones@acme.com", "wile=jones@acme.com", "write to wile@acme.com", "1000000"])
def test_a_contact_that_leaves_more_than_a_trace_is_hidden(name: str, value: str) -> None:
    assert mask_data({name: value}) == {name: "<redacted>"}


def test_data_keeps_its_line_breaks() -> None:
    assert mask_data({"note": "first\nsecond"}) == {"note": "first\nsecond"}


@pytest.mark.parametrize("prefix", ["", "ALK_"])
def test_a_registered_secret_is_hidden_however_it_is_written(prefix: str) -> None:
    secret = f"{prefix}k3y/with+{'signs' * 100}"
    register_secret(Redacted(secret))
    split = secret.replace("with", "\x1b[0mwith\x1b[31m")
    for text in (secret, secret.removeprefix("ALK_"), quote(secret, safe=""), f"{'x' * 1900} {secret}", split):
        shown = mask(f"unknown token {text}!")
        assert "k3y" not in shown
        assert "signs" not in shown
    assert mask_data({"note": secret}) == {"note": "<redacted>"}


@pytest.mark.parametrize("short", ["", "shop", "ALK_shop"])
def test_a_secret_as_short_as_a_word_does_not_spoil_other_texts(short: str) -> None:
    register_secret(short)
    assert mask("the shop is open") == "the shop is open"


@pytest.mark.parametrize("control", ["\n", "\r", "\x1b[2J", "\x9b2J", "\x85", "\u2028", "\u202e", "\x07"])
def test_a_masked_text_is_one_line_that_a_terminal_does_not_obey(control: str) -> None:
    for shown in (mask(f"a{control}b"), mask_path(f"/a{control}b/{quote(control)}")):
        assert control not in shown
        assert len(shown.splitlines()) == 1


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


BEFORE = ["", "<", '"', "to:", "e=", "\x1b[1m", "(", "\n", "/"]


@given(st.emails(domains=st.just("acme.example")), st.sampled_from(BEFORE))
def test_no_way_to_write_an_address_leaves_it(address: str, before: str) -> None:
    # What stands around an address in a path, an assignment or a repr is no part of it.
    local = re.split("[/=]", address.partition("@")[0])[-1].lstrip("'")
    assume(local and "ALK_" not in local)
    for text in (address, quote(address, safe=""), quote(quote(address)), f'"{local[:30]} {local[:30]}"@acme.example'):
        for shown in (mask(f"{before}{text} is taken"), mask_path(text)):
            rest = shown.partition("***@")[0]
            assert "***@acme.example" in shown
            assert len(local) < 2 or not rest.endswith(local)


@given(
    st.sampled_from(["+49", "0049", "+1", "001", "030", "+598", "+49 (0)"]),
    st.lists(st.from_regex(r"[1-9][0-9]{2,3}", fullmatch=True), min_size=3, max_size=3),
    st.sampled_from([" ", ".", "-", "/", " - ", "\xa0", "\u2011", ""]),
)
def test_no_way_to_write_a_phone_leaves_it(prefix: str, groups: list[str], gap: str) -> None:
    number = gap.join([prefix, *groups])
    for text in (number, quote(number, safe=""), quote(quote(number))):
        assert mask(f"the phone {text} is taken") == f"the phone ***{groups[-1][-2:]} is taken"


PIECES = ["://x", "1", "(1-", "(", "a@", "@", '"', r"\\\"", "+1 ", "1-", "01.", "\x1b[", "\x1b]", "%20", "%2525"]
PIECES += ["%", "a", " ", "/", "Basic ", "Basic" + " " * 50, "ALK_", "\n", "'", "0", "k3y/", "at most 9", "﷽"]
MASKS: list[Callable[[str], object]] = [
    mask,
    mask_path,
    lambda text: mask_data({"note": text, "email": text, text: 1}),
    lambda text: hide({text: text}),
    one_line,
    csv_cell,
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_of_a_megabyte_is_slow(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    for function in MASKS:
        started = process_time()
        function(text)
        assert process_time() - started < 2  # of the processor: ten times what it takes


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
