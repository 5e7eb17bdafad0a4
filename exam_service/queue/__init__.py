"""Redis: streams, signals and token buckets. Carries bytes and knows no message.

Nothing here is the truth: Redis may be emptied or be away at any time.
"""
