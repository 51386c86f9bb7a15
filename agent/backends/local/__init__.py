"""The parts of agent.backends.transformers: the folder on disk (`snapshot`), the prompt (`prompting`), the model
(`runner`) and how it picks words (`choosing`).
"""
