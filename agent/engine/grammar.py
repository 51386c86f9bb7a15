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
    from llama_cpp import llama_grammar

    make: Any = llama_grammar.SchemaConverter
    converter = make(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
    converter._format_literal = _literal
    try:
        converter.visit(converter.resolve_refs(json.loads(json.dumps(schema)), "schema"), "")
        return str(converter.format_grammar())
    except Exception as error:  # the converter raises whatever a strange schema makes it raise
        raise GrammarError(f"the JSON schema cannot be used: {error}") from error


def _literal(text: str) -> str:
    """A quoted GBNF literal. The converter's own leaves backslashes alone: an emoji in an `enum` became two
    halves of a surrogate pair, and a line break one that JSON forbids.
    """
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return '"' + re.sub(r'[\\"\r\n]', lambda m: _ESCAPED[m[0]], text) + '"'
