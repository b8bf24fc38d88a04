"""Whether labels that ``tonearm label_next`` chooses teach more than labels chosen at random.

``python -m examples.instruments.label_trial`` renders clips and tags them with the embedded tagger. Labellers
then begin with the same few labels and go on in rounds: one labels what the command's own function chooses
from tables that hold what has been learned so far, one what chance chooses, one what is most uncertain.
``clips`` reads what is known of the clips, ``head`` learns from labels, ``rounds`` goes through the rounds,
``figures`` sums up.
"""
