"""Dialogues written for this project (CC0): what characters say about pictures, each other and themselves.

`dialogues/` holds one JSONL file a character, `characters/` the short profiles of those who do not ship in the cast.
`read` turns lines into `Talk`s, `lint` says where they break the rules of the data card (CARD.md).
"""
