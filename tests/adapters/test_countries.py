"""Countries as shops keep them: codes, names in many languages, objects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.utils.translation import override
from django_countries.fields import Country

from django_hellotext.adapters.countries import code_of


class Named:
    def __str__(self) -> str:
        return "Uruguay"


@pytest.mark.parametrize(
    ("kept", "code"),
    [
        ("UY", "UY"),
        ("uy", "UY"),
        (" uy ", "UY"),
        ("URY", "UY"),
        ("858", "UY"),
        ("032", "AR"),
        ("Uruguay", "UY"),
        ("URUGUAY", "UY"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("Estados Unidos", "US"),
        ("Estados Unidos de América", "US"),
        ("EE. UU.", "US"),
        ("UK", "GB"),
        ("England", "GB"),
        ("Deutschland", "DE"),
        ("Alemania", "DE"),
        ("Alemanha", "DE"),
        ("Allemagne", "DE"),
        ("Brasil", "BR"),
        ("Mexico", "MX"),
        ("México", "MX"),
        ("peru", "PE"),
        ("Österreich", "AT"),
        ("Osterreich", "AT"),
        ("España", "ES"),
        ("Côte d'Ivoire", "CI"),
        ("Czech Republic", "CZ"),
        ("Россия", "RU"),
        ("日本", "JP"),
        ("Nigeria", "NG"),
        ("Bolivia", "BO"),
        (Country("uy"), "UY"),
        (SimpleNamespace(alpha_2="UY", name="Uruguay"), "UY"),
        (SimpleNamespace(iso_3166_1_a2="UY"), "UY"),
        (SimpleNamespace(code="URY"), "UY"),
        (Named(), "UY"),
        ("Korea", None),
        ("Atlantis", None),
        ("XX", None),
        ("", None),
        ("-", None),
    ],
)
def test_a_country_is_its_alpha_2_code(kept: Any, code: str | None) -> None:
    assert code_of(kept) == code


def test_names_do_not_depend_on_the_language_of_the_thread() -> None:
    from django_hellotext.adapters import countries

    countries._by_name.cache_clear()
    with override("de"):
        assert code_of("Germany") == "DE"
