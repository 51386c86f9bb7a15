"""What can be counted of a reply without a judge: pure functions of strings, and the intervals of their means.

None of them says whether a reply is good. Each says one thing that a good reply does, or does not do.
"""
