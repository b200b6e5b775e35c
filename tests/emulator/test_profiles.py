from __future__ import annotations

from typing import Any

import pytest

from django_hellotext.emulator import profiles

from .calling import Caller
from .shop import Shop


def profile(call: Caller, **data: Any) -> str:
    made: str = call.make("POST", "/v1/profiles", data)["id"]
    return made


def shown(call: Caller, id_: str) -> Any:
    return call.make("GET", f"/v1/profiles/{id_}")


def test_creating_answers_with_the_id_only(call: Caller) -> None:
    answer = call("POST", "/v1/profiles", {"email": "a@example.com"})
    assert set(answer.json) == {"id"}
    assert shown(call, answer.id)["state"] == "unconfirmed"


@pytest.mark.parametrize(
    "again", [{"email": "ADA@example.com"}, {"phone": "099 123 456"}, {"email[work]": "ada@work.example"}]
)
def test_a_known_email_or_phone_finds_its_profile(call: Caller, again: dict[str, str]) -> None:
    first = profile(call, **{"email": "ada@example.com", "phone": "+59899123456", "email[work]": "ada@work.example"})
    assert profile(call, last_name="Lovelace", **again) == first
    assert shown(call, first)["last_name"] == "Lovelace"
    assert len(call.all("profiles")) == 1


def test_an_email_and_a_phone_of_two_people_are_refused(call: Caller) -> None:
    profile(call, email="a@example.com")
    profile(call, phone="+59899000001")
    answer = call("POST", "/v1/profiles", {"email": "a@example.com", "phone": "+59899000001"})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "phone")])


def test_somebody_elses_email_cannot_be_taken_by_an_update(call: Caller) -> None:
    profile(call, email="a@example.com")
    other = profile(call, email="b@example.com")
    answer = call("PATCH", f"/v1/profiles/{other}", {"email": "a@example.com"})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "email")])


@pytest.mark.parametrize(
    ("data", "parameter"),
    [({"email": "nobody"}, "email"), ({"phone": "call me"}, "phone"), ({"first_name": 17}, "first_name")],
)
def test_what_is_no_email_phone_or_name_is_refused(call: Caller, data: dict[str, Any], parameter: str) -> None:
    answer = call("POST", "/v1/profiles", data)
    assert (answer.status, answer.errors) == (422, [("invalid", parameter)])


def test_an_empty_body_is_an_invalid_object(shop: Shop, call: Caller) -> None:
    for method, path in (("POST", "/v1/profiles"), ("PATCH", f"/v1/profiles/{shop.profile}")):
        answer = call(method, path, {})
        assert (answer.status, answer.errors) == (422, [("object_invalid", None)])


def test_named_contacts_become_properties_of_the_profile_alone(call: Caller) -> None:
    one = profile(call, **{"email": "a@example.com", "email[work]": "a@work.example", "address[home]": "Main St 1"})
    profile(call, **{"email": "b@example.com", "email[work]": "b@work.example"})
    assert shown(call, one)["emails"] == ["a@example.com", "a@work.example"]
    owned = call.make("GET", "/v1/properties", query=f"profile={one}")["properties"]
    assert sorted((p["kind"], p["name"], p["profile"]) for p in owned) == [
        ("address", "home", one),
        ("email", "work", one),
    ]


def test_the_nested_form_of_named_contacts_means_the_same(call: Caller) -> None:
    one = profile(call, email={"primary": "a@example.com"}, phone={"mobile": "+59899000001"})
    assert shown(call, one)["emails"] == ["a@example.com"]
    assert shown(call, one)["phones"] == ["+59899000001"]


def test_an_empty_value_removes_and_the_next_becomes_the_default(call: Caller) -> None:
    one = profile(call, **{"email": "a@example.com", "email[work]": "a@work.example", "address": {"city": "Rome"}})
    call.make("PATCH", f"/v1/profiles/{one}", {"email": "", "address": {}})
    assert shown(call, one)["emails"] == ["a@work.example"]
    call.make("PATCH", f"/v1/profiles/{one}", {"email[work]": ""})
    assert shown(call, one)["properties"] == []


def test_a_new_default_keeps_the_old_one(call: Caller) -> None:
    one = profile(call, email="a@example.com")
    call.make("PATCH", f"/v1/profiles/{one}", {"new_default_email": "new@example.com"})
    assert shown(call, one)["emails"] == ["new@example.com", "a@example.com"]
    call.make("PATCH", f"/v1/profiles/{one}", {"email": "newer@example.com"})
    assert shown(call, one)["emails"] == ["newer@example.com", "a@example.com"]


