"""How good a tagger is on tracks whose labels are known: scores, figures, intervals, comparison, report."""
