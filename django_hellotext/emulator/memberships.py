"""Putting a profile on a list and taking it off; both answer with the profile."""

from __future__ import annotations

from . import lists, profiles
from .world import Answer, Call, World


def add(world: World, call: Call) -> Answer:
    """Answer add_profile_to_list."""
    group = lists.by_key(world, call.path["list"], parameter="list")
    row = profiles.live(world, call.path["profile"], parameter="profile")
    members = list(dict.fromkeys([*row["lists"], group["id"]]))
    return 200, profiles.view(world, world.store["profile"].put({**row, "lists": members}))


def remove(world: World, call: Call) -> Answer:
    """Answer remove_profile_from_list."""
    group = lists.by_key(world, call.path["list"], parameter="list")
    row = profiles.live(world, call.path["profile"], parameter="profile")
    members = [id_ for id_ in row["lists"] if id_ != group["id"]]
    return 200, profiles.view(world, world.store["profile"].put({**row, "lists": members}))
