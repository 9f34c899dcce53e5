"""Choosing a template and filling it in: search, preview, a field per placeholder, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input

from tui_inbox.actions import first_sign
from tui_inbox.domain.models import Contact
from tui_inbox.domain.search import fold
from tui_inbox.domain.templates import MEDIA, Template, placeholders, problems, render
from tui_inbox.screens.dialogs.base import Dialog, field
from tui_inbox.services.send_plan import TemplateChoice
from tui_inbox.text import clean, clean_line, fit, wrap
from tui_inbox.widgets.lines import Line, Lines
from tui_inbox.widgets.pick_list import PickList, PickRow

_FIRST_NAME = ("1", "first", "firstname", "first_name", "customer", "customer_name", "contact")


class TemplatePicker(Dialog[TemplateChoice]):
    """Two steps in one box: the list with its preview, then the fields with theirs."""

    title_text = "Template"
    accept_word = "choose"
    AUTO_FOCUS = "#template-search"
    DEFAULT_CSS = """
    TemplatePicker > .dialog-box { width: 110; height: 100%; max-height: 36; }
    TemplatePicker .dialog-title { margin-bottom: 0; }
    TemplatePicker .dialog-foot { margin-top: 0; }
    TemplatePicker #pages { height: 1fr; }
    TemplatePicker #choose { height: 1fr; }
    TemplatePicker #templates { height: 1fr; margin: 1 0; }
    TemplatePicker .preview-box { height: 8; border-top: solid $foreground 20%; }
    TemplatePicker #fill { height: 1fr; display: none; }
    TemplatePicker #fields { height: 1fr; margin: 1 0; }
    TemplatePicker .field-row { height: 1; margin-bottom: 1; }
    TemplatePicker .field-row Lines { width: 20; }
    TemplatePicker .field-row Input { width: 1fr; }
    TemplatePicker.-filling #choose { display: none; }
    TemplatePicker.-filling #fill { display: block; }
    """

    def __init__(self, templates: Sequence[Template], contact: Contact, channel: str) -> None:
        """``channel``: its name, cleaned."""
        super().__init__()
        self._templates = sorted(templates, key=lambda item: _rank(item, contact))
        self._contact = contact
        self._channel = channel
        self._shown: list[Template] = []
        self._chosen: Template | None = None
        self._keys: tuple[str, ...] = ()

    def about(self) -> str:
        """On which channel, and what is being filled in."""
        return self._channel if self._chosen is None else f"{clean_line(self._chosen.name, 40)} · {self._channel}"

    def hints(self) -> list[tuple[str, str]]:
        """Different in the two steps."""
        accept, cancel = first_sign("accept", self.keymap), first_sign("cancel", self.keymap)
        if self._chosen is None:
            return [("↑↓", "choose"), (accept, "take it"), (cancel, "back")]
        return [("tab", "next field"), (first_sign("submit", self.keymap), "send"), (cancel, "other template")]

    def body(self) -> ComposeResult:
        """Both steps; one is displayed."""
        with Vertical(id="choose"):
            yield field(placeholder="search name and text", id="template-search")
            yield PickList(id="templates")
            with VerticalScroll(classes="preview-box", can_focus=False):
                yield Lines(id="preview")
        with Vertical(id="fill"):
            yield VerticalScroll(id="fields", can_focus=False)
            with VerticalScroll(classes="preview-box", can_focus=False):
                yield Lines(id="filled")

    def on_mount(self) -> None:
        """Fill in."""
        self._filter("")

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.call_after_refresh(self._redraw)

    # --- first step

    @on(Input.Changed, "#template-search")
    def _searched(self, event: Input.Changed) -> None:
        event.stop()
        self.complain("")
        self._filter(event.value)

    @on(PickList.Highlighted)
    def _highlighted(self, event: PickList.Highlighted) -> None:
        event.stop()
        self.complain("")
        self._show_preview()

    @on(PickList.Picked)
    async def _picked(self, event: PickList.Picked) -> None:
        event.stop()
        try:
            await self._start_filling(self._shown[event.index])
        finally:
            self._opened()

    @on(PickList.Refused)
    def _opened(self) -> None:
        self.opening = False
        self.host.release_keys()

    def _pick(self) -> None:
        if self._shown:
            self.opening = True  # what is typed on goes into the first field, not into the search
            self.host.hold_keys()
            self.query_one(PickList).pick()

    def _filter(self, typed: str) -> None:
        words = fold(typed).split()
        self._shown = [
            item for item in self._templates if all(word in fold(f"{item.name} {item.body}") for word in words)
        ]
        self._redraw()

    def _redraw(self) -> None:
        shown = self.query_one(PickList)
        width = (self.query_one(".dialog-box").content_size.width or 76) - 4
        shown.show([PickRow(template_line(item, width), _refusal(item)) for item in self._shown], shown.cursor)
        self._show_preview()

    def _show_preview(self) -> None:
        preview = self.query_one("#preview", Lines)
        if not self._shown:
            told = "No template matches." if self._templates else "This channel has no templates. An admin syncs them."
            preview.show([((told, "muted"),)])
            return
        item = self._shown[self.query_one(PickList).cursor]
        rows = _paragraph(render(item, {}), preview.content_size.width or 70)
        if item.unavailable:
            rows = [(("⊘ ", "bad"), (str(clean_line(item.unavailable, 200)), "warn")), *rows]
        preview.show(rows)

    # --- second step

    async def _start_filling(self, template: Template) -> None:
        self._chosen, self._keys = template, placeholders(template)
        values = suggested(self._keys, self._contact)
        rows = self.query_one("#fields", VerticalScroll)
        await rows.remove_children()
        for number, key in enumerate(self._keys):
            label = Lines()
            label.show([((f"{{{{{key}}}}}", "accent"),)])
            told = f"https://… where the {key.removeprefix(MEDIA)} lies" if key.startswith(MEDIA) else ""
            filled = field(values[key], placeholder=told, id=f"value-{number}")
            await rows.mount(Horizontal(label, filled, classes="field-row"))
        if not self._keys:
            note = Lines()
            note.show(
                [
                    (
                        ("Nothing to fill in. ", "muted"),
                        (first_sign("accept", self.keymap), "strong"),
                        (" sends it.", "muted"),
                    )
                ]
            )
            await rows.mount(note)
        self.add_class("-filling")
        if self._keys:
            self.set_focus(self.query_one("#value-0", Input))
        else:
            self.set_focus(None)
        self._draw_frame()
        self._show_filled()

    @on(Input.Changed)
    def _filled(self, event: Input.Changed) -> None:
        event.stop()
        if self._chosen is not None:
            self.complain("")
            self._show_filled()

    def _values(self) -> Mapping[str, str]:
        return {key: self.query_one(f"#value-{number}", Input).value for number, key in enumerate(self._keys)}

    def _show_filled(self) -> None:
        assert self._chosen is not None
        shown = self.query_one("#filled", Lines)
        filled = {key: value for key, value in self._values().items() if value.strip()}
        shown.show(_paragraph(render(self._chosen, filled), shown.content_size.width or 70))

    # --- both

    def do_accept(self) -> None:
        """Enter: take the template, go to the next empty field, or send."""
        if self._chosen is None:
            self._pick()
            return
        empty = next((n for n, key in enumerate(self._keys) if not self._values()[key].strip()), None)
        here = self.focused.id if self.focused is not None else ""
        if empty is not None and here != f"value-{empty}":
            self.set_focus(self.query_one(f"#value-{empty}", Input))
            return
        self.do_submit()

    def do_submit(self) -> None:
        """Send it, if the channel would take it."""
        if self._chosen is None:
            self._pick()
            return
        found = problems(self._chosen, self._values())
        if found:
            self.complain(f"Not sent: {'; '.join(str(clean_line(problem, 120)) for problem in found)}.")
            return
        self.dismiss(TemplateChoice(self._chosen.name, self._chosen.language, dict(self._values())))

    def do_cancel(self) -> None:
        """From the fields back to the list, from there away."""
        if self._chosen is None:
            self.dismiss(None)
            return
        self._chosen = None
        self.complain("")
        self.remove_class("-filling")
        self.set_focus(self.query_one("#template-search", Input))
        self._draw_frame()


def suggested(keys: Sequence[str], contact: Contact) -> dict[str, str]:
    """Values to begin with: what the placeholder's name asks for, and the first name for the first number."""
    known = {
        "name": contact.name,
        "full_name": f"{contact.first_name} {contact.last_name}".strip(),
        "fullname": f"{contact.first_name} {contact.last_name}".strip(),
        "last_name": contact.last_name,
        "lastname": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        **dict.fromkeys(_FIRST_NAME, contact.first_name),
    }
    return {key: str(clean_line(value, 80)) if (value := known.get(key.lower(), "")) else "" for key in keys}


