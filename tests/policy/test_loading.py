from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from policy.document import PolicyDocument
from policy.loading import MAXIMUM_BYTES, DocumentError, Problem, load_document


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    port: Annotated[int, Field(ge=1, le=65535)]
    mac: str | None = None


class Points(BaseModel):
    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[Point], Field(min_length=1)]


def problems(path: Path, model: type[BaseModel] = PolicyDocument) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        load_document(path, model)
    return caught.value.problems


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_problem_of_a_file_is_named_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "mode: enforced\n"
        "thresholds:\n"
        "  alert: 9\n"
        "  blok: 7\n"
        '  quarantine: "30"\n'
        "  quarantine: 5\n"
        "service_types:\n"
        "  doorLock: {mode: learn}\n"
        "  /phone:\n"
        "    thresholds: {block: 300}\n"
        "quarantine:\n"
        "  expiry: 90\n"
        "  protected: [192.0.2.300, 192.0.2.0/24]\n"
        "unknown_sender: yes\n",
    )

    lines = [str(problem).removeprefix(f"{path}:") for problem in problems(path)]

    assert lines == [
        '1: mode: "enforced" is not one of the choices -- use learn, monitor, enforce or auto',
        "4: thresholds.blok: is not a known setting -- did you mean `block`?",
        (
            '5: thresholds.quarantine: "30" is of the wrong kind: input should be a valid number'
            " -- write a number from 0 up to 100"
        ),
        "6: thresholds.quarantine: is given twice, first on line 5 -- keep one of the two",
        (
            "8: service_types.doorLock: 'doorLock' is not a service type -- write it as the middleware does,"
            " e.g. /doorLock"
        ),
        (
            "10: service_types./phone.thresholds.block: 300: input should be less than or equal to 100"
            " -- write a number from 0 up to 100"
        ),
        "12: quarantine.expiry: 90 is not a duration -- write a number and a unit: 90s, 15m, 1h or 7d",
        (
            "13: quarantine.protected[0]: '192.0.2.300' is neither a service address nor a network ('192.0.2.300' does"
            " not appear to be an IPv4 or IPv6 network) -- write for example /agent1/router1, 192.0.2.1 or 192.0.2.0/24"
        ),
        '14: unknown_sender: "yes" is not one of the choices -- use block or forward',
    ]


def test_a_missing_entry_is_named_where_it_should_be(tmp_path: Path) -> None:
    path = written(tmp_path, "points:\n  - name: a\n    port: 1\n  - name: b\n")

    (problem,) = problems(path, Points)

    assert (problem.line, problem.location) == (4, "points[1].port")
    assert problem.message == "is missing"
    assert problem.remedy == "write a number from 1 up to 65535"


def test_an_unknown_entry_that_resembles_nothing_gets_the_known_ones(tmp_path: Path) -> None:
    (problem,) = problems(written(tmp_path, "points:\n- {name: a, port: 1, zzz: 1}\n"), Points)

    assert problem.remedy == "remove it; known here: name, port, mac"
    assert problem.column == 22


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty"),
        ("# nothing\n\n", None, "is empty"),
        ("- learn\n", 1, "must hold settings at its top, one `key: value` each"),
        ("learn\n", 1, "must hold settings at its top, one `key: value` each"),
        ("mode: learn\n\tthresholds: 1\n", 2, "a tab is used for indentation"),
        ("mode: learn\nthresholds:\n\talert: 1\n", 3, "a tab is used for indentation"),
        ("thresholds: &all {alert: 1}\nquarantine: *all\n", 1, "defines the anchor &all"),
        ("quarantine: *all\n", 1, "uses the alias *all"),
        (
            "mode: !!python/object/apply:os.system [id]\n",
            1,
            "uses the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("mode: learn\n---\nmode: enforce\n", 2, "holds a second document"),
        ("mode: learn: enforce\n", 1, "is not valid YAML: mapping values are not allowed here"),
        (
            "mode: [learn\n",
            2,
            "is not valid YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
        ),
        ("? [a]\n: 1\n", 1, "a key is itself a list or mapping"),
        ("mode: learn\nx: \x01\n", 2, "holds a character that YAML does not allow"),
        ('mode: "\\ud800"\n', 1, "holds a surrogate, which is no character"),
        ("mode: " + "[" * 5000, 1, "nests deeper than 32 levels"),
    ],
)
def test_text_that_is_no_plain_yaml_is_refused_at_its_line(
    tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    (problem,) = problems(written(tmp_path, text))

    assert (problem.line, problem.message) == (line, message)
    assert problem.remedy


def test_files_that_cannot_be_read_are_problems_too(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (MAXIMUM_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"mode: learn\n# gr\xfc\xdfe\n")

    assert str(problems(tmp_path / "no.yaml")[0]) == (
        f"{tmp_path}/no.yaml: does not exist -- create it or give another path"
    )
    assert problems(tmp_path)[0].message == "is a directory"
    assert problems(huge)[0].message == "is larger than 1048576 bytes"
    assert (problems(latin)[0].line, problems(latin)[0].message) == (2, "is not UTF-8 text")
    assert problems(tmp_path / "huge.yaml" / "x")[0].message == "cannot be read: Not a directory"


def test_a_file_without_read_permission_is_a_problem(tmp_path: Path) -> None:
    path = written(tmp_path, "mode: learn\n")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read every file
        os.seteuid(65534)
    try:
        (problem,) = problems(path)
    finally:
        os.seteuid(user)

    assert problem.message == "may not be read"


def test_words_and_addresses_are_not_taken_for_truth_values_or_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "points:\n- {name: off, port: 8081, mac: 10:20:30:40:50:11}\n")

    (point,) = load_document(path, Points).points

    assert point == Point(name="off", port=8081, mac="10:20:30:40:50:11")


@pytest.mark.parametrize("value", ["'8081'", "true", "8081.5", "1e999", ".inf", ".nan", "9" * 400, "0x1F90"])
def test_a_number_must_be_written_as_one(tmp_path: Path, value: str) -> None:
    (problem,) = problems(written(tmp_path, f"points:\n- name: a\n  port: {value}\n"), Points)

    assert (problem.line, problem.location) == (3, "points[0].port")


def test_problems_read_as_text_one_per_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a: 1\nb: 2\n")

    with pytest.raises(DocumentError, match=r"policy\.yaml:1: a: is not a known setting.*\n.*policy\.yaml:2: b: "):
        load_document(path, PolicyDocument)


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="{}[]:,&*!|>-?#'\"\n\t ab1\\%@`", max_size=60))
def test_no_text_makes_the_loader_fail_in_any_other_way(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    try:
        document = load_document(path, PolicyDocument)
    except DocumentError as error:
        assert error.problems  # noqa: PT017 - both outcomes are fine, nothing else is
    else:
        assert document == PolicyDocument()
