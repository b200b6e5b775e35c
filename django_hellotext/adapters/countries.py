"""Countries: from what a shop keeps (a code, a name, an object) to ISO 3166 alpha-2.

Codes and names are those of django-countries, which translates them into more than forty languages. It need not be in
``INSTALLED_APPS``.
"""

from __future__ import annotations

import gettext
import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import django_countries
from django.utils.translation import override
from django_countries.base import CountriesBase
from django_countries.data import ALT_CODES, COUNTRIES

CODES = ("code", "alpha_2", "iso_3166_1_a2")
"""Where objects of countries keep their code: django-countries, pycountry, django-oscar."""

# Everyday names that no list of countries holds.
_EVERYDAY = {
    "AE": ("UAE", "EAU"),
    "CI": ("Ivory Coast",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic", "República Checa", "Tschechische Republik"),
    "GB": ("UK", "Great Britain", "England", "Scotland", "Wales", "Northern Ireland", "Gran Bretaña", "Inglaterra"),
    "GR": ("EL",),  # the code of Greece in the European Union
    "IE": ("Republic of Ireland",),
    "MM": ("Burma", "Birmania"),
    "MX": ("Méjico",),
    "NL": ("The Netherlands", "Holland", "Holanda"),
    "TL": ("East Timor",),
    "US": ("United States", "Estados Unidos", "Estados Unidos de América", "Vereinigte Staaten", "EEUU", "EUA"),
    "VA": ("Vatican", "Vaticano"),
}


def code_of(value: Any) -> str | None:
    """Return the ISO 3166 alpha-2 code of ``value`` in upper case, or ``None`` if it is not known.

    Takes a code of two or three letters or three digits, a name in one of many languages, or an object with one of
    ``CODES``. A name that stands for several countries is not known.
    """
    if not isinstance(value, str):
        value = next((one for one in (getattr(value, name, None) for name in CODES) if one), value)
    text = str(value).strip()
    upper = text.upper()
    if upper in COUNTRIES:
        return upper
    return _by_alternative_code().get(upper) or _by_name().get(_folded(text))


@cache
def _by_alternative_code() -> dict[str, str]:
    found = {}
    for code, (alpha3, numeric, *_) in ALT_CODES.items():
        found[alpha3], found[f"{numeric:03}"] = code, code
    return found


@cache
def _by_name() -> dict[str, str]:
    """Return the code of each name. A name of two countries in two languages counts only if English is one of them."""
    names: dict[str, set[str]] = defaultdict(set)
    originals = _originals()
    for path in sorted((Path(django_countries.__file__).parent / "locale").glob("*/LC_MESSAGES/django.mo")):
        with path.open("rb") as file:
            translate = gettext.GNUTranslations(file).gettext
        for name, code in originals:
            names[_folded(translate(name))].add(code)
    found = {name: codes.pop() for name, codes in names.items() if name and len(codes) == 1}
    found |= {_folded(name): code for name, code in originals}
    return found | {_folded(name): code for code, everyday in _EVERYDAY.items() for name in everyday}


def _originals() -> list[tuple[str, str]]:
    """Return the English names, each with its code."""
    names = [*COUNTRIES.items(), *CountriesBase.COMMON_NAMES.items()]
    names += [(code, name) for code, former in CountriesBase.OLD_NAMES.items() for name in former]
    with override(None):
        return [(str(name), code) for code, name in names]


def _folded(name: str) -> str:
    """Return ``name`` without case, accents, punctuation and spaces."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(one for one in plain if one.isalnum())