@pytest.mark.parametrize("parameter", ["email", "new_default_email"])
def test_the_default_and_a_named_one_can_change_places(call: Caller, parameter: str) -> None:
    one = profile(call, **{"email": "a@example.com", "email[work]": "b@example.com"})
    call.make("PATCH", f"/v1/profiles/{one}", {parameter: "b@example.com", "email[work]": "a@example.com"})
    assert shown(call, one)["emails"] == ["b@example.com", "a@example.com"]
    call.make("PATCH", f"/v1/profiles/{one}", {"email[work]": ""})
    assert shown(call, one)["emails"] == ["b@example.com"]


def test_a_new_default_that_is_theirs_already_comes_first(call: Caller) -> None:
    one = profile(call, **{"phone": "+59899000001", "phone[home]": "+59899000002"})
    call.make("PATCH", f"/v1/profiles/{one}", {"new_default_phone": "+59899000002"})
    assert shown(call, one)["phones"] == ["+59899000002", "+59899000001"]


def test_lists_are_made_by_name_and_replaced_by_an_update(call: Caller) -> None:
    one = profile(call, email="a@example.com", lists=["VIP", "Readers"])
    profile(call, email="a@example.com", lists=["vip", "New"])
    assert [group["name"] for group in shown(call, one)["lists"]] == ["VIP", "Readers", "New"]
    call.make("PATCH", f"/v1/profiles/{one}", {"lists": ["Readers"]})
    assert [group["name"] for group in shown(call, one)["lists"]] == ["Readers"]
    call.make("PATCH", f"/v1/profiles/{one}", {"lists": []})
    assert shown(call, one)["lists"] == []


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "L", "L"),
        ("number", 42, 42),
        ("checkbox", True, True),
        ("date", {"day": 3, "month": 11, "year": 1985}, {"day": 3, "month": 11, "year": 1985}),
        ("date", {"day": 3, "month": 11}, {"day": 3, "month": 11, "year": None}),
        ("tags", ["a", "b", "a"], ["a", "b"]),
        ("tags", "a, b", ["a", "b"]),
        ("url", "https://example.com/", "https://example.com/"),
    ],
)
def test_a_property_value_has_the_shape_of_its_kind(call: Caller, kind: str, value: Any, kept: Any) -> None:
    id_ = call.make("POST", "/v1/properties", {"kind": kind, "name": "Thing"})["id"]
    by_name = profile(call, **{"email": "a@example.com", "property[Thing]": value})
    by_id = profile(call, email="b@example.com", property_by_id={id_: value})
    for one in (by_name, by_id):
        assert [entry["value"] for entry in shown(call, one)["properties"] if entry["id"] == id_] == [kept]
    call.make("PATCH", f"/v1/profiles/{by_name}", {"property[Thing]": ""})
    assert [entry["kind"] for entry in shown(call, by_name)["properties"]] == ["email"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "many"), ("checkbox", "yes"), ("date", "03/11/1985"), ("date", "2025-02-30"), ("date", {}),
        ("date", {"day": 42}), ("tags", [1]), ("url", "javascript:alert(1)"), ("url", "https://[x"), ("text", 5),
    ],
)  # fmt: skip
def test_a_property_value_of_another_shape_is_refused(call: Caller, kind: str, value: Any) -> None:
    call.make("POST", "/v1/properties", {"kind": kind, "name": "Thing"})
    assert call("POST", "/v1/profiles", {"property[Thing]": value}).status == 422


def test_a_property_that_was_never_defined_is_refused(call: Caller) -> None:
    answer = call("POST", "/v1/profiles", {"email": "a@example.com", "property[Shoe]": "42"})
    assert (answer.status, answer.errors) == (422, [("undefined_property", "property[Shoe]")])
    answer = call("POST", "/v1/profiles", {"email": "a@example.com", "property_by_id": {"unknown": "42"}})
    assert (answer.status, answer.errors) == (422, [("undefined_property", "property_by_id[unknown]")])
    assert call.all("profiles") == []


def test_a_kind_names_the_unnamed_property(call: Caller) -> None:
    one = profile(call, **{"email": "a@example.com", "property[gender]": "female", "property[email]": "b@example.com"})
    assert [entry["kind"] for entry in shown(call, one)["properties"]] == ["email", "gender"]
    assert shown(call, one)["emails"] == ["b@example.com"]


