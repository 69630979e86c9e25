"""The sentinel as MLflow serves it: a table of texts in, a table of analyses out."""

from __future__ import annotations

import json
from typing import Any

from bh_lib._extras import require
from bh_lib.evaluate import ordinal_level
from bh_lib.lab.track import python_model

__all__ = ["served_model"]


def served_model() -> Any:
    """A model that loads the exported classifier it was logged with; stateless, and it keeps no text."""
    base = python_model()

    class Served(base):  # type: ignore[misc, valid-type]
        def load_context(self, context: Any) -> None:
            from bh_lib.sentinel import Sentinel

            self._sentinel = Sentinel.load(classifier=context.artifacts["classifier"])

        # Without annotations: MLflow takes them for a schema, and the signature that was logged is the schema.
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
            pandas = require("pandas", extra="lab")
            analyses = [analysis.to_dict() for analysis in self._sentinel.analyze_batch(list(model_input["text"]))]
            return pandas.DataFrame(
                {
                    "analysis": [json.dumps(analysis, ensure_ascii=False, separators=(",", ":")) for analysis in analyses],
                    "max_severity": [str(analysis["summary"]["max_severity"] or "NONE") for analysis in analyses],
                    "c_ssrs_level": [ordinal_level(analysis["c_ssrs"]) for analysis in analyses],
                    "immediate_review": [bool(analysis["summary"]["immediate_review"]) for analysis in analyses],
                }
            )

    return Served()
