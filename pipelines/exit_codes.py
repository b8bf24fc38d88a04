"""Exit codes that scripts can trust."""

EXIT_OK = 0
"""The run is whole, even if tracks failed."""

EXIT_BROKEN = 1
"""The run broke off, or too many tracks failed."""

EXIT_WRONG_CALL = 2
"""The command line, the input or the output cannot be as given."""


class WrongCallError(Exception):
    """The call cannot be carried out as given; the message says what to mend."""
