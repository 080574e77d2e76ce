"""The kill rate of the mutation tests, in the output of every run."""

import pytest


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    from tests.validate.test_mutations import SUMMARY

    lines = config.stash.get(SUMMARY, [])
    if lines:
        terminalreporter.section("mutation of the shipped package")
        for line in lines:
            terminalreporter.write_line(line)
