"""Makes the recorded updates of tests/channels/payloads/telegram anew:
`python tests/channels/record_telegram_payloads.py`.

They are built from the models of aiogram, so that their shape is not only what we believe of
Telegram. What `parse` must make of them (`.expect.json`) is written by hand.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiogram import types

PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
ACCOUNT = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["settings"]
WHEN = datetime(2026, 1, 1, tzinfo=UTC)

WANG = types.User(
    id=5938274610, is_bot=False, first_name="芳", last_name="王", language_code="zh-hans"
)
BOT = types.User(id=4839574812, is_bot=True, first_name="Pay", username="pay_help_bot")
CHAT = types.Chat(id=WANG.id, type="private", first_name="芳", last_name="王")
GROUP = types.Chat(id=-1002000111222, type="supergroup", title="Pay users")


def write(name: str, body: str, secret: str = "webhook_secret") -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Telegram-Bot-Api-Secret-Token": ACCOUNT[secret],
    }
    call = {"headers": headers, "body": body}
    path = PAYLOADS / f"{name}.request.json"
    path.write_text(json.dumps(call, ensure_ascii=False, indent=2) + "\n", "utf-8")


def update(name: str, number: int, secret: str = "webhook_secret", **kind: Any) -> None:
    told = types.Update(update_id=number, **kind).model_dump_json(exclude_none=True, by_alias=True)
    # As Telegram writes it: without \\u for what is UTF-8.
    write(name, json.dumps(json.loads(told), ensure_ascii=False, separators=(",", ":")), secret)


def message(number: int, **what: Any) -> types.Message:
    known = {"message_id": number, "date": WHEN, "chat": CHAT, "from_user": WANG}
    return types.Message(**(known | what))


def picture(width: int, height: int, size: int, name: str) -> types.PhotoSize:
    return types.PhotoSize(
        file_id=f"AgACAgUAAxkBAAI{name}", file_unique_id=f"AQAD{name}", width=width, height=height,
        file_size=size,
    )  # fmt: skip


def texts() -> None:
    update("question_zh", 900001, message=message(11, text="充值了两个小时还没到账，怎么办？"))
    update(
        "question_en_previous_secret",
        900002,
        "webhook_secret_previous",
        message=message(12, text="Hi! I can't log in 🙏\n"),
    )
    ours = types.Message(message_id=10, date=WHEN, chat=CHAT, from_user=BOT, text="Which card?")
    update("answer_quoting", 900003, message=message(13, text="工行的", reply_to_message=ours))
    update("start", 900004, message=message(14, text="/start app_help"))
    update("stop", 900005, message=message(15, text="/stop@pay_help_bot"))
    update("stop_and_more", 900006, message=message(16, text="/stop the payment of yesterday"))


def files() -> None:
    sizes = [
        picture(90, 67, 1200, "s"),
        picture(1280, 960, 210000, "y"),
        picture(320, 240, 9000, "m"),
    ]
    update(
        "photo_of_an_album",
        900010,
        message=message(
            20, photo=sizes, caption="这两张是截图", media_group_id="13537291027283137"
        ),
    )
    update(
        "document",
        900011,
        message=message(
            21,
            document=types.Document(
                file_id="BQACAgUAAxkBAAIdoc", file_unique_id="AgADdoc", file_name="账单.pdf",
                mime_type="application/pdf", file_size=48211,
            ),
        ),
    )  # fmt: skip
    moving = {"file_id": "CgACAgUAAxkBAAIani", "file_unique_id": "AgADani", "file_size": 70000}
    update(
        "animation",
        900012,
        message=message(
            22,
            animation=types.Animation(**moving, width=320, height=240, duration=2),
            document=types.Document(**moving),
        ),
    )
    update(
        "voice",
        900013,
        message=message(
            23,
            voice=types.Voice(
                file_id="AwACAgUAAxkBAAIvoi", file_unique_id="AgADvoi", duration=4,
                mime_type="audio/ogg", file_size=17000,
            ),
        ),
    )  # fmt: skip


def in_words() -> None:
    sticker = types.Sticker(
        file_id="CAACAgIAAxkBAAIsti", file_unique_id="AgADsti", type="regular", width=512, height=512,
        is_animated=False, is_video=False, emoji="👍",
    )  # fmt: skip
    update("sticker", 900020, message=message(30, sticker=sticker))
    place = types.Location(latitude=31.2304, longitude=121.4737)
    update("location", 900021, message=message(31, location=place))
    update(
        "venue",
        900022,
        message=message(
            32, venue=types.Venue(location=place, title="工商银行", address="南京东路 1 号"),
            location=place,
        ),
    )  # fmt: skip
    update(
        "contact",
        900023,
        message=message(33, contact=types.Contact(phone_number="+8613800138000", first_name="芳")),
    )
    update(
        "story",
        900024,
        message=message(34, story=types.Story(chat=CHAT, id=5)),
    )


def others() -> None:
    blocked = types.ChatMemberBanned(user=BOT, until_date=0)
    member = types.ChatMemberMember(user=BOT)
    change = {"chat": CHAT, "from_user": WANG, "date": WHEN}
    update(
        "blocked",
        900030,
        my_chat_member=types.ChatMemberUpdated(
            **change, old_chat_member=member, new_chat_member=blocked
        ),
    )
    update(
        "unblocked",
        900031,
        my_chat_member=types.ChatMemberUpdated(
            **change, old_chat_member=blocked, new_chat_member=member
        ),
    )
    update(
        "in_a_group",
        900032,
        message=message(
            40, chat=GROUP, text="@pay_help_bot 手续费多少？", message_thread_id=7, is_topic_message=True
        ),
    )  # fmt: skip
    update("somebody_joined", 900033, message=message(41, chat=GROUP, new_chat_members=[WANG]))
    update("group_moved", 900034, message=message(42, chat=GROUP, migrate_from_chat_id=-4000111))
    update("another_bot", 900035, message=message(43, chat=GROUP, from_user=BOT, text="spam"))
    channel = types.Chat(id=-1003000, type="channel", title="News")
    update(
        "channel_post",
        900036,
        channel_post=types.Message(message_id=44, date=WHEN, chat=channel, text="News!"),
    )
    update("edited", 900037, edited_message=message(11, text="…", edit_date=1767225700))
    connected = {"business_connection_id": "mGXqHBCxcEkjEQAAqCSDkXn5pGI"}
    update("to_a_business", 900038, business_message=message(9, text="在吗？", **connected))
    owner = types.User(id=77, is_bot=False, first_name="Owner")
    update(
        "from_the_business_itself",
        900039,
        business_message=message(10, text="在的", from_user=owner, **connected),
    )


def broken() -> None:
    write("unheard_of_kind", '{"update_id":900050,"hologram":{"id":1}}')
    write(
        "half_an_emoji",
        '{"update_id":900051,"message":{"message_id":50,"date":1767225600,"text":"a\\ud83d\\u0000",'
        '"chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false,"first_name":"L"}}}',
    )
    write("no_update_id", '{"message":{}}')
    write(
        "text_is_no_text",
        '{"update_id":900052,"message":{"message_id":51,"date":1767225600,"text":7,'
        '"chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false,"first_name":"L"}}}',
    )
    write("not_json", "update_id=900053")


if __name__ == "__main__":
    texts()
    files()
    in_words()
    others()
    broken()
