"""Settings refuse an environment that is wrong, name the variable, and never show a secret."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import env


class TestReaders:
    def test_a_missing_variable_is_named(self, monkeypatch):
        monkeypatch.delenv("ABSENT", raising=False)

        with pytest.raises(ImproperlyConfigured, match="ABSENT"):
            env.env_str("ABSENT")

    @pytest.mark.parametrize(
        ("text", "value"), [("1", True), ("True", True), ("off", False), ("", False)]
    )
    def test_booleans_are_words(self, monkeypatch, text, value):
        monkeypatch.setenv("FLAG", text)

        assert env.env_bool("FLAG", default=not value) is value

    def test_another_word_is_no_boolean(self, monkeypatch):
        monkeypatch.setenv("FLAG", "perhaps")

        with pytest.raises(ImproperlyConfigured, match="FLAG"):
            env.env_bool("FLAG", default=False)

    @pytest.mark.parametrize("text", ["", "1.5", "ten", "70000", "0"])
    def test_a_number_must_be_whole_and_within_its_bounds(self, monkeypatch, text):
        monkeypatch.setenv("PORT", text)

        with pytest.raises(ImproperlyConfigured, match="PORT"):
            env.env_int("PORT", 8000, minimum=1, maximum=65_535)

    @pytest.mark.parametrize("text", ["nan", "inf", "-1", "soon"])
    def test_seconds_are_finite_and_not_negative(self, monkeypatch, text):
        monkeypatch.setenv("WAIT", text)

        with pytest.raises(ImproperlyConfigured, match="WAIT"):
            env.env_seconds("WAIT", 1.0)

    def test_a_list_drops_blanks(self, monkeypatch):
        monkeypatch.setenv("HOSTS", " a.example , ,b.example")

        assert env.env_list("HOSTS") == ["a.example", "b.example"]


class TestSecrets:
    def test_the_newest_comes_first(self, monkeypatch, tmp_path):
        file = tmp_path / "keys"
        file.write_text("n" * 32 + "\n" + "o" * 32 + "\n")
        monkeypatch.setenv("KEYS_FILE", str(file))

        assert env.env_secrets("KEYS", minimum_length=32) == ["n" * 32, "o" * 32]

    def test_a_short_one_is_refused_and_not_shown(self, monkeypatch):
        monkeypatch.setenv("KEYS", "too-short")

        with pytest.raises(ImproperlyConfigured, match="KEYS") as refusal:
            env.env_secrets("KEYS", minimum_length=32)

        assert "too-short" not in str(refusal.value)

    def test_none_at_all_is_refused(self, monkeypatch):
        monkeypatch.delenv("KEYS", raising=False)

        with pytest.raises(ImproperlyConfigured, match="KEYS_FILE"):
            env.env_secrets("KEYS", minimum_length=32)

    def test_a_file_that_cannot_be_read_is_refused(self, monkeypatch, tmp_path):
        monkeypatch.setenv("KEYS_FILE", str(tmp_path / "absent"))

        with pytest.raises(ImproperlyConfigured, match="KEYS_FILE"):
            env.env_secrets("KEYS", minimum_length=32)


class TestUrls:
    def test_a_database_url_is_taken_apart(self):
        parts = env.parse_database_url(
            "DATABASE_URL", "postgresql://al%40ice:p%2Fw@db.example:6543/agora"
        )

        assert (parts.user, parts.password, parts.host, parts.port, parts.name) == (
            "al@ice",
            "p/w",
            "db.example",
            6543,
            "agora",
        )

    @pytest.mark.parametrize(
        "url",
        ["mysql://u:secret@h/d", "postgresql://u:secret@h", "postgresql://u:secret@h:port/d", ""],
    )
    def test_another_kind_of_url_is_refused_and_not_shown(self, url):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
            env.parse_database_url("DATABASE_URL", url)

        assert "secret" not in str(refusal.value)

    def test_a_redis_url_gets_its_database_number(self):
        assert env.redis_url("redis://:pw@127.0.0.1:6379", 1) == "redis://:pw@127.0.0.1:6379/1"

    def test_another_kind_of_broker_is_refused(self):
        with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
            env.redis_url("http://127.0.0.1", 0)


class TestEnvironmentFile:
    def test_fills_what_the_environment_leaves_open(self, monkeypatch, tmp_path):
        file = tmp_path / "environment"
        file.write_text("GIVEN=file\nOPEN=file=with=equals\n# note\n")
        monkeypatch.setenv("GIVEN", "shell")
        monkeypatch.delenv("OPEN", raising=False)

        env.load_environment_file(file)

        assert (env.env_str("GIVEN"), env.env_str("OPEN")) == ("shell", "file=with=equals")
        monkeypatch.delenv("OPEN")

    def test_may_be_absent(self, tmp_path):
        env.load_environment_file(tmp_path / "absent")
