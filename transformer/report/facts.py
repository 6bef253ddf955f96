"""The one message about facts that are missing: which, why each matters, for which objects, and what to
paste.
"""

from __future__ import annotations

from typing import Any

from transformer.options import OPTIONS, Option

_SHOWN = 5
_REASONS = 3


def message(facts: list[dict[str, Any]], *, fatal: bool) -> str:
    """The message about the facts that a report misses; `fatal`: they kept the run from writing."""
    count = "1 fact is missing" if len(facts) == 1 else f"{len(facts)} facts are missing"
    lines = [f"meshshift: {count} that no manifest tells" + ("; nothing was written" if fatal else "")]
    options = {option.key: option for option in OPTIONS}
    for fact in facts:
        option = options[fact["key"]]
        lines += ["", f"  {option.key}: {option.help}"]
        lines += [f"    why: {why}" for why in fact["why"][:_REASONS]]
        if len(fact["why"]) > _REASONS:
            lines.append(f"    and {len(fact['why']) - _REASONS} more reasons of the same kind")
        shown = [_object(entry) for entry in fact["objects"][:_SHOWN]]
        rest = len(fact["objects"]) - len(shown)
        lines.append("    for: " + "; ".join(shown) + (f"; and {rest} more" if rest > 0 else ""))
    chosen = [options[fact["key"]] for fact in facts]
    lines += ["", "Say it in meshshift.yaml:", "", *snippet(chosen)]
    lines += ["", "or on the command line: " + " ".join(f"{o.flag}={_first(o)}" for o in chosen)]
    lines += ["or in the environment: " + " ".join(f"{o.variable}={_first(o)}" for o in chosen)]
    return "\n".join(lines)


def snippet(options: list[Option]) -> list[str]:
    """Lines of a configuration file that say something for each of the options."""
    lines: list[str] = []
    section = ""
    for option in sorted(options, key=lambda option: option.key):
        head, _, rest = option.key.partition(".")
        others = [choice for choice in option.choices if choice and choice != _first(option)]
        remark = f"  # or {', '.join(others)}" if others else ""
        if not rest:
            lines.append(f"  {head}: {_first(option)}{remark}")
            continue
        if head != section:
            lines.append(f"  {head}:")
            section = head
        lines.append(f"    {rest}: {_first(option)}{remark}")
    return lines


def _first(option: Option) -> str:
    return next((choice for choice in option.choices if choice), "…")


def _object(entry: dict[str, Any]) -> str:
    name = f"{entry['namespace']}/{entry['name']}" if entry["namespace"] else entry["name"]
    return f"{entry['kind']} {name}" + (f" ({entry['file']}:{entry['line']})" if entry["file"] else "")
