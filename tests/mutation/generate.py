"""Generate mutants of the tree in the working directory; run by the Python of mutmut's environment.

`mutmut run` generates them, too, but names cannot be sampled before they exist.
"""

from pathlib import Path

from mutmut.__main__ import (  # type: ignore[import-not-found, unused-ignore]
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
    set_mutant_under_test,
    setup_source_paths,
)

set_mutant_under_test("mutant_generation")
Path("mutants").mkdir(exist_ok=True)
copy_src_dir()
copy_also_copy_files()
setup_source_paths()
create_mutants(2)
