"""Palindromes."""


def is_palindrome(text: str) -> bool:
    """Return whether the text reads the same in both directions.

    Only letters and digits count, and case does not: "A man, a plan, a canal: Panama!" is one.
    The empty text is one as well.
    """
    left, right = 0, len(text) - 1
    while left < right:
        if not text[left].isalnum():
            left += 1
        elif not text[right].isalnum():
            right -= 1
        elif text[left].casefold() != text[right].casefold():
            return False
        else:
            left, right = left + 1, right - 1
    return True
