"""Settings of the documentation site; `make site` stages the sources and calls Sphinx."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import latex2mathml.converter
from docutils import nodes

import kruispunt as kp

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "kruispunt"
author = "The kruispunt developers"
copyright = author  # noqa: A001  (Sphinx's name)
version = release = kp.__version__
language = "en"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext", ".py": "myst-nb"}
exclude_patterns = ["conf.py"]
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = os.environ.get("KRUISPUNT_SITE_EXECUTE", "cache")
nb_execution_cache_path = os.environ.get("KRUISPUNT_SITE_CACHE", "")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say what arguments are
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"kruispunt {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it would fetch pages, which browsers refuse for files
pygments_style = "default"
copybutton_exclude = ".linenos, .gp, .go"
suppress_warnings = ["ref.python"]  # `account` is an attribute of many


def mathml(translator: Any, node: nodes.math | nodes.math_block, display: str) -> None:
    """Write a formula as MathML, which browsers draw without a script or a network."""
    translator.body.append(latex2mathml.converter.convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Let formulas be MathML."""

    def inline(translator: Any, node: nodes.math) -> None:
        mathml(translator, node, "inline")

    def block(translator: Any, node: nodes.math_block) -> None:
        mathml(translator, node, "block")

    def signature(
        _app: Sphinx, what: str, _name: str, _own: object, _options: object, text: str, out: str
    ) -> tuple[str, str] | None:
        # What only verbs make has no arguments that concern a reader.
        return ("", out) if what == "class" and text and text.startswith("(native") else None

    app.connect("autodoc-process-signature", signature)
    app.add_html_math_renderer("mathml", (inline, None), (block, None))


html_math_renderer = "mathml"
