"""Tests of a palindrome check."""

from simulator.answers.programs.palindrome import is_palindrome


def test_words_that_read_the_same_backwards_are_palindromes() -> None:
    assert is_palindrome("level")
    assert is_palindrome("noon")


def test_other_words_are_no_palindromes() -> None:
    assert is_palindrome("simulated") is False


def test_the_empty_text_is_a_palindrome() -> None:
    assert is_palindrome("")


def test_palindromes_may_have_capitals_and_punctuation() -> None:
    assert is_palindrome("A man, a plan, a canal: Panama!")
