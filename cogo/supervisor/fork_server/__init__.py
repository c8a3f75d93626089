"""Fork server: imports once and forks the processes of `cogo up`."""
