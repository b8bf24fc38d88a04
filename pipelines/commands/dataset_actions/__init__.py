"""The actions of ``tonearm dataset``, a file each: their options, and the call of what does the work."""
