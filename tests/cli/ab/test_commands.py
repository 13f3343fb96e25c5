"""`clary ab` and `clary reward` as a person runs them who makes mistakes; what they do is tried in tests/e2e."""

from __future__ import annotations

import pytest

from clary.cli.flags import WRONG_USE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reward", "e"], "name an INFERENCE_ID and its VALUE, or a --file of many"),
        (["reward", "e", "i"], "name an INFERENCE_ID and its VALUE"),
        (["reward", "e", "i", "1", "--file", "x"], "or a --file of many"),
        (["reward", "e", "i", "cat"], "the reward of i must be a finite number, not 'cat'"),
        (["reward", "e", "i" * 65, "1"], "1 to 64 ASCII characters"),
        (["reward", "e", "--file", "/nowhere"], "/nowhere cannot be read"),
        (["reward", "e", "--file", "/dev/null"], "/dev/null holds no reward"),
        (["ab", "e", "--since", "tomorrow"], "'tomorrow' is no time"),
    ],
)
def test_a_slip_is_told_in_one_line(clary, arguments, words) -> None:
    done = clary(*arguments)
    assert (done.returncode, done.stdout) == (WRONG_USE, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_where_clary_has_never_run_that_is_said(clary) -> None:
    done = clary("ab", "e")
    assert done.returncode == 1
    assert "There are no keys in" in done.stderr