def template_line(item: Template, width: int) -> Line:
    """Name, language, category and status in columns; dim where it cannot be sent."""
    usable = not item.unavailable
    mark = ("✓ ", "good") if usable else ("⊘ ", "bad")
    state = "approved" if usable else str(clean_line(item.status.lower().replace("_", " "), 14))
    name_width = max(16, min(34, width - 44))
    return (
        mark,
        (fit(clean_line(item.name, name_width - 1), name_width), "" if usable else "faint"),
        (fit(clean_line(item.language, 7), 8), "muted"),
        (fit(clean_line(item.category.lower(), 15), 16), "faint"),
        (state, "muted" if usable else "warn"),
    )


def _refusal(item: Template) -> str:
    return f"It cannot be sent: {clean_line(item.unavailable, 160)}." if item.unavailable else ""


def _paragraph(text: str, width: int) -> list[Line]:
    return [((row, ""),) for row in wrap(clean(text), width)]


def _rank(template: Template, contact: Contact) -> tuple[object, ...]:
    """What can be sent comes first, in the contact's language, and before what needs a file to point to."""
    spoken = _language(contact.language)
    foreign = bool(spoken) and _language(template.language) != spoken
    needs_file = any(key.startswith(MEDIA) for key in placeholders(template))
    return (bool(template.unavailable), foreign, needs_file, template.name, template.language)


def _language(tag: str) -> str:
    """``pt`` of ``pt_BR`` and of ``pt-br``."""
    return tag.replace("_", "-").partition("-")[0].lower()
