"""What a request needs, read from its text in any language.

- `sample`: the part of a text that is read, and which of it is the request, which what it is about.
- `signs`: features of form, such as code, stack traces, formulas and the length.
- `languages`: the programming languages that a text names or shows.
- `linear_model`: a linear model over words, pieces of words and signs, trained by
  `scripts/train-kinds`.
- `classifier`: the kind of work, how sure that is, and how difficult code is.
"""
