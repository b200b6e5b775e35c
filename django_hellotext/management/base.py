"""The base of our commands. What they print of the shop, the database and Hellotext cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper, SystemCheckError

from django_hellotext.sanitize import one_line


class Output:
    """Writes lines to a command's stream. Text from outside can neither start a line of its own nor hide one."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream

    def line(self, text: object = "", *, mark: str = "") -> None:
        """Write one line. ``mark`` stands before it and is our own: it keeps its colours."""
        self._stream.write(f"{mark}{one_line(text)}")
        self._stream.flush()

    def lines(self, texts: Iterable[object]) -> None:
        """Write each of ``texts`` on a line of its own."""
        for text in texts:
            self.line(text)

    def document(self, text: str) -> None:
        """Write a JSON document; its line breaks are ours, those inside a value are escaped already."""
        self.lines(text.split("\n"))

    def raw(self, text: str) -> None:
        """Write ``text`` as it is, without a line end: for our own control codes."""
        self._stream.write(text, ending="", style_func=str)
        self._stream.flush()


class HellotextCommand(BaseCommand):
    """Prints through ``out`` and ``err``, and raises ``CommandError`` with a clean text."""

    @property
    def out(self) -> Output:
        """Standard output."""
        return Output(self.stdout)

    @property
    def err(self) -> Output:
        """Standard error, in Django's colour for errors."""
        return Output(self.stderr)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command as Django does."""
        try:
            return super().execute(*args, **options)
        except SystemCheckError:
            raise  # Django's own report, which has many lines
        except CommandError as error:
            error.args = (one_line(error),)
            raise
