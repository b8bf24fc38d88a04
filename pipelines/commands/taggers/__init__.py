"""Commands that make taggers, judge them and put them to use; a file has one, with its options."""
