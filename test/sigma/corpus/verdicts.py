"""Records what pySigma says of every rule file beside this one, in verdicts.json.

Run with the version that verdicts.json names (or a newer one, to see what has changed):
    python3 -m venv venv && venv/bin/pip install pysigma && venv/bin/python verdicts.py
"""

import importlib.metadata
import json
import pathlib

from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule

here = pathlib.Path(__file__).parent


def verdict(path):
    """"accepted", or the name of the error."""
    try:
        collection = SigmaCollection.from_yaml(path.read_text(encoding="utf-8"))
        for rule in collection.rules:
            if isinstance(rule, SigmaRule):
                for condition in rule.detection.parsed_condition:
                    condition.parsed
        return "accepted"
    except Exception as error:  # whatever stops pySigma, stops it
        return type(error).__name__


files = sorted(str(path.relative_to(here).as_posix()) for path in here.rglob("*.yml"))
record = {
    "pySigma": importlib.metadata.version("pysigma"),
    "verdicts": {file: verdict(here / file) for file in files},
}
(here / "verdicts.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
