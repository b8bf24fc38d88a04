"""What an evaluation leaves behind: the report as JSON and as a page, and the scores that it rests on."""
