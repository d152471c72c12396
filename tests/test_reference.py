"""The reference page and the schemas are those of the code."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from allocate.errors import InputError
from allocate.read import read_scenario, shipped
from allocate.reference import EXAMPLES, page, schema
from allocate.spec import VERBS

ROOT = Path(__file__).parents[1]


def test_the_page_is_that_of_the_code() -> None:
    """Proves: docs/language.md is what ``allocate show --language`` prints. Broken: the manual lies; write it anew:

    allocate show --language > docs/language.md
    """
    assert (ROOT / "docs" / "language.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("verb", EXAMPLES)
def test_every_example_can_be_read(verb: str, tmp_path: Path) -> None:
    """Proves: each change of the page is a change, one for each verb. Broken: a reader copies a mistake."""
    file = tmp_path / "it.toml"
    file.write_text(f'name = "It"\nwhy = "A test."\n[[change]]\n{EXAMPLES[verb]}\n')
    assert len(read_scenario(file).changes) == 1
    assert {verb.split()[0] for verb in EXAMPLES} == set(VERBS)
    jsonschema.validate(tomllib.loads(file.read_text()), schema("scenario"))


@pytest.mark.parametrize("kind", ["model", "scenario"])
def test_shipped_files_keep_to_the_schema(kind: str) -> None:
    """Proves: an editor that checks by the schema finds no fault in what is shipped. Broken: red lines everywhere."""
    files = sorted(shipped(f"{kind}s").glob("*.toml"))
    assert files
    for file in files:
        jsonschema.validate(tomllib.loads(file.read_text(encoding="utf-8")), schema(kind))  # type: ignore[arg-type]


WRONG = {
    "a misspelt key": 'name = "It"\nwhy = "A test."\nmodle = "x"\n',
    "a misspelt verb": 'name = "It"\nwhy = "A test."\n[[change]]\nsett = "keep"\nto = 1\n',
    "text for a number": 'name = "It"\nwhy = "A test."\n[[change]]\nscale = "keep"\nby = "much"\n',
    "no reason": 'name = "It"\n',
}


@pytest.mark.parametrize("what", WRONG)
def test_the_schema_finds_what_the_reader_finds(what: str, tmp_path: Path) -> None:
    """Proves: these mistakes are marked in the editor as they are refused by the library. Broken: a schema of anything."""
    file = tmp_path / "it.toml"
    file.write_text(WRONG[what])
    with pytest.raises(InputError):
        read_scenario(file)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(WRONG[what]), schema("scenario"))
