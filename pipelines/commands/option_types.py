"""Types of options' values: each turns text into a value, or says what it wants instead."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def positive_number(text: str) -> float:
    """A number above 0.

    >>> positive_number("2.5")
    2.5
    """
    return _number(text, float, lambda number: 0 < number < math.inf, "a number above 0")


def positive_integer(text: str) -> int:
    """A whole number above 0; underscores may part its digits.

    >>> positive_integer("10_000")
    10000
    """
    return _number(text, int, lambda number: number > 0, "a whole number above 0")


def number_from_zero(text: str) -> float:
    """A number from 0 on.

    >>> number_from_zero("0")
    0.0
    """
    return _number(text, float, lambda number: 0 <= number < math.inf, "a number from 0 on")


def natural_number(text: str) -> int:
    """A whole number from 0 on.

    >>> natural_number("-1")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: -1 is not a whole number from 0 on
    """
    return _number(text, int, lambda number: number >= 0, "a whole number from 0 on")


def percentage(text: str) -> float:
    """A share above 0 % and up to 100 %, with its sign, as a number up to 1.

    >>> percentage("5%")
    0.05
    >>> percentage("0.05")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: 0.05 is not a share such as 5%, above 0% and up to 100%
    """
    wanted = "a share such as 5%, above 0% and up to 100%"
    if not text.endswith("%"):
        raise argparse.ArgumentTypeError(f"{text} is not {wanted}")
    return _number(text[:-1], float, lambda number: 0 < number <= 100, wanted) / 100


def even_number(text: str) -> int:
    """A whole number that is even, from 2 on.

    >>> even_number("3")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: 3 is not an even number from 2 on
    """
    return _number(text, int, lambda number: number >= 2 and number % 2 == 0, "an even number from 2 on")


def fraction(text: str) -> float:
    """A number from 0 to 1.

    >>> fraction("0.25")
    0.25
    """
    return _number(text, float, lambda number: 0 <= number <= 1, "a number between 0 and 1")


def _number(text: str, kind: type[Number], fits: Callable[[Number], bool], wanted: str) -> Number:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not fits(number):
        raise argparse.ArgumentTypeError(f"{text} is not {wanted}")
    return number
