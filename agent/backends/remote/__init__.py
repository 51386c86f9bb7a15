"""The parts of agent.backends.openai: one noun a file, from bytes on the wire (`sse`, `chunks`) over one server
(`server`, `dialect`, `failures`, `facts`, `tokens`) to one endpoint with its retries and its bill (`site`, `spend`).
"""
