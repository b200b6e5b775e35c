"""Changes of national numbering plans that shops' old numbers have missed, each with its source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_Rule = tuple[re.Pattern[str], str, str]
_AR_15 = "Argentina's 15 was replaced with 9."


def _rule(pattern: str, replacement: str, change: str) -> _Rule:
    return re.compile(pattern, re.ASCII), replacement, change


# By country code: what the national number looked like, what it is now, and a sentence for people.
CHANGES: Mapping[int, tuple[_Rule, ...]] = {
    # Mexico: since 3 August 2019 each number has ten digits, and neither the 1 for mobiles nor 01, 044 or 045 is
    # dialled. Plan Técnico Fundamental de Numeración, Diario Oficial de la Federación, 11 May 2018 (ITU Operational
    # Bulletin 1151). Also seen as python-phonenumbers issue 306 and phonelib issue 254.
    52: (_rule(r"(?:1|01|044|045)(\d{10})", r"\1", "A former dialling prefix of Mexico was removed."),),
    # Brazil: mobile numbers got a ninth digit, a 9 before the other eight, from 29 July 2012 (São Paulo) to 6 November
    # 2016 (the south). Anatel, Resolução 553/2010. Numbers of trunked radio (70, 77, 78, 79) have kept eight digits.
    55: (_rule(r"0?(\d{2})([6-9]\d{7})", r"\g<1>9\2", "Brazil's ninth digit of mobile numbers was added."),),
    # Argentina: mobiles are dialled with 15 after the area code at home, with 9 before it and no 15 from abroad; area
    # code and number have ten digits. ITU, National Numbering Plan +54. Also seen as phonelib issue 325.
    54: (
        _rule(r"(?:0|9|90|09)?(\d{2})15(\d{8})", r"9\1\2", _AR_15),
        _rule(r"(?:0|9|90|09)?(\d{3})15(\d{7})", r"9\1\2", _AR_15),
        _rule(r"(?:0|9|90|09)?(\d{4})15(\d{6})", r"9\1\2", _AR_15),
        _rule(r"90(\d{10})", r"9\1", "The 0 between Argentina's 9 and the area code was removed."),
    ),
    # Colombia: since 1 September 2021 fixed numbers have ten digits, 60 before the area code.
    # Comisión de Regulación de Comunicaciones, Resolución 5826/2019.
    57: (_rule(r"([1-8])(\d{7})", r"60\1\2", "Colombia's prefix of fixed numbers was added."),),
}


def changed(country_code: int, national: str) -> Iterator[tuple[str, str]]:
    """Yield what the digits of ``national`` may be today, each with the sentence that says so."""
    for pattern, replacement, change in CHANGES.get(country_code, ()):
        if found := pattern.fullmatch(national):
            yield found.expand(replacement), change
