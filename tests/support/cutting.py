"""A program that ends between two of its writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tui_inbox.domain.errors import StoreError
from tui_inbox.repository.store import Store


@contextmanager
def cut_off_after(store: Store, writes: int) -> Iterator[None]:
    """Within it ``store`` takes so many writes more and then none, as if the program had ended."""
    write, left = store.write, writes

    async def until_then(work: Callable[[Any], Awaitable[Any]]) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreError("the program ends here")
        return await write(work)

    store.write = until_then  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.write = write  # type: ignore[method-assign]
