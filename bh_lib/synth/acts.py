"""What people, services and agents of the simulated clinic can do, as it shows in an audit event."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACTS", "ActSpec"]


@dataclass(frozen=True, slots=True)
class ActSpec:
    """One kind of act.

    Attributes
    ----------
    service : str
        The service that records it.
    action, name : str
        ``action.type`` and ``action.name``.
    resource : str
        ``resource.type``.
    method, route : str
        HTTP method and route template; both empty for what no request caused.
    purpose : str
        The usual ``purpose_of_use`` (HL7 v3 ActReason), empty where none applies.
    phi : bool
        Whether it touches PHI.
    prefix : str
        Of resource ids; empty where the resource is the patient, or has no id.
    """

    service: str
    action: str
    name: str
    resource: str
    method: str
    route: str
    purpose: str
    phi: bool
    prefix: str


_TABLE: list[ActSpec] = []


def _act(
    service: str,
    action: str,
    name: str,
    resource: str,
    request: str = "",
    purpose: str = "TREAT",
    phi: bool = True,
    prefix: str = "",
) -> int:
    method, _, route = request.partition(" ")
    _TABLE.append(ActSpec(service, action, name, resource, method, route, purpose, phi, prefix))
    return len(_TABLE) - 1


_P = "/patients/{patient_id}"

LOGIN = _act("auth", "LOGIN", "login", "Session", "POST /auth/login", "", False)
LOGOUT = _act("auth", "LOGOUT", "logout", "Session", "POST /auth/logout", "", False)
PATIENT_SEARCH = _act("ehr", "QUERY", "search_patients", "Patient", "GET /patients")
PATIENT_LOOKUP = _act("ehr", "QUERY", "find_patient", "Patient", "GET /patients")
SCHEDULE_VIEW = _act("scheduling", "QUERY", "list_appointments", "Appointment", "GET /appointments")
CHECK_IN = _act("scheduling", "UPDATE", "check_in", "Appointment", "PATCH /appointments/{appointment_id}", prefix="appt")
APPOINTMENT_CREATE = _act("scheduling", "CREATE", "book_appointment", "Appointment", "POST /appointments", prefix="appt")
APPOINTMENT_CANCEL = _act(
    "scheduling", "DELETE", "cancel_appointment", "Appointment", "DELETE /appointments/{appointment_id}", prefix="appt"
)
APPOINTMENT_READ = _act("scheduling", "READ", "send_reminder", "Appointment", "", "HOPERAT", prefix="appt")
CHART_OPEN = _act("ehr", "READ", "open_chart", "Patient", f"GET {_P}")
PATIENT_CREATE = _act("ehr", "CREATE", "register_patient", "Patient", "POST /patients")
NOTICE_GIVE = _act(
    "ehr", "CREATE", "give_privacy_notice", "PrivacyNotice", f"POST {_P}/privacy-notices", "HOPERAT", prefix="notice"
)
NOTE_SEARCH = _act("ehr", "QUERY", "search_notes", "Note", f"GET {_P}/notes", prefix="notes")
NOTE_READ = _act("ehr", "READ", "read_note", "Note", f"GET {_P}/notes/{{note_id}}", prefix="note")
NOTE_CREATE = _act("ehr", "CREATE", "write_note", "Note", f"POST {_P}/notes", prefix="note")
NOTE_UPDATE = _act("ehr", "UPDATE", "edit_note", "Note", f"PUT {_P}/notes/{{note_id}}", prefix="note")
NOTE_SIGN = _act("ehr", "UPDATE", "sign_note", "Note", f"POST {_P}/notes/{{note_id}}/signature", prefix="note")
NOTE_PRINT = _act("ehr", "PRINT", "print_note", "Note", f"POST {_P}/notes/{{note_id}}/print", prefix="note")
NOTE_DELETE = _act("ehr", "DELETE", "discard_draft", "Note", f"DELETE {_P}/notes/{{note_id}}", prefix="note")
MEDS_READ = _act("ehr", "READ", "read_medications", "MedicationStatement", f"GET {_P}/medications", prefix="meds")
RX_CREATE = _act("ehr", "CREATE", "order_medication", "MedicationRequest", f"POST {_P}/medication-requests", prefix="rx")
LAB_ORDER = _act("ehr", "CREATE", "order_lab", "ServiceRequest", f"POST {_P}/service-requests", prefix="order")
LAB_READ = _act("ehr", "READ", "read_lab", "Observation", f"GET {_P}/observations", prefix="obs")
VITALS_CREATE = _act("ehr", "CREATE", "record_vitals", "Observation", f"POST {_P}/observations", prefix="obs")
SCREENING_CREATE = _act("ehr", "CREATE", "record_screening", "QuestionnaireResponse", f"POST {_P}/screenings", prefix="scr")
PLAN_READ = _act("ehr", "READ", "read_care_plan", "CarePlan", f"GET {_P}/care-plan", prefix="plan")
PLAN_UPDATE = _act("ehr", "UPDATE", "edit_care_plan", "CarePlan", f"PUT {_P}/care-plan", prefix="plan")
MESSAGE_READ = _act("portal", "READ", "read_message", "Communication", f"GET {_P}/messages", prefix="msg")
MESSAGE_SEND = _act("portal", "CREATE", "send_message", "Communication", f"POST {_P}/messages", prefix="msg")
GROUP_ROSTER = _act("ehr", "QUERY", "read_group_roster", "Group", "GET /groups/{group_id}", prefix="grp")
REFERRAL_CREATE = _act("ehr", "CREATE", "refer", "ServiceRequest", f"POST {_P}/referrals", prefix="ref")
REFERRAL_READ = _act("ehr", "READ", "read_referral", "ServiceRequest", f"GET {_P}/referrals/{{referral_id}}", prefix="ref")
COVERAGE_READ = _act("billing", "READ", "verify_insurance", "Coverage", f"GET {_P}/coverage", "HPAYMT", prefix="cov")
CLAIM_CREATE = _act("billing", "CREATE", "create_claim", "Claim", "POST /claims", "HPAYMT", prefix="claim")
CLAIM_READ = _act("billing", "READ", "read_claim", "Claim", "GET /claims/{claim_id}", "HPAYMT", prefix="claim")
CLAIM_SUBMIT = _act("billing", "UPDATE", "submit_claim", "Claim", "POST /claims/{claim_id}/submission", "HPAYMT", prefix="claim")
CLAIM_BATCH = _act("billing", "EXPORT", "export_claim_batch", "Claim", "", "HPAYMT", prefix="batch")
CONSENT_GRANT = _act("ehr", "GRANT", "sign_consent", "Consent", f"POST {_P}/consents", "PATRQT", prefix="con")
CONSENT_REVOKE = _act("ehr", "REVOKE", "revoke_consent", "Consent", f"DELETE {_P}/consents/{{consent_id}}", "PATRQT", prefix="con")
DISCLOSE = _act("ehr", "DISCLOSE", "release_of_information", "DocumentReference", f"POST {_P}/disclosures", "TREAT", prefix="doc")
CHART_EXPORT = _act("ehr", "EXPORT", "export_chart", "Patient", f"GET {_P}/export", "HOPERAT")
RELEASE_EXPORT = _act("ehr", "EXPORT", "export_for_release", "Patient", f"GET {_P}/export")
DOCUMENT_DELETE = _act(
    "ehr", "DELETE", "remove_misfiled", "DocumentReference", f"DELETE {_P}/documents/{{document_id}}", "HOPERAT", prefix="doc"
)
CHART_AUDIT = _act("ehr", "READ", "audit_chart", "Note", f"GET {_P}/notes/{{note_id}}", "HOPERAT", prefix="note")
TRAIL_REVIEW = _act("ehr", "REVIEW", "review_audit_trail", "AuditTrail", "GET /audit/events", "HOPERAT", prefix="trail")
BREAK_GLASS = _act("ehr", "READ", "break_glass", "Patient", f"POST {_P}/emergency-access", "BTG")
GLASS_REVIEW = _act("ehr", "REVIEW", "review_break_glass", "EmergencyAccess", "POST /audit/emergency-access/{access_id}", "HOPERAT")
PORTAL_READ = _act("portal", "READ", "read_own_record", "Patient", f"GET {_P}/summary", "PATRQT")
PORTAL_EXPORT = _act("portal", "EXPORT", "download_own_record", "Patient", f"GET {_P}/export", "PATRQT")
AGENT_START = _act("ehr", "OTHER", "agent_session_start", "AgentSession", "POST /agents/sessions", "", False)
AGENT_END = _act("ehr", "OTHER", "agent_session_end", "AgentSession", "DELETE /agents/sessions/{session_id}", "", False)
AGENT_READ = _act("ehr", "READ", "agent_read_note", "Note", f"GET {_P}/notes/{{note_id}}", prefix="note")
AGENT_DRAFT = _act("ehr", "CREATE", "agent_draft_note", "Note", f"POST {_P}/notes", prefix="note")
AGENT_OVERRIDE = _act("ehr", "OVERRIDE", "stop_agent_session", "AgentSession", "POST /agents/sessions/{session_id}/stop", "", False)
ACCOUNT_GRANT = _act("auth", "GRANT", "create_account", "UserAccount", "POST /accounts", "", False)
ACCOUNT_REVOKE = _act("auth", "REVOKE", "disable_account", "UserAccount", "DELETE /accounts/{account_id}", "", False)
ROLE_GRANT = _act("auth", "GRANT", "grant_role", "UserAccount", "POST /accounts/{account_id}/roles", "", False)
ROLE_REVOKE = _act("auth", "REVOKE", "revoke_role", "UserAccount", "DELETE /accounts/{account_id}/roles", "", False)
PASSWORD_RESET = _act("auth", "UPDATE", "reset_password", "UserAccount", "", "", False)
ALERT_CONFIGURE = _act("auth", "CONFIGURE", "edit_alert_rule", "AlertRule", "PUT /alert-rules/{rule_id}", "", False, "rule")
AGENT_CONFIGURE = _act(
    "auth", "CONFIGURE", "set_agent_scope", "AgentPolicy", "PUT /agents/{agent_id}/scope", "", False, "agent-policy"
)
POLICY_CONFIGURE = _act("auth", "CONFIGURE", "edit_access_policy", "AccessPolicy", "PUT /policies/{policy_id}", "", False, "policy")
HEARTBEAT = _act("ehr", "OTHER", "audit_heartbeat", "AuditTrail", "", "", False)

ACTS: tuple[ActSpec, ...] = tuple(_TABLE)
"""Every kind of act; the constants of this module index it."""
