"""What `make` runs to install: llama.cpp compiled for this CPU and tried, then the packages. Standard library only.

`recipes` says which builds suit a CPU, `wheels` keeps what was built, `pip` runs pip and shows how far it is,
`troubles` turns its last words into a sentence, `llama` does one after the other.
"""
