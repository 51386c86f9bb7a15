"""Discord. `platform.DiscordPlatform` is the door; importing this package alone does not import discord.py."""
