"""What would be written, and what a person should know: collected first, so that all of it happens or nothing."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from transformer.errors import UsageError
from transformer.frontends.init.survey import Survey
from transformer.stream import nodes, splice, split
from transformer.stream.patterns import pattern

_MARK = b"\xef\xbb\xbf"
#: Comments directly below a line, and what may follow them where nothing else does.
_COMMENTS = pattern(r"(?:[ \t]*#[^\r\n]*(?:\r?\n|\Z))+")
_NOTHING = pattern(r"(?:[ \t]*(?:#[^\r\n]*|\.\.\.[ \t]*)?(?:\r?\n|\Z))*\Z")


class Change(NamedTuple):
    """A file before (None: it does not exist) and after, and what the change is for."""

    name: str
    before: bytes | None
    after: bytes
    why: str


class Step(NamedTuple):
    """A command for a person, and what it does; `first`: it is the one to type next."""

    command: str
    why: str
    first: bool = False


class Plan:
    """Changes by file name; what is wired already or on purpose not; what is left to a person; the next commands."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.changes: dict[str, Change] = {}
        self.kept: list[str] = []
        self.left: list[str] = []
        self.steps: list[Step] = []
        #: Folders that something other than kustomize on the command line renders, and what that is.
        self.rendered_by: dict[str, str] = {}

    def read(self, name: str) -> bytes | None:
        """The bytes of a file as they will be; None where it neither exists nor is planned."""
        change = self.changes.get(name)
        return change.after if change is not None else self.survey.files.get(name)

    def write(self, name: str, after: bytes, why: str) -> None:
        """Plan the bytes of a file; nothing where they are the same as before. Several changes of a file are told together."""
        change = self.changes.get(name)
        before = change.before if change is not None else self.survey.files.get(name)
        reasons = change.why.split("; ") if change is not None else []
        if why not in reasons:
            why = "; ".join([*reasons, why])
        elif change is not None:
            why = change.why
        if before != after:
            self.changes[name] = Change(name, before, after, why)

    def edit(
        self, name: str, operations: list[splice.Op], why: str, by_hand: str, *, index: int | None = None
    ) -> None:
        """Plan an edit of a file, or of the document with this number in it.

        Nothing but the lines that the operations name changes. Raises UsageError with `by_hand`, what a person may write
        instead, where the text cannot be edited safely.
        """
        raw = self.read(name)
        if raw is None:
            raise UsageError(f"{name} does not exist")
        start, end = (0, len(raw)) if index is None else split.split(raw)[index]
        try:
            text, marked = nodes.decode(raw[start:end])
            edited = _below_comments(text, splice.apply(text, nodes.parse(text), operations))
        except (splice.Refused, nodes.ParseError) as error:
            raise UsageError(
                f"{name} cannot be edited safely ({error}); nothing was written. By hand: {by_hand}. "
                "Then run this command again."
            ) from error
        head = raw[:start] + (_MARK if marked else b"")
        self.write(name, head + edited.encode() + raw[end:], why)


def word(text: str) -> str:
    """A path or name as one word of a shell command, which is neither expanded nor taken for a flag."""
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _below_comments(text: str, edited: str) -> str:
    """The edited text with lines that were added at its end below the comments that stand there.

    They are entries that were commented out, or remarks about the last one, and must not seem to belong to the new lines.
    """
    differs = (index for index, (old, new) in enumerate(zip(text, edited, strict=False)) if old != new)
    at = text.rfind("\n", 0, next(differs, len(text))) + 1
    added = edited[at : len(edited) - len(text) + at]
    if text[:at] + added + text[at:] != edited:
        return edited
    comments = _COMMENTS.match(text, at)
    if comments is None or not _NOTHING.match(text, comments.end()):
        return edited
    rest = text[at:]
    if not rest.endswith("\n") and comments.end() == len(text):
        newline = "\r\n" if added.endswith("\r\n") else "\n"
        rest, added = rest + newline, added.removesuffix(newline)
    here = comments.end() - at if comments.end() < len(text) else len(rest)
    moved = text[:at] + rest[:here] + added + rest[here:]
    there, meant = nodes.parse(moved).root, nodes.parse(edited).root
    same = there is not None and meant is not None and nodes.to_value(there) == nodes.to_value(meant)
    return moved if same else edited
