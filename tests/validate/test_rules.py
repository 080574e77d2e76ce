"""The registry of rules, what `gazadata rule` prints of it, and docs/rules.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gazadata import cli
from gazadata.validate import all_rules
from gazadata.validate.reporters import rule_text, rules_markdown, rules_text
from gazadata.validate.reporters.catalogue import REGENERATE
from gazadata.validate.reporters.common import LAYERS
from gazadata.validate.rules import rule

ROOT = Path(__file__).parents[2]
VALIDATE = ROOT / "src/gazadata/validate"
RULES = all_rules()

CODE = r"GD\d{3}"
REGISTERED = re.compile(rf'^rule\(\n    "({CODE})"', re.M)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The command line in this process: exit status, standard output, standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gazadata", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), out, err


@pytest.mark.parametrize("code", RULES)
def test_every_rule_has_all_its_texts(code: str) -> None:
    rule = RULES[code]
    assert rule.code == code
    assert re.fullmatch(r"GD[0-9]{3}", code)
    assert code[:3] in LAYERS
    assert rule.severity in ("error", "warning")
    assert not rule.title.endswith(".")
    assert rule.title.lstrip("`")[0].islower() or rule.title.split()[0].isupper()
    assert rule.reason.endswith(".")
    assert rule.remedy.endswith(".")
    for text in (rule.title, rule.reason, rule.example, rule.remedy, rule.unit):
        assert text.strip() == text != ""
    printed = rule_text(code)
    for text in (code, rule.title, rule.severity, rule.reason, rule.example, rule.remedy):
        assert text in printed


def test_every_rule_is_used_in_the_module_that_has_its_texts() -> None:
    """No rule is documented but not implemented."""
    by_schema = set(
        re.findall(CODE, (VALIDATE.parent / "contract/contract.schema.json").read_text())
    )
    used: set[str] = set()
    for path in VALIDATE.glob("*.py"):
        # A comparison such as `code < "GD300"` names a bound, not a rule.
        text = re.sub(rf'[<>]=? "{CODE}"', "", path.read_text("utf-8"))
        here = set(re.findall(CODE, REGISTERED.sub("", text)))
        assert set(REGISTERED.findall(text)) <= here | by_schema, path.name
        used |= here
    assert used | by_schema == RULES.keys()


def test_a_code_belongs_to_one_rule() -> None:
    before = RULES["GD203"]
    with pytest.raises(ValueError, match="two rules have the code GD203"):
        rule("GD203", title="another", reason="A.", example="a", remedy="B.")
    assert all_rules()["GD203"] == before


def test_early_layers_report_only_rules_that_are_registered() -> None:
    """They run before the other modules are imported, which register their rules."""
    code = (
        "import sys, gazadata.validate as v, gazadata.validate.rules as r; print(*r.RULES); "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith(v.__name__)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    registered, loaded = (line.split() for line in ran.stdout.splitlines())
    # This one runs after all layers.
    early = [Path(path) for path in loaded if not path.endswith("grouped.py")]
    assert VALIDATE / "files.py" in early
    assert VALIDATE / "layers.py" not in early
    texts = [re.sub(rf'[<>!=]=? "{CODE}"', "", path.read_text("utf-8")) for path in early]
    assert {found for text in texts for found in re.findall(CODE, text)} <= {*registered}


def test_the_document_is_current() -> None:
    path = ROOT / "docs/rules.md"
    current = path.read_text("utf-8") if path.is_file() else ""
    # A bool, since pytest would print both documents before the message.
    assert bool(current == rules_markdown()), f"docs/rules.md is out of date; run: {REGENERATE}"


def test_the_document_has_every_rule_once_and_no_stray_markup() -> None:
    document = rules_markdown()
    assert re.findall(r"^### (GD\d{3}): ", document, re.M) == list(RULES)
    words = re.sub(r"`[^`]*`|<!--.*?-->", "", document)
    assert not re.search(r"(?<!\\)[_*]|<", words)


def test_rules_are_listed_one_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "rule")
    assert (code, err) == (0, "")
    assert out == rules_text()
    assert [line.split()[0] for line in out.splitlines()] == list(RULES)


@pytest.mark.parametrize("given", ["GD203", "gd203"])
def test_one_rule_is_printed(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "rule", given)
    assert (code, err) == (0, "")
    assert out == rule_text("GD203")
    assert out.startswith("GD203: value is not in the field's vocabulary\n")


@pytest.mark.parametrize("given", ["GD2O3", "203", "GD2033", "G203"])
def test_a_misspelt_code_gets_a_suggestion(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "rule", given)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: no rule {given!r}; did you mean 'GD2")


def test_the_command_that_regenerates_the_document_writes_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command, _, target = REGENERATE.partition(" > ")
    assert target == "docs/rules.md"
    code, out, _ = run(capsys, *command.split()[1:])
    assert code == 0
    assert out == rules_markdown()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import gazadata.cli", ["rich.console", "pandas", "polars", "pandera", "pyarrow"]),
        # The rules are next to the code that needs Polars and pandera.
        (
            "import sys; sys.argv[1:] = ['rule', 'GD203']\n"
            "from gazadata.cli import main\n"
            "try: main()\n"
            "except SystemExit: pass",
            ["pandas", "frictionless", "pyarrow"],
        ),
    ],
)
def test_starting_is_cheap(code: str, absent: list[str]) -> None:
    """The heavy libraries take a second to import, which only commands that use them may take."""
    check = f"\nimport sys; print([m for m in {absent!r} if m in sys.modules], file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code + check], capture_output=True, text=True, check=True
    )
    assert ran.stderr.strip() == "[]"


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['polars'] = None; sys.argv[1:] = ['rule', 'GD203']\n"
        "from gazadata.cli import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
    assert "pip install 'gazadata[validate]'" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
