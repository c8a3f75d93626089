"""HTTP shared by all parts of the embedded server."""
