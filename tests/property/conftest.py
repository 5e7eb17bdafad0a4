"""Properties are about what is right, not about how long it takes on a busy machine."""

from hypothesis import settings

settings.register_profile("exam", deadline=None)
settings.load_profile("exam")
