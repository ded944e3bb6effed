"""Finds the mutants of a module: copies of its source in which one operator, constant or statement is changed."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        path: The module's file, relative to the repository.
        number: Its place among the mutants of the module, from 0.
        line: The line of the change.
        function: The first line of the innermost function around it; None for code that runs when the module is
            imported.
        what: What is changed, for people.
    """

    path: str
    number: int
    line: int
    function: int | None
    what: str

    @property
    def id(self) -> str:
        """Names the mutant as long as the module does not change."""
        return f"{self.path}:{self.number}"


def find_mutants(path: str, source: str) -> list[Mutant]:
    """Returns the mutants of a module, from top to bottom."""
    return [
        Mutant(path, number, line, function, what)
        for number, (line, function, what, _) in enumerate(_changes(ast.parse(source)))
    ]


def mutated(source: str, number: int) -> ast.Module:
    """Returns the syntax tree of a module with one mutant in it. Its lines are those of the source."""
    tree = ast.parse(source)
    for place, (*_, change) in enumerate(_changes(tree)):
        if place == number:
            change()
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


def _changes(node: ast.AST, function: int | None = None) -> Iterator[tuple[int, int | None, str, Callable[[], None]]]:
    """Yields (line, first line of the function, description, what makes the change) for each mutant in a node."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        inner = function
        if isinstance(node, _FUNCTIONS) and name == "body":  # defaults and decorators run outside of it
            inner = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or _is_left_alone(child):
                continue
            holder, key = (value, place) if isinstance(value, list) else (vars(node), name)
            for what, new in _alternatives(child):
                ast.copy_location(new, child)
                yield child.lineno, inner, what, partial(holder.__setitem__, key, new)
            yield from _changes(child, inner)


def _is_left_alone(node: ast.AST) -> bool:
    """Whether a node is text for people, an import, a branch for type checkers, or an argument without a behaviour."""
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.keyword) and node.arg in ("strict", "copy", "stacklevel", "indent"):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _alternatives(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yields the nodes that replace a node, with descriptions."""

    def to(new: ast.AST) -> tuple[str, ast.AST]:
        return f"{_short(node)}  ->  {_short(new)}", new

    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                changed = copy.copy(node)
                changed.ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                yield to(changed)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not _has_text(node):
        changed = copy.copy(node)
        changed.op = _ARITHMETIC[type(node.op)]()
        yield to(changed)
    elif isinstance(node, ast.BoolOp):
        changed = copy.copy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield to(changed)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield to(node.operand)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield to(ast.Constant(not node.value))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield to(ast.Constant(node.value + 1))
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare):
        changed = copy.copy(node)
        changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), changed.test), node.test)
        yield f"if {_short(node.test)}  ->  if {_short(changed.test)}", changed
    elif isinstance(node, ast.Return) and node.value is not None and _short(node.value) != "None":
        yield to(ast.Return(ast.Constant(None)))
    elif isinstance(node, ast.Break | ast.Continue | ast.Raise) or _has_effect(node):
        yield to(ast.Pass())


def _has_effect(node: ast.AST) -> bool:
    """Whether a statement can be dropped without leaving a name undefined."""
    if isinstance(node, ast.AugAssign):
        return True
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _has_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str | bytes))
        for side in (node.left, node.right)
    )


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}..."
