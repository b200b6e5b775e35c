"""E-mail addresses in every spelling: what is sent, and what is the same address."""

from __future__ import annotations

import pytest

from django_hellotext import emails
from django_hellotext.models.erasure import hashes_of


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Ana@Example.COM", "Ana@Example.COM"),
        (" ana@example.com\n", "ana@example.com"),
        ("ana@müller.de", "ana@xn--mller-kva.de"),
        ("ana@MÜLLER.de", "ana@xn--mller-kva.de"),
        ("ana@xn--mller-kva.de", "ana@xn--mller-kva.de"),
        ("ana@straße.de", "ana@xn--strae-oqa.de"),  # not strasse.de, which may be somebody else's
        ("ana@例え。テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("josé@ejemplo.com", "josé@ejemplo.com"),
        ("用户@例え.jp", "用户@xn--r8jz45g.jp"),
        ("\ufeffana@example.com\u200b", "ana@example.com"),
        ("ana\uff20example.com", "ana@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("ana@[192.0.2.1]", "ana@[192.0.2.1]"),
        ("n/a", None),
        ("", None),
        ("@", None),
        ("ana@", None),
        ("@example.com", None),
        ("ana@b@example.com", None),
        ("ana bea@example.com", None),
        ("ana\x00@example.com", None),
        ("ana\u200bbea@example.com", None),
        ("ana@exam ple.com", None),
        ("ana@exämple..de", None),
        ("ana@-ü_.de", None),
    ],
)
def test_an_address_is_sent_as_typed_with_its_domain_in_a_form(typed: str, sent: str | None) -> None:
    assert emails.read(typed) == sent


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana@Example.com", "ana@example.COM"),
        ("ana@müller.de", "ANA@XN--MLLER-KVA.DE"),
        ("ana@MÜLLER.de", "ana@müller.de"),
        ("JOSÉ@ejemplo.com", "jose\u0301@ejemplo.com"),
        ("ana@例え。jp", "ana@例え.jp"),
        ("N/A", "n/a"),
    ],
)
def test_two_spellings_are_one_address(one: str, other: str) -> None:
    assert emails.canonical(one) == emails.canonical(other)
    assert hashes_of("email", one) == hashes_of("email", other)


@pytest.mark.parametrize(
    ("one", "other"), [("ana@strasse.de", "ana@straße.de"), ("jose@example.com", "josé@example.com")]
)
def test_addresses_that_only_look_alike_are_two(one: str, other: str) -> None:
    assert emails.canonical(one) != emails.canonical(other)


def test_an_international_domain_has_two_spellings() -> None:
    assert emails.spellings("Ana@müller.de") == ["Ana@xn--mller-kva.de", "Ana@müller.de"]
    assert emails.spellings("ana@xn--mller-kva.de") == ["ana@xn--mller-kva.de", "ana@müller.de"]
    assert emails.spellings("ana@example.com") == ["ana@example.com"]
    assert emails.spellings("ana@xn--a.com") == ["ana@xn--a.com"]  # no domain has these letters
    assert emails.spellings("n/a") == ["n/a"]
