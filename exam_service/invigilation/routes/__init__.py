"""测评监控: the list and the wall, live; one attempt and what staff do to it; extra minutes; make-up."""

from __future__ import annotations

from aiohttp import web

from exam_service.invigilation.routes import attempt, feed, listing, makeup, registration, wall

ROUTES = [
    web.get("/invigilation", listing.show_list),
    web.get("/invigilation/live", listing.watch_list),
    web.post("/invigilation/notices", listing.notify_all),
    web.get("/invigilation/wall", wall.show_wall),
    web.get("/invigilation/wall/events", feed.feed_wall),
    web.get("/invigilation/identity/{identity}/snapshot", wall.show_identity_snapshot),
    web.get("/invigilation/identity/{identity}/photo", wall.show_identity_photo),
    web.post("/invigilation/identity/{identity}/decision", wall.decide_identity),
    web.get("/invigilation/makeup", makeup.show_makeup),
    web.post("/invigilation/makeup", makeup.open_makeup_round),
    web.get("/invigilation/registrations/{registration}", registration.show_registration),
    web.post("/invigilation/registrations/{registration}/overrides", registration.grant_override),
    web.get("/invigilation/{attempt}", attempt.show_attempt),
    web.get("/invigilation/{attempt}/picture", wall.show_picture),
    web.get("/invigilation/{attempt}/photo", wall.show_photo),
    web.post("/invigilation/{attempt}/duty", attempt.assign_duty),
    web.post("/invigilation/{attempt}/recheck", attempt.ask_recheck),
    web.post("/invigilation/{attempt}/identity/{identity}/tries", attempt.give_tries),
    web.post("/invigilation/{attempt}/notes", attempt.write_note),
    web.post("/invigilation/{attempt}/extension", attempt.extend),
    web.post("/invigilation/{attempt}/lease-release", attempt.release_lease),
    web.post("/invigilation/{attempt}/termination", attempt.request_termination),
    web.post("/invigilation/{attempt}/termination/confirmation", attempt.confirm_termination),
    web.post("/invigilation/{attempt}/termination/withdrawal", attempt.withdraw_termination),
    web.post("/invigilation/{attempt}/notices", attempt.notify_one),
    web.post("/invigilation/{attempt}/time-requests/{request}/grant", attempt.grant_time_request),
    web.post("/invigilation/{attempt}/time-requests/{request}/refusal", attempt.refuse_time_request),
    web.post("/invigilation/{attempt}/import", attempt.import_answers),
]
