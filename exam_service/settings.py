"""Every setting, in one typed place.

Read from, the first wins: environment (``EXAM_…``), the TOML file named by ``EXAM_CONFIG``, and of the data
directory ``servers.toml`` (where embedded servers listen while they run) and ``secrets.toml``, which embedded
mode writes once; both have mode 0600. ``docs/operations.md``
lists them all; a test compares.
"""

from __future__ import annotations

import base64
import os
import secrets
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from exam_service.errors import Misconfigured

KEY_BYTES = 32


def _is_key(value: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(value.get_secret_value(), validate=True)
    except ValueError as error:
        raise ValueError("must be base64") from error
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64, such as `openssl rand -base64 32` prints")
    return value


Key = Annotated[SecretStr, AfterValidator(_is_key)]


class Settings(BaseSettings):
    """The settings of one node. Frozen; made by :func:`load_settings`."""

    model_config = SettingsConfigDict(env_prefix="EXAM_", frozen=True, extra="forbid")

    database_url: str = Field(description="PostgreSQL (≥15), such as `postgresql://user@host/exam`.")
    redis_url: str = Field(description="Redis (≥6.2), such as `redis://host:6379/0`.")
    data_dir: Path = Field(
        default=Path("var"),
        description="Directory of evidence, models and, in embedded mode, servers and secrets.",
    )
    audit_heads: Path | None = Field(
        default=None,
        description="Directory for the signed heads of the audit journal, best where the database's "
        "administrators can't write (default: `audit` in the data directory).",
    )

    master_key: Key = Field(
        description="Wraps the data keys of personal data. Secret: 32 bytes in base64. Lost means lost data."
    )
    lookup_key: Key = Field(
        description="Keyed hash of identity numbers. Secret: 32 bytes in base64. Never change it."
    )
    csrf_key: Key = Field(description="Signs CSRF tokens. Secret: 32 bytes in base64.")

    host: str = Field(default="127.0.0.1", description="Address that `web` listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port that `web` listens on.")
    tls_cert: Path | None = Field(default=None, description="Certificate chain (PEM) for HTTPS.")
    tls_key: Path | None = Field(default=None, description="Private key (PEM) for HTTPS.")
    behind_proxy: bool = Field(
        default=False,
        description="Trust `X-Forwarded-For` (the last address) of a load balancer in front.",
    )
    database_pool: int = Field(default=16, ge=2, le=200, description="PostgreSQL connections of one process.")
    web_processes: int = Field(default=1, ge=1, le=64, description="Web processes that `serve` starts.")
    worker_processes: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        le=256,
        description="Proctor workers that `serve` starts; default one a core.",
    )
    demo: bool = Field(
        default=False,
        description="Demonstration: seeded accounts, and the first identity check may enrol a face.",
    )

    presets_dir: Path | None = Field(
        default=None,
        description="Directory of policy presets of your own (TOML), beside those that come along.",
    )

    staff_idle_minutes: int = Field(default=15, ge=1, description="Staff are logged out after so long idle.")
    staff_session_hours: int = Field(default=8, ge=1, description="Staff sessions end after so long.")
    physician_idle_minutes: int = Field(
        default=240, ge=1, description="Physicians are logged out after so long idle."
    )
    physician_session_hours: int = Field(
        default=24, ge=1, description="Physicians' sessions end after so long."
    )
    login_tries: int = Field(
        default=10, ge=1, description="Logins an account may fail in a quarter of an hour."
    )
    login_tries_per_address: int = Field(
        default=3000,
        ge=1,
        description="Logins one network address may try in a quarter of an hour: a hospital shares one.",
    )

    staff_totp: Literal["off", "optional", "required"] = Field(
        default="optional",
        description="One-time codes of staff beside their password: none, who wants, or all of them.",
    )

    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#]+$",
        description="Address that people reach the service at, for QR codes; else the one they asked.",
    )
    sms_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="HTTP gateway for short messages. Without it no codes are sent.",
    )
    sms_token: SecretStr | None = Field(
        default=None, description="Sent to the gateway as `Authorization: Bearer`. Secret."
    )
    sms_body: str = Field(
        default='{"mobile": "{mobile}", "content": "{text}"}',
        description="JSON object with `{mobile}` and `{text}` in its texts: what the gateway is sent.",
    )
    sms_format: Literal["json", "form"] = Field(
        default="json", description="Whether the gateway gets it as JSON or as a form."
    )
    sms_success: str | None = Field(
        default=None, description="Text in the gateway's answer when it took a message."
    )
    sms_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Seconds that the gateway is waited for."
    )

    match_threshold: float = Field(
        default=0.45, gt=0, lt=2, description="Face distance up to which two pictures match."
    )
    mismatch_threshold: float = Field(
        default=0.65,
        gt=0,
        lt=2,
        description="Face distance from which they do not; between the two is unsure.",
    )
    recogniser: Path | None = Field(
        default=None,
        description="TOML of an ONNX face recogniser of your own; without it dlib's ResNet.",
    )
    check_interval_ms: int = Field(
        default=1000, ge=200, description="Milliseconds between frames of the identity check."
    )
    frame_interval_ms: int | None = Field(
        default=None,
        ge=500,
        description="Milliseconds between frames of a paper, instead of what the policy says; for trials.",
    )
    frame_max_bytes: int = Field(default=65_536, ge=1024, description="Largest JPEG frame taken, in bytes.")
    frame_max_width: int = Field(default=1280, ge=64, description="Widest frame taken, in pixels.")
    frame_max_height: int = Field(default=720, ge=64, description="Highest frame taken, in pixels.")
    keep_every_nth_match: int = Field(
        default=6,
        ge=1,
        description="Of a paper's frames that plainly match one in so many is kept, at random.",
    )
    queue_limit: int = Field(
        default=5000, ge=1, description="Frames waiting for a worker, beyond which new ones are refused."
    )

    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Bearer token of `GET /metrics`. Secret. Without it there is no such page.",
    )

    admissions_per_second: float = Field(
        default=40.0,
        gt=0,
        le=10_000,
        description="Papers that open each second on all nodes together; who comes sooner waits in line.",
    )
    admission_burst: int = Field(
        default=30, ge=1, le=10_000, description="Papers that may open at once after a quiet time."
    )

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if self.match_threshold > self.mismatch_threshold:
            raise ValueError("EXAM_MATCH_THRESHOLD must not be above EXAM_MISMATCH_THRESHOLD")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("EXAM_TLS_CERT and EXAM_TLS_KEY go together")
        if self.presets_dir is not None and not self.presets_dir.is_dir():
            raise ValueError("EXAM_PRESETS_DIR names no directory")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        named = os.environ.get("EXAM_CONFIG")
        files = [TomlConfigSettingsSource(settings_cls, Path(named))] if named else []
        said = (source.toml_data.get("data_dir") for source in files)
        data_dir = Path(str(os.environ.get("EXAM_DATA_DIR") or next(said, None) or "var"))
        files += [
            TomlConfigSettingsSource(settings_cls, path)
            for path in (data_dir / "servers.toml", data_dir / "secrets.toml")
            if path.exists()
        ]
        return (
            init_settings,
            env_settings,
            *files,
        )

    def key(self, name: str) -> bytes:
        """The raw 32 bytes of the key setting ``name``."""
        value: SecretStr = getattr(self, name)
        return base64.b64decode(value.get_secret_value())


