"""How the emulator reads the public documentation of Hellotext, whose sources differ or are silent in places."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """Which of several readings holds; the defaults are the strictest that the newest documentation supports.

    Lines of carts and orders:
        ``whole_quantities``    a quantity is a whole number, else any number above zero
        ``merged_lines``        a product has one line in an order: quantities are added, the last price counts
        ``inline_delivery``     an order in the parameters of an event needs ``delivery``, as a created one does
        ``order_delivery``      a created order needs ``delivery``
    What a request refers to:
        ``deleted_refused``     a deleted object cannot be a cursor of a page, and the line of a deleted product
                                cannot be changed
    Values:
        ``null_is_empty``       null for a required parameter is ``parameter_invalid_empty``, else ``invalid``
        ``iso_dates``           a date property takes ISO 8601 text beside ``{"day", "month", "year"}``
        ``filter_by_kind``      the filter of profiles by a property compares as its kind does, else as text
        ``names_by_kind``       an e-mail, a phone and an address of one profile may have the same name
        ``missing_status``      the status when a required parameter is missing, 400 or 422
    Sessions and events:
        ``sessions_move``       attaching a session to a second profile moves it
        ``tracking_attaches``   an event with a profile and an unattached session attaches the session
        ``form_events``         events may be form-encoded
        ``post_updates``        POST updates an event, app, form or refund, as PATCH does
        ``actions_with_events`` deleting an action deletes its events, else it is refused while it has some
    """

    name: str = "strict"
    whole_quantities: bool = True
    merged_lines: bool = True
    inline_delivery: bool = False
    order_delivery: bool = True
    deleted_refused: bool = True
    null_is_empty: bool = True
    iso_dates: bool = False
    filter_by_kind: bool = True
    names_by_kind: bool = True
    missing_status: int = 400
    sessions_move: bool = False
    tracking_attaches: bool = False
    form_events: bool = False
    post_updates: bool = False
    actions_with_events: bool = False

    def __post_init__(self) -> None:
        if self.missing_status not in {400, 422}:
            raise ValueError("missing_status is 400 or 422")


STRICT = Reading()
LENIENT = Reading(
    name="lenient",
    whole_quantities=False,
    merged_lines=False,
    inline_delivery=True,
    deleted_refused=False,
    null_is_empty=False,
    iso_dates=True,
    filter_by_kind=False,
    names_by_kind=False,
)
AS_DOCUMENTED = Reading(
    name="as documented",
    whole_quantities=False,
    merged_lines=False,
    order_delivery=False,
    missing_status=422,
    sessions_move=True,
    tracking_attaches=True,
    form_events=True,
    post_updates=True,
    actions_with_events=True,
)
