"""Parts of the workflows in which several models work on one question."""
