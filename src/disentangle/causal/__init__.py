"""What does an intervention on W change, and is it the rank that does it? See docs/causal-arm.md.

The experiment has blocks: in each, one seed gives every arm the same initialisation and the same
order of data. Whatever is estimated here is a comparison within blocks.
"""
