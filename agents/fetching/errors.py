"""Why a URL was not fetched."""


class FetchRefused(Exception):
    """The URL is not allowed, or what it leads to is too large. Trying again does not help."""


class FetchFailed(Exception):
    """The host could not be reached, or did not answer in time or in full. It may later."""
