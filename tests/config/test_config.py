"""Settings: what is read, what overrides what, and what a person reads when one is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, load, templates_dir
from gateway.domain.errors import SettingsError

Written = Callable[..., Config]


def message(written: Written, text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        written(text, **environ)
    return str(caught.value)


def test_without_a_file_the_built_in_settings_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load(environ={})
    assert config.file is None
    assert list(config.brands) == ["demo"]
    assert set(config.queues) == {"general", "payments", "accounts", "security", "complaints"}
    assert config.accounts == {}
    assert config.database_path == tmp_path / "gateway.sqlite"
    assert config.public_url == "http://127.0.0.1:8080"


def test_the_file_in_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "gateway.toml").write_text("[server]\nport = 9\n")
    monkeypatch.chdir(tmp_path)
    assert load(environ={}).server.port == 9


def test_a_data_dir_given_by_hand_is_stronger_than_the_file_and_is_searched_first(tmp_path):
    (tmp_path / "gateway.toml").write_text('data_dir = "elsewhere"\n[server]\nport = 7\n')
    config = load(data_dir=tmp_path, environ={"GATEWAY_DATA_DIR": "third"})
    assert config.server.port == 7
    assert config.data_dir == tmp_path


def test_paths_are_relative_to_the_file_that_names_them(written, tmp_path):
    config = written('data_dir = "data"\ndatabase = "sqlite:g.db"\ntemplates = "texts"\n')
    assert config.database_path == tmp_path / "data" / "g.db"
    assert config.templates == tmp_path / "texts"


def test_brands_and_queues_come_out_as_the_domain_knows_them(written):
    config = written(
        'default_queue = "vip"\n'
        '[brands.acme]\nname = "Acme"\nnames = { "zh-CN" = "顶点" }\n'
        '[brands.acme.facts]\nhotline = "400"\ndays = [1, 2]\n'
        '[brands.acme.tables.error_codes]\nE1 = { en = "x" }\n'
        '[queues.vip]\ntitle = "VIP"\npriority = 0\nskills = ["zh"]\n'
    )
    brand = config.domain_brands()["acme"]
    assert (brand.name, brand.names["zh-CN"], brand.facts["days"]) == ("Acme", "顶点", [1, 2])
    assert brand.tables == {"error_codes": {"E1": {"en": "x"}}}
    queue = config.domain_queues()["vip"]
    assert (queue.id, queue.priority, queue.skills) == ("vip", 0, {"zh": 1})


def test_an_account_keeps_its_channels_own_keys_apart_and_belongs_to_the_only_brand(written):
    config = written('[accounts.box]\nkind = "pigeon"\nqueue = "general"\nloft = { floor = 3 }\n')
    account = config.accounts["box"]
    assert account.settings == {"loft": {"floor": 3}}
    assert config.brand_of(account) == "demo"


# ---------------------------------------------------------------- environment and secrets


def test_the_environment_overrides_the_file_at_any_depth(written):
    config = written(
        '[server]\nport = 1\nhost = "::1"\n[accounts.box]\nkind = "pigeon"\n',
        GATEWAY_SERVER__PORT="2",
        GATEWAY_LOG__JSON="true",
        GATEWAY_QUEUES__VIP__TITLE="VIP",
        GATEWAY_QUEUES__GENERAL__TITLE="All",
        GATEWAY_QUEUES__VIP__SKILLS='["zh", "en"]',
        GATEWAY_ACCOUNTS__BOX__TOKEN="t",
        GATEWAY_DEFAULT_QUEUE="vip",
    )
    assert config.server.port == 2
    assert config.public_url == "http://[::1]:2"
    assert config.log.as_json is True
    assert config.queues["vip"].skills == {"zh": 1, "en": 1}
    assert config.accounts["box"].settings == {"token": "t"}
    assert config.default_queue == "vip"


def test_variables_that_kubernetes_sets_for_a_service_called_gateway_are_not_ours(written):
    environ = {"GATEWAY_PORT": "tcp://10.0.0.1:80", "GATEWAY_SERVICE_HOST": "x", "GATEWAY_LOG": "y"}
    assert written("", **environ).server.port == 8080


def test_a_misspelt_variable_is_named_with_the_nearest_one(written):
    text = message(written, "", GATEWAY_SERVR__PORT="1")
    assert "GATEWAY_SERVR__PORT" in text
    assert "did you mean 'GATEWAY_SERVER__PORT'" in text


def test_broken_json_in_a_variable_names_the_variable(written):
    assert "GATEWAY_QUEUES__A__SKILLS" in message(written, "", GATEWAY_QUEUES__A__SKILLS="[1")


def test_texts_are_taken_from_variables_and_files(written, tmp_path):
    (tmp_path / "token.txt").write_text("from-file\n")
    config = written(
        '[accounts.box]\nkind = "pigeon"\ntokens = ["env:TOKEN", "file:token.txt"]\n'
        'url = "https://host:1/"\n',
        TOKEN="from-env",
    )
    assert config.accounts["box"].settings == {
        "tokens": ["from-env", "from-file"],
        "url": "https://host:1/",
    }


def test_a_missing_variable_and_a_missing_file_are_both_named_with_their_keys(written):
    text = message(
        written, '[accounts.box]\nkind = "pigeon"\na = "env:NOT_THERE"\nb = "file:not-there"\n'
    )
    assert "accounts.box.a: the environment variable NOT_THERE is not set" in text
    assert "accounts.box.b: the file" in text


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("[server]\nprot = 1", "server.prot", "server.port"),
        ("[serve]\nport = 1", "serve", "server"),
        ("[limits]\nbodybytes = 1", "limits.bodybytes", "limits.body_bytes"),
        ('[brands.b]\nname = "B"\nfact = {}', "brands.b.fact", "brands.b.facts"),
        (
            '[queues.general]\ntitle = "G"\nskill = []',
            "queues.general.skill",
            "queues.general.skills",
        ),
        ("[log]\nas_json = true", "log.as_json", "log.json"),
        ('default_queue = "generl"', "default_queue", "general"),
        ('[accounts.a]\nkind = "x"\nqueue = "paymnts"', "accounts.a.queue", "payments"),
        ('[accounts.a]\nkind = "x"\nbrand = "dmo"', "accounts.a.brand", "demo"),
    ],
)
def test_a_wrong_name_gives_the_full_path_and_the_nearest_valid_one(written, text, key, nearest):
    with pytest.raises(SettingsError) as caught:
        written(text)
    assert caught.value.key == key
    assert caught.value.nearest == nearest
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[server]\nport = "many"', "server.port: expects a whole number"),
        ("[server]\nport = 70000", "server.port: input should be less than or equal to 65535"),
        ("[server]\nhost = 1", "server.host: expects text in quotes"),
        ("server = 3", "server: expects a table of its own keys"),
        ('[server]\npublic_url = "example.org"', "server.public_url: expects an address"),
        ('[log]\njson = "perhaps"', "log.json: expects true or false"),
        ('[log]\nlevel = "loud"', "log.level: input should be 'debug', 'info'"),
        ("[queues.general]\npriority = 1", "queues.general.title: is missing"),
        ('[queues."A b"]\ntitle = "x"', "queues.A b: expects lower-case letters"),
        ('[queues.general]\ntitle = "G"\nskills = "zh"', "queues.general.skills: expects a table"),
        ("[answers]\nalpha = 0", "answers.alpha: input should be greater than 0"),
        ('database = "gateway.sqlite"', "database: expects sqlite:FILE or postgresql://USER"),
        ('database = "sqlite:"', "database: expects sqlite:FILE"),
        ('database = "mysql://u:p@db/gateway"', "database: expects sqlite:FILE"),
        ('database = "postgresql:gateway"', "database: expects sqlite:FILE"),
        ('database = "postgresql://db"', "database: expects sqlite:FILE"),
        ('database = "postgresql://db/"', "database: expects sqlite:FILE"),
        ('database = "postgresql://db:port/gateway"', "database: expects sqlite:FILE"),
        ("[brands]", "brands: needs at least one brand"),
        ('[accounts.a]\nqueue = "general"', "accounts.a.kind: is missing"),
    ],
)
def test_a_wrong_value_says_what_is_expected_in_one_line(written, text, expected):
    said = message(written, text)
    assert expected in said
    assert "\n" not in said


def test_all_mistakes_are_shown_together(written):
    said = message(
        written,
        '[server]\nport = "x"\nprot = 1\n[log]\nlevel = "loud"\n[accounts.a]\nkind = "env:NONE"\n',
        GATEWAY_WRKERS__PROCESSES="1",
    )
    lines = said.splitlines()
    assert lines[0] == "5 settings are wrong:"
    assert len(lines) == 6


def test_no_message_repeats_a_value_that_could_be_a_password(written):
    assert "hunter2" not in message(written, '[server]\nport = "hunter2"\nhots = "hunter2"\n')


@pytest.mark.parametrize("password", ["hun#ter2", "hun/ter2", "hun@ter2", "hun%ter2", "hun ter2"])
def test_a_password_that_would_be_misread_is_refused_without_repeating_it(written, password):
    said = message(written, f'database = "postgresql://lin:{password}@db/gateway"')
    assert "in a password, write every sign that is no letter and no digit as %" in said
    assert "hun" not in said
    assert "ter2" not in said


def test_a_database_on_a_server_is_shown_without_its_password(written):
    config = written(
        'database = "env:WHERE"',
        WHERE="postgresql://lin:hunter%402@[::1]:5433/gateway?sslmode=require",
    )
    assert config.shared
    assert config.database_path is None
    assert config.database_shown == "postgresql://lin@[::1]:5433/gateway"
    assert config.secrets == ("hunter%402", "hunter@2")
    assert "hunter" not in repr(config)


def test_a_password_among_the_options_is_a_secret_too(written):
    config = written('database = "postgres://lin@db/gateway?sslpassword=tr%20ick&sslmode=require"')
    assert config.secrets == ("tr%20ick", "tr ick")
    assert config.database_shown == "postgresql://lin@db/gateway"


def test_a_file_is_no_secret_and_belongs_to_one_process(written, tmp_path):
    config = written('database = "sqlite:g.db"')
    assert not config.shared
    assert config.secrets == ()
    assert config.database_shown == f"sqlite:{tmp_path / 'g.db'}"


def test_an_account_must_say_whose_it_is_when_there_are_several_brands(written):
    said = message(
        written, '[brands.a]\nname = "A"\n[brands.b]\nname = "B"\n[accounts.x]\nkind = "pigeon"\n'
    )
    assert "accounts.x.brand: is missing: there are several (a, b)" in said


def test_a_file_that_is_no_toml_or_no_text_says_so(written, tmp_path):
    assert "is not valid TOML" in message(written, "port = = 1")
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe9"')
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load(tmp_path / "latin.toml", environ={})


def test_a_file_that_is_not_there_leads_to_init(tmp_path):
    with pytest.raises(SettingsError, match="gateway init"):
        load(tmp_path / "none.toml", environ={})


def test_settings_do_not_change_after_loading(written):
    with pytest.raises(ValueError, match="frozen"):
        written("").server.port = 1


def test_the_templates_are_the_configured_folder_or_the_ones_that_came_along(tmp_path):
    assert templates_dir(tmp_path) == tmp_path
    assert templates_dir().name in {"templates", "_templates"}
    with pytest.raises(SettingsError, match="templates: there is no folder"):
        templates_dir(tmp_path / "none")


def test_a_list_in_place_of_a_section_is_a_clear_error_with_an_override_on_top(written):
    assert "server: expects a table" in message(written, "server = [1]", GATEWAY_SERVER__PORT="1")


def test_the_config_survives_the_way_to_a_worker_process(written):
    import pickle

    config = written("[server]\nport = 5\n")
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert copy.file == config.file
    assert isinstance(copy.data_dir, Path)
