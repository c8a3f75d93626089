"""Code, files and diffs in the text of an answer."""
