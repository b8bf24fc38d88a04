"""Tonearm's one import name.

The folders of the code stand at the top of the repository. The links beside this file give them their place
below ``tonearm``, in the checkout as in the package, so that no folder of a user's own can shadow them.
"""
