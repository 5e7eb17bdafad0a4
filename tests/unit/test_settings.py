import base64
import os
import stat
import tomllib
from pathlib import Path

import pytest

from exam_service.errors import Misconfigured
from exam_service.settings import (
    KEY_BYTES,
    Settings,
    configured,
    ensure_secrets,
    is_configured,
    load_settings,
)

KEYS = ("master_key", "lookup_key", "csrf_key")


def a_key(byte: int) -> str:
    return base64.b64encode(bytes([byte]) * KEY_BYTES).decode()


NEEDED = {
    "EXAM_DATABASE_URL": "postgresql://exam@db/exam",
    "EXAM_REDIS_URL": "redis://redis:6379/0",
    "EXAM_MASTER_KEY": a_key(1),
    "EXAM_LOOKUP_KEY": a_key(2),
    "EXAM_CSRF_KEY": a_key(3),
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with what is needed and nothing else, in an empty directory."""
    for name in os.environ:
        if name.upper().startswith("EXAM_"):
            monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EXAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def refusal() -> str:
    with pytest.raises(Misconfigured) as error:
        load_settings()
    return str(error.value)


def test_what_is_needed_is_enough(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.database_url == NEEDED["EXAM_DATABASE_URL"]
    assert settings.key("lookup_key") == bytes([2]) * KEY_BYTES
    assert settings.match_threshold < settings.mismatch_threshold


def test_what_is_not_set_is_as_the_documents_promise(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.match_threshold, settings.mismatch_threshold) == (0.45, 0.65)
    assert (settings.staff_idle_minutes, settings.staff_session_hours) == (15, 8)
    assert (settings.check_interval_ms, settings.frame_interval_ms) == (1000, None)
    assert settings.frame_max_bytes == 64 * 1024
    assert (settings.frame_max_width, settings.frame_max_height) == (1280, 720)
    assert not settings.demo
    assert not settings.behind_proxy
    assert settings.worker_processes >= 1


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_setting_stops_the_start_and_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    message = refusal()
    assert f"{name}: " in message
    assert all(other not in message for other in NEEDED if other != name)


def test_all_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        environment.delenv(name)
    message = refusal()
    assert all(name in message for name in NEEDED)


@pytest.mark.parametrize("name", [f"EXAM_{key.upper()}" for key in KEYS])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("not base64!", "must be base64"),
        ("", "must be 32 bytes"),
        (base64.b64encode(bytes(31)).decode(), "must be 32 bytes"),
        (base64.b64encode(bytes(33)).decode(), "must be 32 bytes"),
        ("0" * 64, "must be 32 bytes"),
    ],
    ids=["no base64", "empty", "31 bytes", "33 bytes", "hexadecimal"],
)
def test_a_bad_key_is_named_and_never_shown(
    environment: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    environment.setenv(name, value)
    message = refusal()
    assert f"{name}: " in message
    assert reason in message
    assert not value or value not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXAM_PORT", "70000"),
        ("EXAM_PORT", "http"),
        ("EXAM_MATCH_THRESHOLD", "nan"),
        ("EXAM_MATCH_THRESHOLD", "0"),
        ("EXAM_STAFF_IDLE_MINUTES", "0"),
        ("EXAM_WEB_PROCESSES", "0"),
    ],
)
def test_a_value_out_of_range_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    assert f"{name}: " in refusal()


def test_thresholds_out_of_order_are_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EXAM_MATCH_THRESHOLD", "0.7")
    environment.setenv("EXAM_MISMATCH_THRESHOLD", "0.6")
    assert "EXAM_MATCH_THRESHOLD must not be above EXAM_MISMATCH_THRESHOLD" in refusal()


def test_equal_thresholds_leave_nothing_unsure_and_are_allowed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EXAM_MATCH_THRESHOLD", "0.6")
    environment.setenv("EXAM_MISMATCH_THRESHOLD", "0.6")
    assert load_settings().match_threshold == 0.6


@pytest.mark.parametrize("name", ["EXAM_TLS_CERT", "EXAM_TLS_KEY"])
def test_certificate_and_key_go_together(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "/etc/exam/tls.pem")
    assert "EXAM_TLS_CERT and EXAM_TLS_KEY go together" in refusal()


def test_the_environment_wins_over_the_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "exam.toml"
    config.write_text('port = 9000\nhost = "10.0.0.1"\n')
    environment.setenv("EXAM_CONFIG", str(config))
    environment.setenv("EXAM_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.host) == (9001, "10.0.0.1")


def test_the_file_wins_over_what_embedded_mode_wrote(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ensure_secrets(tmp_path / "data")
    config = tmp_path / "exam.toml"
    config.write_text(f'csrf_key = "{a_key(7)}"\n')
    environment.setenv("EXAM_CONFIG", str(config))
    environment.delenv("EXAM_CSRF_KEY")
    assert load_settings().key("csrf_key") == bytes([7]) * KEY_BYTES


def test_embedded_secrets_and_addresses_are_found_in_the_data_directory(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in NEEDED:
        environment.delenv(name)
    written = tomllib.loads(ensure_secrets(tmp_path / "data").read_text())
    addresses = 'database_url = "postgresql://embedded/exam"\nredis_url = "redis://embedded"\n'
    (tmp_path / "data" / "servers.toml").write_text(addresses)
    settings = load_settings()
    assert settings.redis_url == "redis://embedded"
    assert all(settings.key(key) == base64.b64decode(written[key]) for key in KEYS)


def test_the_data_directory_may_be_named_in_the_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in KEYS:
        environment.delenv(f"EXAM_{key.upper()}")
    environment.delenv("EXAM_DATA_DIR")
    written = tomllib.loads(ensure_secrets(tmp_path / "elsewhere").read_text())
    config = tmp_path / "exam.toml"
    config.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n')
    environment.setenv("EXAM_CONFIG", str(config))
    assert load_settings().key("csrf_key") == base64.b64decode(written["csrf_key"])


def test_one_setting_can_be_looked_up_before_all_are_there(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.delenv("EXAM_MASTER_KEY")
    assert not is_configured("port")
    config = tmp_path / "exam.toml"
    config.write_text("port = 9000\n")
    environment.setenv("EXAM_CONFIG", str(config))
    assert configured("port") == "9000"
    environment.setenv("EXAM_PORT", "9001")
    assert configured("port") == "9001"
    assert configured("host") is None


@pytest.mark.parametrize("content", [None, b"port: 9000", b"\xff"], ids=["absent", "no TOML", "no UTF-8"])
def test_looking_up_one_setting_refuses_a_bad_file_too(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    config = tmp_path / "exam.toml"
    if content is not None:
        config.write_bytes(content)
    environment.setenv("EXAM_CONFIG", str(config))
    with pytest.raises(Misconfigured, match=r"exam\.toml"):
        configured("port")


def test_a_file_that_is_not_there_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("EXAM_CONFIG", str(tmp_path / "absent.toml"))
    assert "EXAM_CONFIG names" in refusal()


def test_a_setting_that_does_not_exist_is_refused(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "exam.toml"
    config.write_text("prot = 9000\n")
    environment.setenv("EXAM_CONFIG", str(config))
    assert "PROT" in refusal()


@pytest.mark.parametrize("content", [b"port: 9000", b"\xff"], ids=["no TOML", "no UTF-8"])
def test_a_file_that_is_no_toml_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    config = tmp_path / "exam.toml"
    config.write_bytes(content)
    environment.setenv("EXAM_CONFIG", str(config))
    assert "exam.toml" in refusal()


def test_a_data_directory_that_is_no_text_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("EXAM_DATA_DIR")
    config = tmp_path / "exam.toml"
    config.write_text("data_dir = 5\n")
    environment.setenv("EXAM_CONFIG", str(config))
    assert "EXAM_DATA_DIR" in refusal()


def test_settings_cannot_be_changed_and_do_not_print_their_secrets(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    assert all(value not in repr(settings) for name, value in NEEDED.items() if name.endswith("KEY"))


def test_secrets_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    path = ensure_secrets(tmp_path / "data")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    written = tomllib.loads(path.read_text())
    assert set(written) == set(KEYS)
    assert len({base64.b64decode(value) for value in written.values()}) == len(KEYS)
    assert all(len(base64.b64decode(value)) == KEY_BYTES for value in written.values())


def test_secrets_are_never_overwritten(tmp_path: Path) -> None:
    path = ensure_secrets(tmp_path)
    path.write_text("kept")
    assert ensure_secrets(tmp_path) == path
    assert path.read_text() == "kept"


def test_what_a_crash_left_half_written_is_not_taken_for_secrets(tmp_path: Path) -> None:
    (tmp_path / "secrets.1.new").write_text('master_key = "')
    written = tomllib.loads(ensure_secrets(tmp_path).read_text())
    assert set(written) == set(KEYS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secrets.toml"]


def test_secrets_of_two_directories_differ(tmp_path: Path) -> None:
    assert ensure_secrets(tmp_path / "a").read_text() != ensure_secrets(tmp_path / "b").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described_in_a_sentence(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description is not None
    assert description.endswith(".")


def test_secrets_have_no_default() -> None:
    assert all(Settings.model_fields[key].is_required() for key in KEYS)