def test_a_unique_property_is_unique_among_profiles(call: Caller) -> None:
    call.make("POST", "/v1/properties", {"kind": "text", "name": "Member", "unique": True})
    one = profile(call, **{"email": "a@example.com", "property[Member]": "17"})
    answer = call("POST", "/v1/profiles", {"email": "b@example.com", "property[Member]": "17"})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "property[Member]")])
    call.make("PATCH", f"/v1/profiles/{one}", {"property[Member]": "17"})


def test_consent_is_changed_by_its_own_operations_only(call: Caller) -> None:
    one = profile(call, email="a@example.com", lists=["VIP"])
    assert call.make("POST", f"/v1/profiles/{one}/subscribe")["state"] == "subscribed"
    call.make("PATCH", f"/v1/profiles/{one}", {"first_name": "Ada"})
    assert shown(call, one)["state"] == "subscribed"
    assert call.make("POST", f"/v1/profiles/{one}/unsubscribe")["state"] == "unsubscribed"
    assert shown(call, profile(call, email="b@example.com", subscribe=True))["state"] == "subscribed"


def test_a_cleared_profile_is_gone_until_it_subscribes_again(call: Caller) -> None:
    one = profile(call, **{"email": "a@example.com", "email[work]": "w@example.com"})
    call.make("DELETE", f"/v1/profiles/{one}")
    assert call("GET", f"/v1/profiles/{one}").status == 404
    assert call("DELETE", f"/v1/profiles/{one}").status == 404
    assert call.all("profiles") == []
    assert profile(call, email="a@example.com") != one
    assert call.make("POST", f"/v1/profiles/{one}/subscribe")["emails"] == []
    assert call.make("GET", "/v1/properties", query=f"profile={one}")["properties"] == []


def test_a_contact_is_verified_and_unverified(shop: Shop, call: Caller) -> None:
    path = f"/v1/profiles/{shop.profile}"
    assert call.make("POST", f"{path}/verify", {"email": "WILL.E@acme.com"}) == {"verified": True}
    assert shown(call, shop.profile)["verified_emails"] == ["will.e@acme.com"]
    assert call.make("DELETE", f"{path}/verify", {"email": "will.e@acme.com"}) == {"verified": False}
    assert shown(call, shop.profile)["verified_emails"] == []
    answer = call("POST", f"{path}/verify", {"phone": "+59899999999"})
    assert (answer.status, answer.errors) == (422, [("not_found", "phone")])
    assert call("POST", f"{path}/verify", {}).errors == [("parameter_missing", "email")]


def test_profiles_are_listed_by_activity(call: Caller) -> None:
    first, second = (
        profile(call, email="z@example.com", last_name="B"),
        profile(call, email="b@example.com", last_name="A"),
    )
    call.make("PATCH", f"/v1/profiles/{first}", {"first_name": "Ada"})
    assert [p["id"] for p in call.all("profiles")] == [first, second]
    by_creation = call.make("GET", "/v1/profiles", query="order=created_at")["profiles"]
    assert [p["id"] for p in by_creation] == [second, first]
    by_name = call.make("GET", "/v1/profiles", query="order=alphabetically")["profiles"]
    assert [p["id"] for p in by_name] == [second, first]
    following = call.make("GET", "/v1/profiles", query=f"order=alphabetically&starting_after={second}")["profiles"]
    assert [p["id"] for p in following] == [first]
    earlier = call.make("GET", "/v1/profiles", query=f"order=alphabetically&ending_before={first}")["profiles"]
    assert [p["id"] for p in earlier] == [second]


@pytest.mark.parametrize(
    "query",
    [
        "email=ADA@example.com",
        "phone=%2B59899000001",
        "first_name=ada",
        "last_name=Lovelace",
        "property[gender]=female",
    ],
)
def test_profiles_are_filtered(call: Caller, query: str) -> None:
    one = profile(
        call,
        **{
            "email": "ada@example.com",
            "phone": "+59899000001",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "property[gender]": "female",
        },
    )
    profile(call, email="b@example.com")
    assert [p["id"] for p in call.make("GET", "/v1/profiles", query=query)["profiles"]] == [one]


def test_a_deleted_list_leaves_its_members(shop: Shop, call: Caller) -> None:
    call.make("POST", f"/v1/lists/greens/profiles/{shop.profile}")
    assert [group["id"] for group in shown(call, shop.profile)["lists"]] == [shop.list]
    call.make("DELETE", "/v1/lists/Greens")
    assert shown(call, shop.profile)["lists"] == []


