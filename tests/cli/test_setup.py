"""`init`, `check` and `health`, and what they say about wrong settings."""

import pytest

from gateway import calendars


def test_init_writes_settings_and_key_that_check_accepts(inside, tmp_path):
    done = inside("init", tmp_path / "new", check=True)
    assert (tmp_path / "new/gateway.toml").is_file()
    assert (tmp_path / "new/installation.key").stat().st_mode & 0o077 == 0
    assert "gateway serve" in done.stdout
    assert inside("check", "--data-dir", tmp_path / "new", check=True).stdout.endswith("ok\n")


def test_init_overwrites_nothing(inside, home):
    before = (home / "gateway.toml").read_bytes()
    done = inside("init", home)
    assert done.returncode == 2
    assert "is left as it is" in done.stderr
    assert (home / "gateway.toml").read_bytes() == before


def test_check_names_every_mistake_with_its_key_and_the_nearest_one(inside, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('secrt_previous = "x"\n[limits]\nbody_byte = 5\n')
    done = inside("check", "--data-dir", home)
    assert done.returncode == 2
    assert done.stderr.startswith("gateway: ")
    assert "limits.body_byte" in done.stderr
    assert "did you mean 'limits.body_bytes'?" in done.stderr


def test_check_names_the_nearest_key_of_a_channel(inside, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('secrt_previous = "x"\n')
    done = inside("check", "--data-dir", home)
    assert done.returncode == 2
    assert "accounts.app.secrt_previous" in done.stderr
    assert "did you mean 'accounts.app.secret_previous'?" in done.stderr


def test_check_builds_the_channels_and_says_what_they_refuse(inside, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('callback_url = "https://app.example/answers"\n')
    done = inside("check", "--data-dir", home)
    assert done.returncode == 2
    assert "accounts.app.callback_secret" in done.stderr


def test_check_names_the_row_of_a_brands_table_that_is_wrong(inside, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[brands.wallet]\nname = "W"\n[brands.wallet.tables.error_codes]\nE1 = { meanin = "x" }\n'
        )
    done = inside("check", "--data-dir", home)
    assert done.returncode == 1
    assert "brands.wallet.tables.error_codes.E1" in done.stderr
    assert "did you mean 'meaning'" in done.stderr


def test_a_settings_file_that_is_not_there_is_named(inside):
    done = inside("check", "--config", "nowhere.toml")
    assert done.returncode == 2
    assert "nowhere.toml" in done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1", "http://[::1", "x"])
def test_health_of_nothing_is_one_line_and_not_zero(inside, url):
    done = inside("health", "--url", url)
    assert done.returncode in {1, 2}
    assert done.stderr.count("\n") == 1


def test_health_with_a_free_port_asks_for_the_address(inside, home):
    done = inside("health", "--data-dir", home)
    assert done.returncode == 2
    assert "--url" in done.stderr


@pytest.mark.parametrize("words", [["inquiries", "list"], ["claim", "1"]])
def test_desk_commands_make_no_data_directory(inside, home, words):
    done = inside(*words, "--data-dir", home)
    assert done.returncode == 2
    assert "there is no database" in done.stderr
    assert sorted(path.name for path in home.iterdir()) == ["gateway.toml", "installation.key"]


def test_check_refuses_a_promise_from_which_no_date_follows(inside, home):
    with (home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('\n[brands.wallet]\nname = "W"\n[brands.wallet.facts]\nwithdraw_days = "soon"\n')
    done = inside("check", "--data-dir", home)
    assert done.returncode == 2
    assert "brands.wallet.facts.withdraw_days: is a promise in working days" in done.stderr


def test_check_warns_of_a_year_whose_working_days_are_not_announced(inside, home, monkeypatch):
    monkeypatch.setattr(calendars, "REACH", 3 * 366)
    done = inside("check", "--data-dir", home, check=True)
    assert ".calendar: the working days of 20" in done.stdout
