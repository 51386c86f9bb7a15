"""Eyes for models that cannot see: tags, text in the picture, colours. `agent.eyes.eyes` is the door."""
