"""LoRA training of the embedded model on the project's own corpus, for two CPU cores."""
