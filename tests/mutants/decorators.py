"""Take decorators off functions, since mutmut changes no function under one.

    @transaction.atomic
    def open_it(user: User) -> None: ...

becomes the function alone and, below it, `open_it = transaction.atomic(open_it)`, which does the same.
"""

import ast
from collections.abc import Iterator

# Those that may be put on later. What is cached stays as it is: mutmut forks, and the answer would come along.
LATER = ("transaction.atomic", "property", "contextmanager")


def plain(source: str) -> str:
    """The same program without these decorators."""
    lines = source.splitlines(keepends=True)
    for function in sorted(_decorated(ast.parse(source)), key=lambda one: one.lineno, reverse=True):
        wrapped = function.name
        for decorator in reversed(function.decorator_list):
            wrapped = f"{ast.unparse(decorator)}({wrapped})"
        assert function.end_lineno is not None
        lines.insert(function.end_lineno, f"{' ' * function.col_offset}{function.name} = {wrapped}\n")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "".join(lines)


def _decorated(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            names = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list]
            if all(name in LATER for name in names):
                yield node
