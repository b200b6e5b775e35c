from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from django_hellotext.emulator import Emulator, saving

from .calling import Caller
from .conftest import Indexed
from .shop import Shop


def names(call: Caller) -> list[str]:
    rows = sorted(call.all("properties"), key=lambda row: row["position"])
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["name"] or row["kind"] for row in rows][7:]


def test_positions_stay_dense_when_properties_come_and_move(call: Caller) -> None:
    for name in ("A", "B", "C"):
        call.make("POST", "/v1/properties", {"kind": "text", "name": name})
    assert names(call) == ["A", "B", "C"]
    moved = call.make("POST", "/v1/properties", {"kind": "text", "name": "D", "position": 8})
    assert names(call) == ["D", "A", "B", "C"]
    call.make("PATCH", f"/v1/properties/{moved['id']}", {"position": 10})
    assert names(call) == ["A", "B", "D", "C"]
    call.make("PATCH", f"/v1/properties/{moved['id']}", {"position": ""})
    assert names(call) == ["A", "B", "C", "D"]


def test_a_profiles_own_contacts_are_defined_without_a_look_at_all_the_others(call: Caller) -> None:
    table = call.emulator.world.store["property"]
    table.rows = Indexed(table.rows)
    made = call.make("POST", "/v1/profiles", {"email": "a@example.com", "phone[work]": "+59899000001"})["id"]
    (owned,) = call.make("GET", "/v1/properties", query=f"profile={made}")["properties"]
    assert (owned["name"], owned["position"]) == ("work", 8)
    assert call.make("GET", "/v1/properties", query="profile[x]=1")["properties"] == []


def test_a_new_property_comes_last_also_after_others_have_gone_or_come_back(call: Caller, tmp_path: Path) -> None:
    made = [call.make("POST", "/v1/properties", {"kind": "text", "name": name}) for name in ("A", "B", "C")]
    call.make("DELETE", f"/v1/properties/{made[0]['id']}")
    saving.save(call.emulator, tmp_path / "state.json")
    for again in (call, Caller(Emulator())):
        if again is not call:
            saving.load(again.emulator, tmp_path / "state.json")
        again.make("POST", "/v1/properties", {"kind": "text", "name": "D"})
        rows = sorted(again.all("properties"), key=lambda row: row["position"])
        assert [row["name"] for row in rows][7:] == ["B", "C", "D"]
        assert len({row["position"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("data", "status", "errors"),
    [
        ({"kind": "email", "name": "work"}, 400, [("parameter_missing", "profile")]),
        ({"kind": "gender"}, 422, [("invalid", "kind")]),
        ({"kind": "text", "name": "9 lives"}, 422, [("invalid", "name")]),
        ({"kind": "text", "name": "a{b}"}, 422, [("invalid", "name")]),
        ({"kind": "text", "name": ""}, 422, [("parameter_invalid_empty", "name")]),
        ({"kind": "text", "name": "size"}, 422, [("parameter_not_unique", "name")]),
        ({"kind": "text", "name": "X", "profile": "nobody"}, 422, [("not_allowed", "profile")]),
        ({"kind": "email", "profile": "nobody"}, 422, [("not_found", "profile")]),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(
    shop: Shop, call: Caller, data: dict[str, Any], status: int, errors: list[tuple[str, str]]
) -> None:
    answer = call("POST", "/v1/properties", data)
    assert (answer.status, answer.errors) == (status, errors)


def test_two_profiles_may_use_the_same_name_for_their_own_contact(shop: Shop, call: Caller) -> None:
    other = call.make("POST", "/v1/profiles", {"email": "b@example.com"})["id"]
    for owner in (shop.profile, other):
        call.make("POST", "/v1/properties", {"kind": "email", "name": "work", "profile": owner})
    answer = call("POST", "/v1/properties", {"kind": "email", "name": "Work", "profile": other})
    assert answer.errors == [("parameter_not_unique", "name")]


def test_unique_cannot_be_turned_on_while_two_profiles_share_a_value(shop: Shop, call: Caller) -> None:
    for email in ("a@example.com", "b@example.com"):
        call.make("POST", "/v1/profiles", {"email": email, "property[Size]": "42"})
    answer = call("PATCH", f"/v1/properties/{shop.property}", {"unique": True})
    assert (answer.status, answer.errors) == (422, [("not_allowed", "unique")])
    call.make("POST", "/v1/profiles", {"email": "a@example.com", "property[Size]": "43"})
    assert call.make("PATCH", f"/v1/properties/{shop.property}", {"unique": True})["unique"] is True


def test_unique_is_ignored_for_kinds_that_cannot_be(call: Caller) -> None:
    made = call.make("POST", "/v1/properties", {"kind": "checkbox", "name": "Ok", "unique": True})
    assert made["unique"] is False


def test_a_deleted_property_takes_its_values_along(shop: Shop, call: Caller) -> None:
    call.make("PATCH", f"/v1/profiles/{shop.profile}", {"property[Size]": "42"})
    call.make("DELETE", f"/v1/properties/{shop.property}")
    kinds = [entry["kind"] for entry in call.make("GET", f"/v1/profiles/{shop.profile}")["properties"]]
    assert kinds == ["email", "phone"]


def test_a_built_in_property_stays(call: Caller) -> None:
    built_in = next(row["id"] for row in call.all("properties") if row["kind"] == "gender")
    assert call("DELETE", f"/v1/properties/{built_in}").errors == [("not_allowed", "id")]


def test_a_renamed_property_keeps_its_values(shop: Shop, call: Caller) -> None:
    call.make("PATCH", f"/v1/profiles/{shop.profile}", {"property[Size]": "42"})
    call.make("PATCH", f"/v1/properties/{shop.property}", {"name": "Shoe size"})
    entries = call.make("GET", f"/v1/profiles/{shop.profile}")["properties"]
    assert [entry["name"] for entry in entries] == [None, None, "Shoe size"]
    assert call("PATCH", f"/v1/properties/{shop.property}", {}).errors == [("object_invalid", None)]


def test_a_property_cannot_be_renamed_to_another_ones_name(call: Caller) -> None:
    call.make("POST", "/v1/properties", {"name": "Size", "kind": "text"})
    other = call.make("POST", "/v1/properties", {"name": "Colour", "kind": "text"})["id"]
    answer = call("PATCH", f"/v1/properties/{other}", {"name": "size"})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "name")])


@pytest.mark.parametrize(("position", "status"), [(2.0, 201), (2.5, 422)])
def test_a_whole_number_may_be_written_with_a_point(call: Caller, position: float, status: int) -> None:
    answer = call("POST", "/v1/properties", {"name": "Size", "kind": "text", "position": position})
    assert answer.status == status
