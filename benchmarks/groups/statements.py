"""How many statements a delivered event takes when many wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from benchmarks.figures import Figure
from benchmarks.servers import Answerer
from benchmarks.settings import HELLOTEXT
from benchmarks.shop import customers, events, template
from benchmarks.workers import THREADS
from django_hellotext.delivery import drain


def measure(short: bool) -> Iterator[Figure]:
    """Yield statements for each event: with customers who are there already, and with new ones."""
    many = 1000 if short else 5000
    pattern = template(customers(1)[0])
    new = customers(many // 5, at_hellotext=False)
    for what, people, number, at_most in (
        ("statements per event", customers(1000), many, 2.2),
        # Fewer of them, because Django's log of queries ends at 9,000.
        ("statements per event, each of a new customer", new, len(new), None),
    ):
        events(pattern, number=number, keys=[str(person.pk) for person in people])
        with (
            Answerer(latency=0.0) as answerer,
            override_settings(HELLOTEXT={**HELLOTEXT, "BASE_URL": answerer.url}),
            CaptureQueriesContext(connection) as queries,
        ):
            report = drain(concurrency=THREADS)
        assert report.delivered == number, report
        kinds = Counter(query["sql"].split(None, 1)[0] for query in queries.captured_queries)
        detail = f"{number} events: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}"
        yield Figure(measure=what, value=len(queries) / number, unit="", at_most=at_most, detail=detail)
