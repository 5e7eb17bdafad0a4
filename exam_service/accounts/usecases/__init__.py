"""Ways in, sessions, consent, accounts. Other features import from here only."""

from exam_service.accounts.queries import ActivationRequest
from exam_service.accounts.usecases.activation import (
    activate,
    activate_by_slip,
    ask_activation_code,
    ask_activation_code_again,
    ask_registration_code,
    decide_activation,
    open_activation_requests,
    print_slip,
    show_slip,
    show_slip_again,
)
from exam_service.accounts.usecases.captchas import (
    Captcha,
    captcha_picture,
    check_captcha,
    forget_entrances,
    new_captcha,
)
from exam_service.accounts.usecases.consent import (
    all_still_consent,
    consent_records,
    decline_face_consent,
    give_face_consent,
    has_face_consent,
    topic,
    with_face_consent,
    withdraw_face_consent,
)
from exam_service.accounts.usecases.entrance import Awaited, Claim, awaited, can_send_codes
from exam_service.accounts.usecases.login import (
    Entrance,
    OpensActivation,
    finish_staff_login,
    login_physician,
    login_staff,
)
from exam_service.accounts.usecases.own_account import (
    Overview,
    OwnSession,
    ask_mobile_change,
    change_mobile,
    change_password,
    end_other_sessions,
    overview,
)
from exam_service.accounts.usecases.passwords import hash_password, new_one_time_password
from exam_service.accounts.usecases.people import (
    IDENTITY,
    add_physician,
    add_staff,
    document_hash,
    identity_number_of,
)
from exam_service.accounts.usecases.recovery import (
    ask_recovery_code,
    ask_recovery_code_again,
    recover,
    reset_password,
)
from exam_service.accounts.usecases.second_factor import reset_staff
from exam_service.accounts.usecases.sessions import (
    Sessions,
    forget_ended_sessions,
    logout,
    session_limits,
)

__all__ = [
    "IDENTITY",
    "ActivationRequest",
    "Awaited",
    "Captcha",
    "Claim",
    "Entrance",
    "OpensActivation",
    "Overview",
    "OwnSession",
    "Sessions",
    "activate",
    "activate_by_slip",
    "add_physician",
    "add_staff",
    "all_still_consent",
    "ask_activation_code",
    "ask_activation_code_again",
    "ask_mobile_change",
    "ask_recovery_code",
    "ask_recovery_code_again",
    "ask_registration_code",
    "awaited",
    "can_send_codes",
    "captcha_picture",
    "change_mobile",
    "change_password",
    "check_captcha",
    "consent_records",
    "decide_activation",
    "decline_face_consent",
    "document_hash",
    "end_other_sessions",
    "finish_staff_login",
    "forget_ended_sessions",
    "forget_entrances",
    "give_face_consent",
    "has_face_consent",
    "hash_password",
    "identity_number_of",
    "login_physician",
    "login_staff",
    "logout",
    "new_captcha",
    "new_one_time_password",
    "open_activation_requests",
    "overview",
    "print_slip",
    "recover",
    "reset_password",
    "reset_staff",
    "session_limits",
    "show_slip",
    "show_slip_again",
    "topic",
    "with_face_consent",
    "withdraw_face_consent",
]
