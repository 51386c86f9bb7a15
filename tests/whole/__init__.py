import tests.fakes.discord  # noqa: F401  (imports discord.py with its deprecation warning silenced)
