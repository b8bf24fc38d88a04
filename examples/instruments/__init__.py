"""A tagger of instruments, learned from music that is rendered here: scores, arrangements, sound, labels.

``python -m examples.instruments`` plays public scores on the soundfonts of Debian's packages and writes
labelled clips; ``make example-train`` goes on from there with the project's own commands. ``music`` reads
pieces and draws who plays what, ``sound`` plays it, ``orders`` says how many clips there are of what,
``clips`` writes files and what a labelled manifest says of them, ``summing_up`` tells what the evaluation
found.
"""
