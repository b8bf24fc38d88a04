"""Days of real music, some of them changed: does ``tonearm drift`` find those, and leave the others alone?"""
