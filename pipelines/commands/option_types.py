"""Values of options: types that say what they want, names, and defaults that the jobs share."""

from __future__ import annotations

import argparse


def positive_number(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def positive_integer(text: str) -> int:
    """A whole number above 0; underscores may part its digits."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return number


def even_number(text: str) -> int:
    """A whole number that is even, from 2 on."""
    number = int(text)
    if number < 2 or number % 2:
        raise argparse.ArgumentTypeError(f"{text} is not an even number from 2 on")
    return number


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number
