"""The licence."""

from __future__ import annotations

from tests.repository.tree import pyproject, read


def test_licence_is_the_whole_apache_2_text() -> None:
    text = read("LICENSE")
    assert "Apache License" in text.splitlines()[1]
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "APPENDIX: How to apply the Apache License to your work." in text


def test_package_names_the_licence() -> None:
    project = pyproject()["project"]
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
