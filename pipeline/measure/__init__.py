"""Base against tuned, on characters and notes that no training has seen. The life of a measurement:

1. `cases` takes the character turns of one part of the corpus; the history of each is the corpus's own.
2. `speaking` puts each to the agent as it is served, one system (base, an adapter) after the other; `kept` appends
   every reply to a file as it comes, so that a run that was stopped goes on. `duets` lets characters talk freely.
3. `figures` counts (evaluation.voice) and sums up, `table` writes it down. `loss` and `latency` are apart.
4. `pairs` makes blind pairs for people or models to vote on.
"""
