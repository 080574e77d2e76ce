"""The kill rate of the mutation tests, in the output of every run."""

import pytest
from tests.validate.summary import LINES


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section("mutation of the shipped package")
        for line in lines:
            terminalreporter.write_line(line)