def load_settings(**overrides: object) -> Settings:
    """Read the settings of this process.

    Raises:
        Misconfigured: One is missing or wrong; the message names each and its environment variable.
    """
    named = os.environ.get("EXAM_CONFIG")
    if named and not Path(named).is_file():
        raise Misconfigured(f"EXAM_CONFIG names {named}, which is not a file")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{named or 'a TOML file of the data directory'} can't be read: {error}"
        ) from None
    except ValidationError as error:
        lines = [
            "  " + ": ".join([*(f"EXAM_{name}".upper() for name in problem["loc"]), problem["msg"]])
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise Misconfigured(
            "the service can't start, these settings are missing or wrong:\n" + "\n".join(lines)
        ) from None


def configured(name: str) -> str | None:
    """What the environment or the file of ``EXAM_CONFIG`` says of a setting; before all of them can be read.

    Raises:
        Misconfigured: The file isn't there, or is no TOML.
    """
    if said := os.environ.get(f"EXAM_{name.upper()}"):
        return said
    named = os.environ.get("EXAM_CONFIG")
    if not named:
        return None
    try:
        value = tomllib.loads(Path(named).read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError) as error:
        raise Misconfigured(f"EXAM_CONFIG names {named}, which can't be read: {error}") from None
    return None if value is None else str(value)


def is_configured(name: str) -> bool:
    """Whether the operator has said anything of a setting."""
    return configured(name) is not None


def ensure_secrets(data_dir: Path) -> Path:
    """Write ``secrets.toml`` with fresh keys if the data directory has none; for embedded mode only.

    The file is created with mode 0600 and never overwritten: losing it loses the personal data it encrypts.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / "secrets.toml"
    if path.exists():
        return path
    lines = ["# Made once by embedded mode. Keep it with the backups: without it the data can't be read.\n"]
    lines += [
        f'{name} = "{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"\n'
        for name in ("master_key", "lookup_key", "csrf_key")
    ]
    fresh = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another start was first: its keys are the keys
        path.hardlink_to(fresh)
    for draft in data_dir.glob("secrets.*.new"):  # our own, and what a crash left
        draft.unlink(missing_ok=True)
    directory = os.open(data_dir, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name is durable too: losing this file loses data
    finally:
        os.close(directory)
    return path
