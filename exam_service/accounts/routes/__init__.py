"""Login and logout, activation, registration and recovery, one's own account."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.routes import account, activation, login, recovery, second_factor, slip

ROUTES = [
    web.get("/", login.front),
    web.get("/login", login.show_login),
    web.post("/login", login.login),
    web.post("/login/captcha", login.another_captcha),
    web.get("/captcha.png", login.show_captcha),
    web.get("/staff/login", login.show_staff_login),
    web.post("/staff/login", login.staff_login),
    web.get("/staff/login/code", login.show_staff_code),
    web.post("/staff/login/code", login.staff_code),
    web.post("/logout", login.logout),
    web.get("/activate", activation.show_activation),
    web.post("/activate", activation.ask_code),
    web.get("/activate/code", activation.show_code),
    web.post("/activate/code", activation.activate),
    web.post("/activate/code/again", activation.ask_again),
    web.get("/register", activation.show_registration),
    web.post("/register", activation.register),
    web.get("/agreement", activation.show_agreement),
    web.get("/privacy", activation.show_privacy),
    web.get("/activate/slip", slip.show_slip),
    web.post("/activate/slip", slip.take_slip),
    web.get("/activate/slip/code", slip.show_code),
    web.post("/activate/slip/code", slip.activate),
    web.post("/activate/slip/code/again", slip.ask_again),
    web.get("/forgot", recovery.show_recovery),
    web.post("/forgot", recovery.ask_code),
    web.get("/forgot/code", recovery.show_code),
    web.post("/forgot/code", recovery.recover),
    web.post("/forgot/code/again", recovery.ask_again),
    web.get("/account", account.show_account),
    web.get("/account/password", account.show_password),
    web.post("/account/password", account.change_password),
    web.get("/account/mobile", account.show_mobile),
    web.post("/account/mobile", account.ask_mobile_code),
    web.get("/account/mobile/code", account.show_mobile_code),
    web.post("/account/mobile/code", account.change_mobile),
    web.post("/account/sessions/end", account.end_other_sessions),
    web.get("/account/second-factor", second_factor.show),
    web.post("/account/second-factor/begin", second_factor.begin),
    web.post("/account/second-factor/confirm", second_factor.confirm),
    web.post("/account/second-factor/off", second_factor.turn_off),
]
