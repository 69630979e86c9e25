"""The audit event standard, the flag taxonomy, and the shapes that rooms exchange.

``validate_event`` and ``is_valid_event`` judge an event, ``convert_event`` says it in another version or format, ``Event`` is
its typed form, ``load_controls`` and ``gather_evidence`` say what a log proves. The standard itself is in ``schema/``.
"""

from bh_lib.schema.controls import Control, ControlStatus, load_controls
from bh_lib.schema.convert import TARGETS, convert_event
from bh_lib.schema.event import (
    Action,
    Actor,
    Agent,
    Attribution,
    Auth,
    Consent,
    Correlation,
    Delegation,
    Disclosure,
    Emergency,
    Event,
    Http,
    Identity,
    Integrity,
    Outcome,
    Recipient,
    Resource,
    Service,
)
from bh_lib.schema.evidence import ControlEvidence, EvidenceVerdict, QueryResult, gather_evidence
from bh_lib.schema.evidence_page import evidence_html
from bh_lib.schema.fhir_read import read_fhir
from bh_lib.schema.files import ConversionReport, convert_file, validate_file
from bh_lib.schema.validate import (
    CURRENT,
    VERSIONS,
    Problem,
    detect_version,
    event_checker,
    event_schema,
    is_valid_event,
    validate_event,
)
from bh_lib.schema.versions import Agents, Conversion, Loss, LossKind, negotiate

__all__ = [
    "CURRENT",
    "TARGETS",
    "VERSIONS",
    "Action",
    "Actor",
    "Agent",
    "Agents",
    "Attribution",
    "Auth",
    "Consent",
    "Control",
    "ControlEvidence",
    "ControlStatus",
    "Conversion",
    "ConversionReport",
    "Correlation",
    "Delegation",
    "Disclosure",
    "Emergency",
    "Event",
    "EvidenceVerdict",
    "Http",
    "Identity",
    "Integrity",
    "Loss",
    "LossKind",
    "Outcome",
    "Problem",
    "QueryResult",
    "Recipient",
    "Resource",
    "Service",
    "convert_event",
    "convert_file",
    "detect_version",
    "event_checker",
    "event_schema",
    "evidence_html",
    "gather_evidence",
    "is_valid_event",
    "load_controls",
    "negotiate",
    "read_fhir",
    "validate_event",
    "validate_file",
]
