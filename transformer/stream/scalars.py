"""What a YAML scalar means to Kubernetes, and which strings need quotes so that nobody reads them otherwise.

Kubernetes turns YAML into JSON with sigs.k8s.io/yaml, which is go-yaml v2 (`resolve.go`); kustomize and kyaml
use go-yaml v3; other tools follow YAML 1.1 or the YAML 1.2 core schema.
"""

from __future__ import annotations

import re

from transformer.stream.patterns import pattern

Scalar = str | int | float | bool | None

PLAIN = "plain"
TAG_PREFIX = "tag:yaml.org,2002:"
STR_TAG = TAG_PREFIX + "str"
BOOL_TAG = TAG_PREFIX + "bool"
INT_TAG = TAG_PREFIX + "int"
FLOAT_TAG = TAG_PREFIX + "float"
NULL_TAG = TAG_PREFIX + "null"
TIMESTAMP_TAG = TAG_PREFIX + "timestamp"
BINARY_TAG = TAG_PREFIX + "binary"
MERGE_TAG = TAG_PREFIX + "merge"

_INFINITY = float("inf")
_NAMED: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), _INFINITY),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -_INFINITY),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
# A plain scalar that starts with any other character is a string for go-yaml.
HINTS = frozenset("+-0123456789.yYnNtTfFoO~")
_MAX_INT64 = 2**63 - 1
_MIN_INT64 = -(2**63)
_MAX_UINT64 = 2**64 - 1

_GO_INT = pattern(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]*)|([1-9][0-9]*))\Z", re.A
)
# go-yaml hands what follows `0b` to a parser that takes a sign there.
_GO_SIGNED_BINARY = pattern(r"0b([-+][01]+)\Z", re.A)
_GO_FLOAT = pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.A)
# strconv.ParseFloat lets single underscores stand between digits; only scalars starting with a dot get there.
_GO_DOT_FLOAT = pattern(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?\Z", re.A)
_GO_TIMESTAMP = pattern(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"|[ ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?)?\Z",
    re.A,
)


class ScalarError(ValueError):
    """A scalar that Kubernetes refuses: an infinity, or a text that contradicts its tag.

    Messages do not quote it: it may be a value of a Secret, and whoever reads them may not.
    """


def resolve(text: str, style: str | None = None, tag: str | None = None) -> Scalar:
    """The JSON value of a scalar as Kubernetes reads it.

    `style` is None, '' or 'plain' for plain scalars; `tag` is the tag in full (`tag:yaml.org,2002:str`) or
    None. Numbers become int where the API machinery makes them int64, otherwise float. Raises ScalarError.
    """
    value = _go_value(text, style, tag)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _json_float(text, value)
    if value is not None and value > _MAX_INT64:
        return float(value)
    return value


def key_text(text: str, style: str | None = None, tag: str | None = None) -> str:
    """The JSON key that a scalar mapping key becomes: `yes` → "true", `0x10` → "16". Raises ScalarError."""
    if tag is None and (not _is_plain(style) or (text and text[0] not in HINTS)):
        return text
    value = _go_value(text, style, tag)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value <= _MAX_INT64:
        return str(value)
    if isinstance(value, float):
        return _float32_text(value)
    raise ScalarError("Kubernetes does not accept this scalar as a mapping key")


def _is_plain(style: str | None) -> bool:
    return not style or style == PLAIN


def _go_value(text: str, style: str | None, tag: str | None) -> Scalar:
    """What go-yaml v2 hands to Go code: unsigned integers up to 64 bits and non-finite floats included."""
    if tag is None:
        if not _is_plain(style) or (text and text[0] not in HINTS):
            return text
        return _implicit(text)
    if tag == BINARY_TAG:
        return _binary(text)
    if tag not in (BOOL_TAG, INT_TAG, FLOAT_TAG, NULL_TAG, TIMESTAMP_TAG):
        return text
    value = _implicit(text) if not text or text[0] in HINTS else text
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if tag == FLOAT_TAG and number and not (isinstance(value, int) and value > _MAX_INT64):
        return float(value)  # type: ignore[arg-type]
    fits = {
        BOOL_TAG: isinstance(value, bool),
        INT_TAG: number and isinstance(value, int),
        NULL_TAG: value is None,
        TIMESTAMP_TAG: _GO_TIMESTAMP.match(text) is not None,
    }
    if fits.get(tag):
        return text if tag == TIMESTAMP_TAG else value
    raise ScalarError(f"the text is not a {tag.removeprefix(TAG_PREFIX)}")


def _implicit(text: str) -> Scalar:
    """The value of a plain scalar whose first character allows it to be something else than a string."""
    if text in _NAMED:
        return _NAMED[text]
    first = text[0]
    if first == ".":
        if _GO_DOT_FLOAT.match(text):
            value = float(text.replace("_", ""))
            return text if value in (_INFINITY, -_INFINITY) else value
        return text
    if first not in "+-0123456789":
        return text
    bare = text.replace("_", "")
    match = _GO_INT.match(bare)
    if match:
        sign, hexa, binary, octal, old_octal, decimal = match.groups()
        number = (
            int(hexa, 16) if hexa else int(binary, 2) if binary else int(octal, 8) if octal
            else int(decimal) if decimal else int(old_octal or "0", 8)
        )  # fmt: skip
        signed = -number if sign == "-" else number
        # Go parses an unsigned number without any sign only.
        if _MIN_INT64 <= signed <= (_MAX_INT64 if sign else _MAX_UINT64):
            return signed
    match = _GO_SIGNED_BINARY.match(bare)
    if match:
        return int(match[1], 2)
    if _GO_FLOAT.match(bare):
        value = float(bare)
        if value not in (_INFINITY, -_INFINITY):
            return value
    return text


def _binary(text: str) -> str:
    import base64  # rare, and not needed to pass a stream through

    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True).decode("utf-8")
    except ValueError as error:  # UnicodeDecodeError and binascii.Error are ValueErrors
        raise ScalarError("!!binary value is not base64 of UTF-8 text") from error


