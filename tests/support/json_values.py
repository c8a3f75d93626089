"""JSON values, for Hypothesis."""

from typing import Final

from hypothesis import strategies as st

SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS: Final = st.dictionaries(st.text(), JSON, max_size=5)
