"""Storage: buckets and objects below /storage/v1.

Rows of schema `storage` decide who may do what, by their policies; contents are files named by the
version of their object, so that no name of a client is ever a path.
"""
