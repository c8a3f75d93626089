"""The sandbox: generated code runs here, with limits and without access to anything else."""