def test_a_list_is_found_by_a_name_with_any_character(call: Caller) -> None:
    made = call.make("POST", "/v1/lists", {"name": "Beauty & Care / 100 % ☃"})
    assert call("GET", "/v1/lists/Beauty%20%26%20Care%20%2F%20100%20%25%20%E2%98%83").id == made["id"]
    answer = call("POST", "/v1/lists", {"name": "beauty & care / 100 % ☃"})
    assert (answer.status, answer.errors) == (422, [("parameter_not_unique", "name")])
    found = call.make("GET", "/v1/lists", query="name=beauty")["lists"]
    assert [group["id"] for group in found] == [made["id"]]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"city": "Rome", "street": {"name": "Via Appia", "number": "1"}}, {"name": "Via Appia", "number": "1"}),
        ({"suggest": "Via Appia 1, Rome"}, {"name": "Via Appia 1, Rome", "number": None}),
        ({"street": "Via Appia 1"}, {"name": "Via Appia 1", "number": None}),
        ({"city": "Rome", "latitude": "-0.349e2", "longitude": 12.5}, None),
    ],
)
def test_an_address_is_kept_in_its_parts(call: Caller, given: dict[str, Any], kept: Any) -> None:
    one = profile(call, address=given)
    value = shown(call, one)["properties"][0]["value"]
    assert (value["street"], value["city"]) == (kept, given.get("city"))


@pytest.mark.parametrize("address", [17, {"street": 17}, {"latitude": []}, {"city": {}}, {"street": {"name": 1}}])
def test_what_is_no_address_is_refused(call: Caller, address: Any) -> None:
    assert call("POST", "/v1/profiles", {"address": address}).status == 422


def test_a_contact_keeps_its_verification_when_it_is_sent_again(shop: Shop, call: Caller) -> None:
    call.make("POST", f"/v1/profiles/{shop.profile}/verify", {"email": "will.e@acme.com"})
    call.make("PATCH", f"/v1/profiles/{shop.profile}", {"email": "Will.E@acme.com"})
    assert shown(call, shop.profile)["verified_emails"] == ["Will.E@acme.com"]


def test_a_profile_is_found_by_its_contact_without_a_look_at_the_others(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [profile(call, email=f"{number}@example.com") for number in range(10)]
    looked_at: list[Any] = []
    contacts_of = profiles._contacts

    def watched(row: Any) -> Any:
        looked_at.append(row)
        return contacts_of(row)

    monkeypatch.setattr(profiles, "_contacts", watched)
    assert [p["id"] for p in call.make("GET", "/v1/profiles", query="email=4@Example.com")["profiles"]] == [made[4]]
    assert len(looked_at) == 1


@pytest.mark.parametrize("order", ["", "&order=created_at"])
def test_the_cursors_count_also_when_profiles_are_filtered_by_contact(call: Caller, order: str) -> None:
    made = [profile(call, email=f"{number}@example.com") for number in range(3)]

    def found(query: str) -> list[str]:
        answer = call.make("GET", "/v1/profiles", query=f"email=1@example.com{order}{query}")
        return [p["id"] for p in answer["profiles"]]

    assert found("") == [made[1]]
    assert found(f"&starting_after={made[2]}") == found(f"&ending_before={made[0]}") == [made[1]]
    for own_or_beyond in (f"starting_after={made[1]}", f"starting_after={made[0]}", f"ending_before={made[2]}"):
        assert found(f"&{own_or_beyond}") == []
    assert call("GET", "/v1/profiles", query="email=1@example.com&starting_after=nothing").status == 400


def test_a_foreign_phone_may_begin_with_two_noughts(call: Caller) -> None:
    first = profile(call, phone="+59899123456")
    assert profile(call, phone="00598 99 123 456") == first


def test_a_list_is_filtered_by_every_contact_that_is_named(call: Caller) -> None:
    both = profile(call, email="a@example.com", phone="+59899000001")
    profile(call, email="b@example.com")
    found = call.make("GET", "/v1/profiles", query="email=a@example.com&phone=%2B59899000001")["profiles"]
    assert [row["id"] for row in found] == [both]
    assert call.make("GET", "/v1/profiles", query="email=a@example.com&phone=%2B59899000009")["profiles"] == []


def test_one_part_of_an_address_changes_the_address(call: Caller) -> None:
    one = profile(call, **{"email": "a@example.com", "address[city]": "Montevideo"})
    assert "Montevideo" in str(shown(call, one))


def test_a_contact_needs_a_name_that_can_be_one(call: Caller) -> None:
    answer = call("POST", "/v1/profiles", {"email": {"x" * 300: "a@example.com"}})
    assert answer.status == 422
