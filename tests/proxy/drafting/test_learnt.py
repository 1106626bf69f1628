"""From confirmed templates to drafts that can be loaded."""

from __future__ import annotations

from pathlib import Path

from policy.loading import check_document
from proxy.decoders.rest.mapping import MappingDocument
from proxy.drafting.draft import MappingDraft
from proxy.drafting.learnt import draft_from
from proxy.drafting.templates import Seen, Vocabulary
from proxy.drafting.writing import text_of

TOKEN = "83b7780291a6ceffbe0bd049104df00x"


def draft(*calls: tuple[str, str, str]) -> MappingDraft:
    vocabulary = Vocabulary()
    for method, path, media_type in calls:
        for caller in ("a", "b"):
            vocabulary.add(
                Seen(method=method, segments=tuple(path.split("/")[1:]), media_type=media_type, caller=caller)
            )
    return draft_from(vocabulary.templates()[0], name="hue", source="the log")


def test_a_draft_can_be_loaded_and_has_no_credential_in_an_address() -> None:
    found = draft(
        *(("PUT", f"/api/{TOKEN}/lights/{n}/state", "application/json") for n in range(1, 4)),
        ("GET", f"/api/{TOKEN}/lights", ""),
        ("GET", f"/api/{TOKEN}/", ""),
        ("POST", f"/api/{TOKEN}/upload", "image/png"),
    )
    document = check_document(text_of(found), Path("draft.yaml"), MappingDocument)
    assert document.tokens[0].path == "token"
    put = next(each for each in document.routes if each.methods == ("PUT",))
    assert (put.path, put.service, put.type) == ("/api/{token}/lights/{light}/state", "light-{light}", "/hue/light")
    assert (put.node, put.body, put.operation) == ("state", "json", "set")
    assert [each.body for each in document.routes if each.methods == ("POST",)] == ["opaque"]


def test_counts_and_examples_stand_above_each_route() -> None:
    text = text_of(draft(*(("GET", f"/relay/{n}", "") for n in range(3))))
    assert "# ? seen 6 times, from 2 callers" in text
    assert "# ? relay: 3 different ones, for example 0, 1, 2" in text


def test_what_cannot_stand_in_a_mapping_is_left_out_and_told() -> None:
    found = draft(("GET", "/a b", ""), ("GET", "/a", ""))
    assert [each.path for each in found.routes] == ["/a"]
    assert len(found.left_out) == 1
