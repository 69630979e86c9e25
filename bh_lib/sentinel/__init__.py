"""Text in, flags out, clinician decides. Decision support, never a diagnosis."""

from bh_lib.sentinel.analysis import CLINICAL_USE_NOTICE, Analysis, Finding
from bh_lib.sentinel.cssrs import CSsrs, Profile, Triage
from bh_lib.sentinel.mention import Context, Mention
from bh_lib.sentinel.pipeline import Sentinel
from bh_lib.sentinel.render import render, render_text

__all__ = [
    "CLINICAL_USE_NOTICE",
    "Analysis",
    "CSsrs",
    "Context",
    "Finding",
    "Mention",
    "Profile",
    "Sentinel",
    "Triage",
    "render",
    "render_text",
]