def _json_float(text: str, value: float) -> int | float:
    if value != value or value in (_INFINITY, -_INFINITY):
        raise ScalarError("the number has no JSON form")
    if not value.is_integer():
        return value
    # encoding/json writes 1e3 as 1000 and larger ones in their shortest digits; the API machinery then reads
    # an int64.
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    number = (
        int(whole + fraction.rstrip("0").ljust(int(exponent), "0")) if exponent[:1] == "+" else int(value)
    )
    return number if _MIN_INT64 <= number <= _MAX_INT64 else value


def _float32_text(value: float) -> str:
    """Go's strconv.FormatFloat(value, 'g', -1, 32), which sigs.k8s.io/yaml uses for float keys."""
    import struct  # float keys are rare

    if value != value:
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = _INFINITY if value > 0 else -_INFINITY
    if single in (_INFINITY, -_INFINITY):
        return ".inf" if single > 0 else "-.inf"
    for precision in range(9):
        digits = f"{single:.{precision}e}"
        if struct.unpack("f", struct.pack("f", float(digits)))[0] == single:
            break
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        return f"{float(digits):.{max(precision - power, 0)}f}"
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


_PLAIN_SHAPE = pattern(
    r"[^\s\-?:,\[\]{}#&*!|>'\"%@`=<~\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff\ufffe\uffff]"
    r"(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff,\[\]{}]*"
    r"[^\x00-\x20\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff,\[\]{}:])?\Z"
)
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "=", "<<"))
# Numbers, base 60, infinities and dates of YAML 1.1, YAML 1.2 core and both go-yaml versions, taken widely.
_NOT_STRING = pattern(
    r"(?:[-+]?(?:0[xX][0-9a-fA-F_]*|0[bB][01_]*|0[oO][0-7_]*|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]*)?"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9_]*)?|\.(?:inf|Inf|INF)|[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?)"
    r"|\.(?:nan|NaN|NAN)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}.*)?)\Z",
    re.A,
)


def needs_quotes(text: str) -> bool:
    """Whether `text`, written plain, would not be read back as this string everywhere.

    True if go-yaml v2, go-yaml v3, YAML 1.1 or the YAML 1.2 core schema reads something else than a string,
    or if it is not a valid plain scalar in block and in flow context.
    """
    if not _PLAIN_SHAPE.match(text) or ": " in text or " #" in text:
        return True
    if text.lower() in _WORDS or text.startswith(("---", "...")):
        return True
    return (text[0] in "+.0123456789") and _NOT_STRING.match(text) is not None
