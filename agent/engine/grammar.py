"""From a JSON schema to llama.cpp's grammar language (GBNF)."""

import contextlib
import json
import re
from typing import Any

_ESCAPED = {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\n": "\\n"}


class GrammarError(Exception):
    """The JSON schema cannot be turned into a grammar."""


def gbnf(schema: dict[str, Any]) -> str:
    """The grammar as text. Raises GrammarError; fetches nothing from outside."""
    from llama_cpp.llama_grammar import SchemaConverter

    class Converter(SchemaConverter):  # type: ignore[misc]
        def _format_literal(self, literal: str) -> str:
            # The original leaves backslashes alone: an emoji in an `enum` became two halves of a surrogate
            # pair, and a line break one that JSON forbids.
            with contextlib.suppress(ValueError):
                literal = json.dumps(json.loads(literal), ensure_ascii=False)
            return '"' + re.sub(r'[\\"\r\n]', lambda m: _ESCAPED[m[0]], literal) + '"'

    converter = Converter(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
    try:
        converter.visit(converter.resolve_refs(json.loads(json.dumps(schema)), "schema"), "")
        return str(converter.format_grammar())
    except Exception as error:  # the converter raises whatever a strange schema makes it raise
        raise GrammarError(f"the JSON schema cannot be used: {error}") from error
