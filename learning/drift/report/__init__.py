"""What days said and how they differ from those before, as a page for people."""
