"""The house rules, asked of the source: every line has an address, and stays at it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import facedistill
from facedistill.backbones.contract import AbstractBackbone
from facedistill.catalogue import catalogue
from facedistill.heads.contract import AbstractHead
from facedistill.method import AbstractMethod
from facedistill.teachers.contract import AbstractTeacher

ROOT = Path(facedistill.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
CONTRACTS = {
    "methods": AbstractMethod,
    "heads": AbstractHead,
    "backbones": AbstractBackbone,
    "teachers": AbstractTeacher,
}
NAMES = {name for package, contract in CONTRACTS.items() for name in catalogue(package, contract)}
CONCRETE = {
    builder.__module__ for package, contract in CONTRACTS.items() for builder in catalogue(package, contract).values()
}
"""Modules that hold one method, head, family or teacher each."""

METHOD_LINES, FUNCTION_LINES, MEDIAN_LINES = 120, 40, 10
"""A method is a screen or two; a function is read at a glance."""
TABLE_KEYWORDS = 20
"""A call with more keywords than this is a table of numbers rather than code."""


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def here(file: Path, node: ast.AST) -> str:
    return f"{file.relative_to(ROOT.parent)}:{getattr(node, 'lineno', 1)}"


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[tuple[str, ast.AST]]:
    """Absolute names of everything a file imports, modules and what is taken out of them."""
    package = module_name(file) if file.name == "__init__.py" else module_name(file).rpartition(".")[0]
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base, node
            yield from ((f"{base}.{alias.name}", node) for alias in node.names)


def under(*folders: str) -> list[Path]:
    return [file for file in FILES if file.relative_to(ROOT).parts[0] in folders]


def within(name: str, *modules: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def offenders(files: list[Path], *banned: str, excused: tuple[str, ...] = ()) -> list[str]:
    """Where ``files`` import any of ``banned``."""
    return [
        f"{here(file, node)} imports {name}"
        for file in files
        if str(file.relative_to(ROOT)) not in excused
        for name, node in imports(file)
        if within(name, *banned)
    ]


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its documentation and without a table of keywords that it returns."""
    last = node.body[-1]
    uncounted = node.body[:1] if ast.get_docstring(node) else []
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Call) and len(last.value.keywords) > TABLE_KEYWORDS:
        uncounted = [*uncounted, last]
    return length(node) - sum(length(part) for part in uncounted)


