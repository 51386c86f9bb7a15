"""A model in a worker process. The life of a request:

1. `agent.backends.llama` turns a Request into one JSON frame and hands it to `process.Worker`.
2. `process.Worker` (our side) starts a `child.Child`, writes the frame, watches, cancels.
3. `worker` (the child) queues it; `template` writes the prompt as the model was taught, `model` tokenises it.
4. `reply` finds the longest cached prefix, evaluates the rest in aligned chunks, and draws token after token
   (`sampler`); `text` joins bytes to characters and holds back what may become a stop string.
5. Each piece travels back as a frame, and one last frame tells the counts.

Frames (`frames`) are the only seam: whatever answers them may replace the inside of the worker.
"""
