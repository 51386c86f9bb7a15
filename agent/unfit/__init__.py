"""Replies that are not shown: found while they stream, asked for again, at last replaced by a line of the card's."""
