"""Faster compilation: each kernel is optimised once, together with the kernels that it calls.

numba's standard way completes every function that another one calls: it optimises it, makes machine code and wrappers
for Python and C, and writes them to disk. Then it optimises a copy of the function again inside the caller. Here a
kernel that kernels call (an inner kernel) stays LLVM code in memory until its callers are compiled. A kernel that
Python calls (an outer kernel) is optimised, and cached on disk, with everything that it calls. Compiling all kernels
takes less than half of the time.

This uses numba's internals. ``compiled.py`` imports this module only for versions of numba that it was tested with.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import NativeLowering

UNUSED_PASSES = {
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
"""Passes of numba for closures, ``with``, ``is None``, ``literally``, whole-array arithmetic and inlining on request.
Kernels use none of these, and looking for them takes a tenth of the time."""


class InnerLibrary(JITCodeLibrary):
    """The LLVM code of a kernel that never runs by itself: it is linked into its callers."""

    def finalize(self) -> None:
        """Leaves the code as it is; ``OfferToCallers`` passes on the code of the kernels that it calls."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=False)
class OfferToCallers(LoweringPass):
    """Tells numba where callers find the code of an inner kernel, and of all kernels that it calls."""

    _name = "offer_to_callers"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Registers the code under its own key."""
        key = object().__reduce__  # numba requires a built-in function that is unlike all others; it is never called
        libraries = dict.fromkeys((state.library, *state.library._linking_libraries))
        state.targetctx.insert_user_function(key, state.cr.fndesc, tuple(libraries))
        state.cr = state.cr._replace(cfunc=key)
        return True


class ComparableFlags(Flags):
    """numba's options of a compilation, compared in one step.

    At each call in the code numba compares the options, one by one.
    """

    __slots__ = ("_cached_values",)

    def __hash__(self) -> int:
        return hash(self._all())

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ComparableFlags) and self._all() == other._all())

    def _all(self) -> tuple[str, ...]:
        if not hasattr(self, "_cached_values"):
            self._cached_values = tuple(map(repr, self.values().values()))
        return self._cached_values


class KernelCompiler(CompilerBase):
    """The common part of the compilers of inner and outer kernels."""

    def __init__(
        self, typingctx: Any, targetctx: Any, library: Any, args: Any, return_type: Any, flags: Any, locals: Any
    ) -> None:
        super().__init__(typingctx, targetctx, library, args, return_type, ComparableFlags(flags), locals)

    def passes(self) -> Any:
        """Returns numba's passes without ``UNUSED_PASSES``."""
        _cache_type_sizes(self.state.targetctx)
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(kind, name) for kind, name in passes.passes if kind._name not in UNUSED_PASSES]
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
        passes.add_pass_after(OfferToCallers, NativeLowering)
        passes.finalize()
        return [passes]


def outer_kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Returns a decorator like ``numba.njit(**options)`` that compiles with the compilers of this module."""

    def decorate(function: Callable[..., Any]) -> Any:
        outer = numba.njit(pipeline_class=OuterCompiler, **options)(function)
        if outer is not function:  # else it is interpreted
            _link(outer, numba.njit(pipeline_class=InnerCompiler, **{**options, "cache": False})(function))
        return outer

    return decorate


def _link(outer: Any, inner: Any) -> None:
    """Makes kernels that call a kernel use the code of ``inner``, while Python calls ``outer``.

    All calls with a constant share one code. numba would make one for each constant, and so for the kernels called from
    there.
    """
    template = inner.get_call_template
    without_constant: Any = types.unliteral

    def get_call_template(args: Any, kws: Any) -> Any:
        kws = {name: without_constant(kind) for name, kind in kws.items()}
        return template(tuple(without_constant(kind) for kind in args), kws)

    outer.get_call_template = get_call_template
    outer.get_overload = inner.get_overload


def _cache_type_sizes(context: Any) -> None:
    """Makes one compilation (``context`` belongs to it) remember the sizes of types: numba asks for every variable."""
    context.get_abi_sizeof = functools.partial(_size_of, target=context.target_data)


@functools.cache
def _size_of(kind: Any, target: Any) -> int:
    """Returns the size of an LLVM type, bytes. LLVM takes 2 ms to compute it."""
    return int(kind.get_abi_size(target))
