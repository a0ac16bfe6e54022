"""The site: ``bash scripts/docs`` builds it into docs/_build/html; a warning is an error."""

import re
import sys
import warnings
from pathlib import Path

import typer
from docutils import nodes
from latex2mathml.converter import convert
from typer.cli import get_docs_for_click

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import gallery  # noqa: E402

import tabdiff_lora  # noqa: E402
from tabdiff_lora.cli.program import app as commands  # noqa: E402

project = html_title = "tabdiff_lora"
author = copyright = "The tabdiff_lora developers, Apache-2.0"
release = version = tabdiff_lora.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "**/*.md5"]
templates_path = ["_templates"]

# Markdown
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# API reference
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Looks
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_math_renderer = "mathml"

# Examples
scripts = HERE / "_build" / "examples"
gallery.unfold_all(ROOT / "examples", scripts)
header = "Examples\n========\n\nWhat the library does, step by step. Download them as scripts or as notebooks.\n"
(scripts / "GALLERY_HEADER.rst").write_text(header, encoding="utf-8")
sphinx_gallery_conf = {
    "examples_dirs": "_build/examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/",
    "within_subsection_order": "gallery.gallery_order",
    "backreferences_dir": "api/generated/examples",
    "doc_module": ("tabdiff_lora",),
    "capture_repr": (),
    "show_signature": False,
    "write_computation_times": False,
}
warnings.filterwarnings("ignore", message=".*cannot be shown.*")  # pictures are drawn, there is no window


def complete_page(app, docname: str, source: list[str]) -> None:
    """Fit a page of the repository into the site: links between files become links between pages, lists are filled."""
    text = source[0]
    if docname == "changelog":
        text = (
            (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("[changelog.d](changelog.d)", "`changelog.d`")
        )
        text = "\n\n".join([text, *changes_to_come()])
    for name in gallery.EXAMPLES:
        text = text.replace(f"](../examples/{name}.py)", f"](auto_examples/{name}.rst)")
    text = re.sub(r"\[([^\]]+)\]\(\.\./(?!CHANGELOG)[^)]+\)", r"\1", text)  # other files are in the repository only
    text = text.replace("](../CHANGELOG.md)", "](changelog.md)")
    if docname == "command-line":
        context = typer.main.get_command(commands).make_context("tabdiff-lora", [], resilient_parsing=True)
        text += get_docs_for_click(obj=context.command, ctx=context, name="tabdiff-lora").replace("# `", "## `", 1)
    source[0] = text


def changes_to_come() -> list[str]:
    """The sentences of changelog.d under their kinds."""
    found = []
    for kind in ("breaking", "added", "changed", "fixed", "deprecated"):
        files = sorted((ROOT / "changelog.d").glob(f"*.{kind}.md"))
        sentences = [path.read_text(encoding="utf-8").strip().replace("\n", " ") for path in files]
        found += [f"## To come: {kind}"] * bool(sentences) + [f"- {sentence}" for sentence in sentences]
    return found


def skip_foreign_members(app, what, name, obj, skip: bool, options) -> bool | None:
    """What scikit-learn and torch give to a class stands in their own documentation."""
    home = getattr(obj, "__module__", None) or ""
    return True if home.split(".")[0] in {"sklearn", "torch"} else None


def write_formula(writer, node: nodes.Node) -> None:
    """Write a formula as MathML, which browsers draw without any script."""
    display = "block" if isinstance(node, nodes.math_block) else "inline"
    writer.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app) -> None:
    """Called by Sphinx."""
    app.connect("source-read", complete_page)
    app.connect("autodoc-skip-member", skip_foreign_members)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
