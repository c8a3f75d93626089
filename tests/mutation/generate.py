"""Generate mutants of the tree in the working directory, and choose a sample of them.

Run by the Python of mutmut's environment, with the size, the seed and a pattern as arguments. The
last line of its output is a JSON array of names. `mutmut run` generates mutants, too, but names
cannot be chosen before they exist.
"""

import fnmatch
import json
import random
import re
import sys
from pathlib import Path
from typing import Final

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def is_wording(diff: str) -> bool:
    """Return whether a fault changes only how a sentence is worded.

    mutmut wraps strings in XX and changes their case. The laws ask messages for what matters in
    them, not for each letter, so a sentence (a string with a space in it) is not counted.
    """
    old, new = (
        [
            text
            for line in diff.splitlines()
            if line[:1] == sign and line[:3] != sign * 3
            for text in _STRING.findall(line)
        ]
        for sign in "-+"
    )
    changed = [(one, other) for one, other in zip(old, new, strict=False) if one != other]
    return (
        len(old) == len(new)
        and bool(changed)
        and all(
            " " in one and one.lower() == other.replace("XX", "").lower() for one, other in changed
        )
    )


def main() -> None:
    """Print the names of the sample."""
    # Only the environment that runs this has it; tests import the function above.
    from mutmut.__main__ import (  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415
        collect_source_file_mutation_data,
        copy_also_copy_files,
        copy_src_dir,
        create_mutants,
        get_diff_for_mutant,
        set_mutant_under_test,
        setup_source_paths,
    )

    size, seed, only = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(2)
    mutants, _ = collect_source_file_mutation_data(mutant_names=())
    paths = {name: data.path for data, name, _ in mutants if fnmatch.fnmatch(name, only)}
    names = random.Random(seed).sample(sorted(paths), len(paths))  # noqa: S311 - a sample
    sample: list[str] = []
    for name in names:
        if len(sample) == size:
            break
        if not is_wording(get_diff_for_mutant(name, path=paths[name])):
            sample.append(name)
    print()
    print(json.dumps(sorted(sample)))


if __name__ == "__main__":
    main()
