"""Which IDs of Hellotext can be stored: one that is cut or altered would name another object, or none."""

from __future__ import annotations

from ..exceptions import ErrorDetail, UnusableId
from ..models.objects import REMOTE_ID_LENGTH
from ..sanitize import REPLACEMENT


def is_storable(remote_id: str) -> bool:
    """Return whether ``remote_id`` fits into its column as Hellotext sent it."""
    return len(remote_id) <= REMOTE_ID_LENGTH and REPLACEMENT not in remote_id


def checked(remote_id: str) -> str:
    """Return ``remote_id``. Raises ``UnusableId`` when it cannot be stored."""
    if is_storable(remote_id):
        return remote_id
    problem = (
        f"it has {len(remote_id)} characters, and at most {REMOTE_ID_LENGTH} can be stored"
        if len(remote_id) > REMOTE_ID_LENGTH
        else "it has characters that no database stores"
    )
    message = f"Hellotext has the object, but its ID cannot be used: {problem}."
    raise UnusableId(errors=[ErrorDetail("unusable_id", "id", message)])