def length(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_the_loop_and_the_judges_name_no_part() -> None:
    assert CONCRETE, "the catalogue is empty"
    assert offenders(under("train", "evaluate"), *CONCRETE) == []


def test_judges_do_not_train() -> None:
    assert offenders(under("evaluate"), "facedistill.train") == []


def test_one_file_knows_about_processes() -> None:
    assert (
        offenders(FILES, "torch.distributed", "torch.nn.parallel", "torch.multiprocessing", excused=("dist.py",)) == []
    )


def test_methods_see_nothing_but_features() -> None:
    allowed = (
        "facedistill.types",
        "facedistill.method",
        "facedistill.align",
        "facedistill.dist",
        "facedistill.heads",
        "facedistill.teachers.classifier",
        "facedistill.signature",
        "facedistill.errors",
    )
    strays = [
        f"{here(file, node)} imports {name}"
        for file in under("methods")
        for name, node in imports(file)
        if within(name, "facedistill") and not within(name, *allowed)
    ]
    assert strays == []


def test_parts_do_not_know_who_uses_them() -> None:
    parts = under("methods", "heads", "backbones", "align")
    assert offenders(parts, "facedistill.train", "facedistill.evaluate", "facedistill.cli", "facedistill.data") == []


def reached(*folders: str) -> dict[str, str]:
    """Every module that files in ``folders`` import, directly or through others, by whom it is imported."""
    files = {module_name(file): file for file in FILES}
    found = {module_name(file): "" for file in under(*folders)}
    left = list(found)
    while left:
        importer = left.pop()
        new = [name for name, _ in imports(files[importer]) if name in files and name not in found]
        found |= dict.fromkeys(new, importer)
        left += new
    return found


def test_parts_bring_no_user_along() -> None:
    """A teacher reads a store, which others plan and write: what reads it must not bring the training loop along."""
    parts = reached("methods", "heads", "backbones", "align", "teachers", "data", "crop")
    users = [
        f"facedistill.{name}"
        for name in ("train", "evaluate", "compare", "inspect", "export", "serve", "report", "hub", "cli")
    ]
    strays = [f"{importer} imports {name}" for name, importer in parts.items() if within(name, *users)]
    assert strays == []


def test_nothing_is_chosen_by_its_name() -> None:
    """``if name == "urfm"`` has no home: the design is wrong where it is needed."""
    found = [
        f"{here(file, node)} compares with a name of the catalogue"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        for part in ast.walk(side)
        if isinstance(part, ast.Constant) and part.value in NAMES
    ]
    assert found == []


@pytest.mark.parametrize("file", [file for file in FILES if file.parent.name == "methods"], ids=lambda file: file.stem)
def test_methods_are_short(file: Path) -> None:
    count = len(file.read_text().splitlines())
    assert count <= METHOD_LINES, f"{file.name} has {count} lines; what is not the paper's equation lives in align/"


def test_functions_are_read_at_a_glance() -> None:
    long = [
        f"{here(file, node)} {node.name} has {lines_of(node)} lines"
        for file in FILES
        for node in functions(file)
        if lines_of(node) > FUNCTION_LINES
    ]
    assert long == []


def test_most_functions_are_much_shorter() -> None:
    counts = sorted(lines_of(node) for file in FILES for node in functions(file))
    assert counts[len(counts) // 2] < MEDIAN_LINES


DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "yaml.load", "os.system"}
DANGEROUS_MODULES = ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")
NETWORK_MODULES = ("socket", "urllib", "http", "requests", "ftplib", "httpx", "aiohttp", "huggingface_hub")


def test_no_file_can_run_code() -> None:
    assert offenders(FILES, *DANGEROUS_MODULES) == []
    called = [
        f"{here(file, node)} calls {ast.unparse(node.func)}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in DANGEROUS_CALLS
    ]
    assert called == []
    allowing = [
        f"{here(file, keyword.value)} allows pickles"
        for file in FILES
        for keyword in ast.walk(tree(file))
        if isinstance(keyword, ast.keyword) and keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
    ]
    assert allowing == []


def test_nothing_calls_home() -> None:
    assert offenders(FILES, *NETWORK_MODULES, excused=("download.py", "serve/server.py", "hub/upload.py")) == []
    asking = ("http.client", "urllib.request", "urllib.error", "socket")
    assert offenders(under("serve"), *asking) == [], "a server answers, and asks nobody"


def test_only_who_is_asked_for_a_file_by_name_downloads() -> None:
    assert offenders(FILES, "facedistill.download", excused=("crop/weights.py", "serve/runtime.py")) == []
    assert offenders(FILES, "facedistill.crop.weights", excused=("cli/alignment.py",)) == []


def test_only_who_is_asked_to_uploads() -> None:
    assert offenders(FILES, "facedistill.hub.upload", excused=("cli/push.py",)) == []


def test_foreign_model_zoos_stay_outside() -> None:
    assert offenders(FILES, "torchvision") == []
    assert offenders(FILES, "timm", excused=("backbones/timm.py",)) == []


def test_contracts_are_not_probed() -> None:
    """``hasattr(x, "y")`` says that nobody knows what ``x`` is. A dunder belongs to Python."""
    found = [
        f"{here(file, node)} calls {ast.unparse(node)}"
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hasattr", "getattr", "setattr")
        if isinstance(name := node.args[1], ast.Constant) and not str(name.value).startswith("__")
    ]
    assert found == []


def test_constructors_list_their_parameters() -> None:
    found = [
        f"{here(file, node)} takes **{node.args.kwarg.arg}"
        for file in FILES
        for owner in ast.walk(tree(file))
        if isinstance(owner, ast.ClassDef) and not owner.name.startswith("_")
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and node.args.kwarg
    ]
    assert found == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_say_what_they_are(file: Path) -> None:
    assert ast.get_docstring(tree(file)), f"{here(file, tree(file))} does not open with what it is for"


def test_papers_are_cited_where_they_are_used() -> None:
    silent = [
        file.name for file in under("methods") if file.name != "__init__.py" if "arXiv" not in file.read_text()[:600]
    ]
    assert silent == [], "a method opens with its paper, the year and the arXiv number"


def test_nothing_is_left_for_later() -> None:
    words = ("TODO", "FIXME", "XXX", "HACK")
    found = [f"{file.name}: {word}" for file in FILES for word in words if word in file.read_text()]
    assert found == []
