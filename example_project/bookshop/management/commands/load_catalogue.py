"""``manage.py load_catalogue``: put the forty books on the shelves, and the rest of the shop beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from bookshop.models import App, Book, Category, Coupon, Edition, Survey

COUPONS = {
    "READMORE": (10, "Ten percent off everything, for readers of our letters."),
    "SUMMER25": (25, "A quarter off."),
}
APPS = {"Lantern Reader": "Take the books that you have bought along, on your phone."}
SURVEYS = {"Shelf wishes": "Which book should we put on the shelves next?"}
CATALOGUE = Path(__file__).resolve().parents[2] / "catalogue.json"


class Command(BaseCommand):
    """Write the books of ``catalogue.json`` to the database; a book is known by its SKU, so it can run again."""

    help = "Puts the books of catalogue.json on the shelves; can be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        """Add what is missing and correct what differs; leave the rest untouched."""
        added = corrected = 0
        for entry in json.loads(CATALOGUE.read_text(encoding="utf-8")):
            fields = {**entry, "cover": f"bookshop/covers/{entry['slug']}.svg"}
            sku, categories, editions = fields.pop("sku"), fields.pop("categories"), fields.pop("editions")
            book = Book.objects.filter(sku=sku).first()
            if book is None:
                book = Book.objects.create(sku=sku, **fields)
                added += 1
            elif any(str(getattr(book, name)) != str(value) for name, value in fields.items()):
                for name, value in fields.items():
                    setattr(book, name, value)
                book.save()
                corrected += 1
            self._complete(book, categories, editions)
        for code, (percent, description) in COUPONS.items():
            Coupon.objects.get_or_create(code=code, defaults={"percent": percent, "description": description})
        for name, blurb in APPS.items():
            App.objects.get_or_create(name=name, defaults={"blurb": blurb})
        for name, question in SURVEYS.items():
            Survey.objects.get_or_create(name=name, defaults={"question": question})
        if options["verbosity"]:
            self.stdout.write(
                f"Catalogue: {added} added, {corrected} corrected, {Book.objects.count()} on the shelves."
            )

    def _complete(self, book: Book, categories: list[str], editions: list[dict[str, str]]) -> None:
        """Give the book its categories and editions, where it has others."""
        if {category.name for category in book.categories.all()} != set(categories):
            book.categories.set([Category.objects.get_or_create(name=name)[0] for name in categories])
        known = {edition.sku: edition for edition in book.editions.all()}
        for entry in editions:
            edition = known.get(entry["sku"])
            if edition is None:
                Edition.objects.create(book=book, **entry)
            elif (edition.name, str(edition.price)) != (entry["name"], entry["price"]):
                edition.name, edition.price = entry["name"], Decimal(entry["price"])
                edition.save()
