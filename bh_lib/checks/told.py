"""How an Expectation of ours stands in Data Docs: a sentence, in place of its class name and arguments."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.expectation import render_suite_parameter_string
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

__all__ = ["Told"]


class Told:
    """Mixed into an Expectation; its class attribute ``sentence`` says what is expected."""

    sentence: ClassVar[str]

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    @render_suite_parameter_string
    def _prescriptive_renderer(cls, configuration: Any = None, result: Any = None, **_: Any) -> list[Any]:  # noqa: ARG003
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template", string_template={"template": cls.sentence, "params": {}}
            )
        ]
