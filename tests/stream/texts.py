"""Random YAML documents as text: every style, odd indentation, comments, CRLF, anchors, no final newline."""

from __future__ import annotations

from random import Random

PLAIN = [
    "x",
    "a b",
    "1",
    "true",
    "~",
    "yes",
    "0x1F",
    "a: b"[:1],
    "http://h:80/p",
    "2001-01-01",
    "é",
    "a#b",
    "-x",
    "1.5",
]
KEYS = ["a", "b", "c", "name", "istio.io/rev", "x-y", "é", "k1", "k2", "k3", "long key", "d", "e", "f"]
COMMENTS = ["# c", "# a: b", "#", "# - x", "# é"]


class Texts:
    """Writes one random document after another from one source of randomness."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.anchors: list[str] = []
        self.count = 0

    def document(self) -> str:
        """The text of one document whose root is a mapping, mostly a valid one."""
        r = self.random
        self.anchors = []
        head = r.choice(["", "", "", "---\n", "--- # c\n", "# top\n---\n", "# Source: x\n", "\n"])
        tail = r.choice(["", "", "", "", "\n", "# end\n", "\n\n# end\n", "...\n", "   \n"])
        body = self.flow(0, json=True) + "\n" if r.random() < 0.06 else self.mapping(0, 0)
        text = head + body + tail
        if r.random() < 0.12:
            text = text.rstrip("\n ")
        if r.random() < 0.15:
            text = text.replace("\n", "\r\n")
        return text

    def mapping(self, column: int, depth: int, *, inline: bool = False) -> str:
        """Lines of a block mapping at a column; the first line without indentation if `inline`."""
        r = self.random
        keys = r.sample(KEYS, r.randint(1, 4))
        if r.random() < 0.01:
            keys.append(keys[0])
        out = []
        for number, key in enumerate(keys):
            start = "" if inline and number == 0 else " " * column
            if start or not inline:
                out.append(self.between(column))
            out.append(start + self.key(key) + self.colon() + self.value(column, depth))
        if self.anchors and r.random() < 0.03:
            out.append(" " * column + f"<<: *{r.choice(self.anchors)}\n")
        return "".join(out)

    def value(self, column: int, depth: int) -> str:
        """What follows a colon, to the end of its last line."""
        r = self.random
        roll = r.random()
        anchor = self.anchor() if r.random() < 0.05 else ""
        if depth < 4 and roll < 0.28:
            return anchor + self.comment() + self.mapping(column + r.choice([1, 2, 2, 2, 3, 4]), depth + 1)
        if depth < 4 and roll < 0.43:
            return anchor + self.comment() + self.sequence(column + r.choice([0, 0, 2, 2, 1]), depth + 1)
        if roll < 0.50:
            return " " + self.flow(column + 1) + self.comment()
        if roll < 0.60:
            return " " + anchor.strip() + " " * bool(anchor) + self.block_scalar(column)
        if roll < 0.65:
            return anchor + self.comment()
        if roll < 0.68 and self.anchors:
            return f" *{r.choice(self.anchors)}" + self.comment()
        if roll < 0.70:
            return " !!str " + self.scalar(column) + self.comment()
        if roll < 0.72:
            return r.choice([" {}", " []", " null", " ~", " { }"]) + self.comment()
        if roll < 0.73:
            return "\n" + " " * (column + 1) + self.scalar(column) + self.comment()
        return (
            r.choice([" ", " ", " ", "  "])
            + anchor.strip()
            + " " * bool(anchor)
            + self.scalar(column)
            + self.comment()
        )

    def sequence(self, column: int, depth: int, *, inline: bool = False) -> str:
        """Lines of a block sequence."""
        r = self.random
        out = []
        for number in range(r.randint(1, 3)):
            start = "" if inline and number == 0 else " " * column
            if start or not inline:
                out.append(self.between(column))
            dash = r.choice(["- ", "- ", "- ", "-   "])
            roll = r.random()
            if depth < 4 and roll < 0.4:
                item = dash + self.mapping(column + len(dash), depth + 1, inline=True)
            elif depth < 4 and roll < 0.5:
                item = dash + self.sequence(column + len(dash), depth + 1, inline=True)
            elif roll < 0.6:
                item = "-" + self.comment() + self.mapping(column + 2, depth + 1) if depth < 4 else "- x\n"
            else:
                item = "-" + self.value(column, 9)
            out.append(start + item)
        return "".join(out)

    def flow(self, column: int, *, json: bool = False) -> str:
        """A flow collection, on one or several lines."""
        r = self.random
        gap = r.choice(["", " ", "\n" + " " * (column + 1)])
        separator = r.choice([", ", ",", ",\n" + " " * (column + 1)])
        if json or r.random() < 0.6:
            quote = '"' if json or r.random() < 0.3 else ""
            keys = r.sample([key for key in KEYS if key.isascii()], r.randint(json, 3))
            parts = [f"{quote}{key}{quote}: {self.flow_value(column, quote)}" for key in keys]
            return "{" + gap + separator.join(parts) + r.choice(["", "", ","] if parts else [""]) + gap + "}"
        parts = [self.flow_value(column, "") for _ in range(r.randint(0, 3))]
        return "[" + gap + separator.join(parts) + gap + "]"

    def flow_value(self, column: int, quote: str) -> str:
        """A value inside of a flow collection."""
        r = self.random
        if r.random() < 0.2:
            return self.flow(column + 2)
        return r.choice(
            ["1", "true", '"x"', '"a, b"', "null"] if quote else ["x", "1", "a b", "'q'", '"d # x"', "~", "y"]
        )

    def block_scalar(self, column: int) -> str:
        """A literal or folded block scalar with its header."""
        r = self.random
        deeper = r.randint(1, 4)
        header = r.choice("|>") + r.choice([str(deeper), "", "", ""]) + r.choice(["", "", "-", "+"])
        lines = [" " * (column + deeper) + r.choice(["text", "a: b", "# no comment", "- x", "it's", "é"])]
        for _ in range(r.randint(0, 3)):
            lines.append(r.choice(["", " " * (column + deeper) + r.choice(["more", " deeper", "x: y"])]))
        return (
            header
            + r.choice(["", "", " # c"])
            + "\n"
            + "\n".join(lines)
            + "\n"
            + r.choice(["", "", "\n", "\n\n"])
        )

    def scalar(self, column: int) -> str:
        """A plain or quoted scalar, sometimes on two lines."""
        r = self.random
        roll = r.random()
        pad = "\n" + " " * (column + r.randint(1, 3))
        if roll < 0.6:
            return r.choice(PLAIN)
        if roll < 0.64:
            return "two" + pad + "lines"
        if roll < 0.8:
            return r.choice(
                ['"d"', '"a\\n\\u00e9"', '"# x"', '"a' + pad + 'b"', '""', '"{"', '"- x' + pad + '- y"']
            )
        return r.choice(["'s'", "'it''s'", "'a: b'", "''", "'a" + pad + "b'", "'1'"])

    def key(self, key: str) -> str:
        """A key, sometimes quoted."""
        roll = self.random.random()
        return f'"{key}"' if roll < 0.07 else f"'{key}'" if roll < 0.14 else key

    def colon(self) -> str:
        """The colon, now and then after a blank."""
        return " :" if self.random.random() < 0.03 else ":"

    def comment(self) -> str:
        """The end of a line, with or without a comment."""
        r = self.random
        return r.choice(["", "", "", "", "", " ", " # c", "  # a: b", "\t# t"]) + "\n"

    def between(self, column: int) -> str:
        """Comment and blank lines between entries."""
        r = self.random
        if r.random() < 0.8:
            return ""
        return r.choice(
            ["\n", " " * column + r.choice(COMMENTS) + "\n", "# left\n", " " * (column + 2) + "# deep\n"]
        )

    def anchor(self) -> str:
        """A new anchor with its blank."""
        self.count += 1
        name = f"n{self.count}"
        self.anchors.append(name)
        return f" &{name}"
