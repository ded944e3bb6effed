"""How numba turns a kernel into machine code: each kernel is optimised once, together with all that it calls.

numba's own way completes every function that another one calls: optimised, in machine code, with wrappers for Python
and C, and on disk; then the caller optimises a copy of it again. Here a kernel that kernels call (an inner one) stays
code in memory for their compilation. The one that Python calls (an outer one) is optimised, and kept on disk, with all
that it calls.
"""

from __future__ import annotations

import functools
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import NativeLowering

NOT_NEEDED = {
    "dead_branch_prune",
    "dump_parfor_diagnostics",
    "find_literally",
    "inline_closure_likes",
    "inline_inlinables",
    "inline_overloads",
    "literal_unroll",
    "LiteralPropagation",
    "make_function_op_code_to_jit_function",
    "nopython_rewrites",
    "rewrite_semantic_constants",
    "with_lifting",
}
"""Passes of numba for closures, ``with``, ``is None``, ``literally``, arithmetic of whole arrays and inlining by
request. Kernels have none of these; to look for them takes a tenth of the time."""


class InnerLibrary(JITCodeLibrary):
    """LLVM code of a kernel that never runs by itself: it will be linked into others."""

    def finalize(self) -> None:
        """Leaves the code as it is; what it calls goes to the callers, see ``Offer``."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=False)
class Offer(LoweringPass):
    """Tells numba where callers find the code of an inner kernel, and that of all kernels that it calls."""

    _name = "offer_to_callers"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Registers the code under a key of its own."""
        key = object().__reduce__  # numba wants a built-in function that is unlike all others; nobody calls it
        libraries = dict.fromkeys((state.library, *state.library._linking_libraries))
        state.targetctx.insert_user_function(key, state.cr.fndesc, tuple(libraries))
        state.cr = state.cr._replace(cfunc=key)
        return True


class SteadyFlags(Flags):
    """numba's options of a compilation, compared in one step: numba compares each option, at each call in the code."""

    __slots__ = ("_told",)

    def __hash__(self) -> int:
        return hash(self._all())

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, SteadyFlags) and self._all() == other._all())

    def _all(self) -> tuple[str, ...]:
        if not hasattr(self, "_told"):
            self._told = tuple(map(repr, self.values().values()))
        return self._told


class KernelCompiler(CompilerBase):
    """What the compilers of kernels have in common."""

    def __init__(
        self, typingctx: Any, targetctx: Any, library: Any, args: Any, return_type: Any, flags: Any, locals: Any
    ) -> None:
        super().__init__(typingctx, targetctx, library, args, return_type, SteadyFlags(flags), locals)

    def passes(self) -> Any:
        """Returns numba's passes without those that kernels do not need."""
        _ask_sizes_once(self.state.targetctx)
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(kind, told) for kind, told in passes.passes if kind._name not in NOT_NEEDED]
        return passes


class OuterCompiler(KernelCompiler):
    """Compiles a kernel for Python."""

    def define_pipelines(self) -> list[Any]:
        """Returns numba's passes."""
        self.state.flags.no_cfunc_wrapper = True
        passes = self.passes()
        passes.finalize()
        return [passes]


class InnerCompiler(KernelCompiler):
    """Compiles a kernel for other kernels."""

    def define_pipelines(self) -> list[Any]:
        """Returns numba's passes, without wrappers and without machine code."""
        state = self.state
        state.flags.no_compile = state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        state.library = InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        passes = self.passes()
        passes.add_pass_after(Offer, NativeLowering)
        passes.finalize()
        return [passes]


def _ask_sizes_once(context: Any) -> None:
    """Lets one compilation (``context`` is its own) remember the sizes of types: numba asks for each variable's."""
    context.get_abi_sizeof = functools.partial(_size_of, target=context.target_data)


@functools.cache
def _size_of(kind: Any, target: Any) -> int:
    """Returns the size of an LLVM type, bytes. LLVM takes 2 ms to tell it."""
    return int(kind.get_abi_size(target))
