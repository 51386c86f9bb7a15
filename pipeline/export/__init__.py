"""The way back: an adapter that was trained, as llama.cpp reads it, and whether it says there what it said here."""
