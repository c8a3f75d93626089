"""A checker of data against JSON Schemas; run as a program, it answers lines of JSON."""

from agents.extraction.limited_program import answer_requests
from protocol.json_schema import find_mismatch

if __name__ == "__main__":
    answer_requests(find_mismatch)
