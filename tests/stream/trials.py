"""Random edits of random documents, judged by PyYAML: correct or refused, never wrong.

`python -m tests.stream.trials 100000 [seed]` prints the counts and ends with 1 if any edit was wrong.
"""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from typing import Any

import yaml
from yaml import CBaseLoader

from tests.stream.texts import Texts
from transformer.stream import emit, nodes, splice

NEW_VALUES: list[Any] = ["new", "", "true", "it's", "a: b", "line\nline\n", "#x", 7, True, None, "é", " lead"]
NEW_TREES: list[Any] = [{"n1": "v", "n2": {"n3": ["x", {"y": 1}]}}, ["p", {"q": "r"}], {}, []]


def judge(text: str, operations: list[splice.Op]) -> str:
    """`correct`, `invalid` (the document itself), `refused: …` or `wrong: …`."""
    try:
        tree = nodes.parse(text)
        before = yaml.load(text, CBaseLoader)
    except (nodes.ParseError, yaml.YAMLError):
        return "invalid"
    try:
        edited = splice.apply(text, tree, operations)
    except splice.Refused as refused:
        return f"refused: {refused.reason}"
    try:
        after = yaml.load(edited, CBaseLoader)
    except yaml.YAMLError as error:
        return f"wrong: not YAML any more: {error}"
    wanted = splice.expected(before, [_as_text(operation) for operation in operations])
    if after != wanted:
        return f"wrong: {after!r} instead of {wanted!r}"
    spread = _spread(text, edited, operations)
    return f"wrong: {spread}" if spread else "correct"


def _as_text(operation: splice.Op) -> splice.Op:
    """The operation with its value as a loader that knows strings only reads it."""
    if isinstance(operation, splice.Set | splice.Insert | splice.InsertItem):
        return operation._replace(value=_texts(operation.value))
    return operation


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value if isinstance(value, str) else emit.scalar(value)


def _spread(text: str, edited: str, operations: list[splice.Op]) -> str:
    """What is wrong with the lines of a single edit: more of them changed than had to."""
    old, new = text.splitlines(keepends=True), edited.splitlines(keepends=True)
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    if len(operations) > 1:
        return ""
    operation = operations[0]
    if isinstance(operation, splice.Rename) and (len(old), len(new)) not in ((1, 1), (0, 0)):
        return f"a rename changed {old!r} to {new!r}"
    if isinstance(operation, splice.Set) and len(new) > 1:
        return f"a new value changed {old!r} to {new!r}"
    # An empty flow collection may span lines; filling it joins them.
    if isinstance(operation, splice.Insert) and any(line.strip(" \t\r\n{}[],") for line in old[1:]):
        return f"an insertion changed {old!r} to {new!r}"
    if isinstance(operation, splice.Remove | splice.RemoveItem) and len(new) > 2:
        return f"a removal changed {old!r} to {new!r}"
    return ""


def random_operations(random: Random, text: str) -> list[splice.Op]:
    """One operation, sometimes several, that mostly fit the document."""
    try:
        root = nodes.parse(text).root
        value = nodes.to_value(root) if root is not None else None
    except nodes.ParseError:
        return []
    operations: list[splice.Op] = []
    for _ in range(1 if random.random() < 0.7 else random.randint(2, 4)):
        operation = _operation(random, value)
        if operation is None:
            break
        try:
            value = splice.expected(value, [operation])
        except splice.Refused:
            break
        operations.append(operation)
    return operations


def _operation(random: Random, value: Any) -> splice.Op | None:
    found = _paths(value, ())
    mappings = [(path, child) for path, child in found if isinstance(child, dict)]
    sequences = [(path, child) for path, child in found if isinstance(child, list)]
    scalars = [path for path, child in found if not isinstance(child, dict | list)]
    roll = random.random()
    key = random.choice(["new", "linkerd.io/inject", "yes", "n: 1", "é"])
    if roll < 0.2 and scalars:
        return splice.Set(random.choice(scalars), random.choice(NEW_VALUES))
    if roll < 0.45 and mappings:
        path = random.choice(mappings)[0]
        if random.random() < 0.2:
            path = (*path, *random.choice([("fresh",), ("fresh", "deep")]))
        return splice.Insert(path, key, random.choice(NEW_VALUES + NEW_TREES))
    entries = [(path, name) for path, mapping in mappings for name in mapping]
    items = [(path, index) for path, sequence in sequences for index in range(len(sequence))]
    if roll < 0.6 and entries:
        path, old = random.choice(entries)
        return splice.Rename((*path, old), key)
    if roll < 0.8 and entries:
        path, old = random.choice(entries)
        return splice.Remove((*path, old), prune=random.random() < 0.5)
    if roll < 0.9 and items:
        path, index = random.choice(items)
        return splice.RemoveItem((*path, index))
    if sequences:
        path, sequence = random.choice(sequences)
        return splice.InsertItem(
            path, random.randint(0, len(sequence)), random.choice(NEW_VALUES + NEW_TREES)
        )
    return None


def _paths(value: Any, path: splice.Path) -> list[tuple[splice.Path, Any]]:
    found = [(path, value)] if path or isinstance(value, dict | list) else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, child in children:
        found += _paths(child, (*path, step))
    return found


def run(trials: int, seed: int = 0) -> Counter[str]:
    """Verdicts of so many trials; wrong ones are printed."""
    verdicts: Counter[str] = Counter()
    for number in range(trials):
        random = Random(f"{seed}-{number}")
        text = Texts(random).document()
        operations = random_operations(random, text)
        if not operations:
            verdicts["invalid"] += 1
            continue
        verdict = judge(text, operations)
        if verdict.startswith("wrong"):
            print(f"--- trial {seed}-{number}: {verdict}\n{operations}\n{text!r}")
        kind, _, reason = verdict.partition(": ")
        verdicts[kind] += 1
        if kind == "refused":
            verdicts[f"  {reason if len(reason) < 60 else reason[:60]}"] += 1
    return verdicts


def main(arguments: list[str]) -> int:
    """Command line: number of trials, seed."""
    verdicts = run(int(arguments[0]) if arguments else 1000, int(arguments[1]) if len(arguments) > 1 else 0)
    for verdict, count in sorted(verdicts.items(), key=lambda item: -item[1]):
        print(f"{count:8d} {verdict}")
    return 1 if verdicts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
