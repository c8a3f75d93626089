"""Long-term memory: how texts are cut, found, shown to models as data, and cited."""
