"""Makes the recorded calls of tests/channels/payloads/line anew:
`python tests/channels/record_line_payloads.py`.

The events are built from the models of LINE's own library, whose check the signatures have to pass.
What `parse` must make of them (`.expect.json`) is written by hand.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from linebot.v3 import webhooks as line
from linebot.v3.webhook import SignatureValidator

PAYLOADS = Path(__file__).parent / "payloads" / "line"
ACCOUNT = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["settings"]
CUSTOMER = "U4af4980629c1b1ef9b3ff5b2a1f2c3d4"
WHEN = 1767225598123
TOKEN = "0f3779fba3b349968c5d07db31eab56f"


def write(name: str, body: str, secret: str = "channel_secret") -> None:
    signed = hmac.new(ACCOUNT[secret].encode(), body.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(signed).decode()
    assert SignatureValidator(ACCOUNT[secret]).validate(body, signature)
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Line-Signature": signature}
    path = PAYLOADS / f"{name}.request.json"
    call = {"headers": headers, "body": body}
    path.write_text(json.dumps(call, ensure_ascii=False, indent=2) + "\n", "utf-8")


def call(name: str, *events: line.Event, to: str = "", secret: str = "channel_secret") -> None:
    whole = line.CallbackRequest(destination=to or ACCOUNT["bot_user_id"], events=list(events))
    body = json.dumps(whole.to_dict(), ensure_ascii=False, separators=(",", ":"))
    write(name, body, secret)


def common(number: int, **changes: Any) -> dict[str, Any]:
    known = {
        "source": line.UserSource(userId=CUSTOMER),
        "timestamp": WHEN,
        "mode": "active",
        "webhookEventId": f"01KDVQ6ZVB5F2W3X4Y5Z6A7{number:03d}",
        "deliveryContext": line.DeliveryContext(isRedelivery=False),
    }
    return known | changes


def said(number: int, content: line.MessageContent, **changes: Any) -> line.MessageEvent:
    return line.MessageEvent(
        **common(number, **{"replyToken": TOKEN, "message": content} | changes)
    )


def text(number: str, words: str, **more: Any) -> line.TextMessageContent:
    return line.TextMessageContent(id=number, text=words, quoteToken="q3Plxr4AgKd…", **more)


HERE = line.ContentProvider(type="line")


def messages() -> None:
    call("question_zh", said(1, text("444573844083572701", "提現三天還沒到帳 🙏")))
    call(
        "question_en_previous_secret",
        said(2, text("444573844083572702", "  How do I bind a card?\n")),
        secret="channel_secret_previous",
    )
    again = line.DeliveryContext(isRedelivery=True)
    call(
        "redelivered",
        said(1, text("444573844083572701", "提現三天還沒到帳 🙏"), deliveryContext=again),
    )
    call(
        "answer_quoting",
        said(3, text("444573844083572703", "台北的", quotedMessageId="461230966842064897")),
    )
    call("without_token", said(4, text("444573844083572704", "hello"), replyToken=None))
    album = line.ImageSet(
        id="E005D41A7288F41B65593ED38FF6E9834B046AB36A37921A56BC236F13A91855", index=1, total=2
    )
    call(
        "batch",
        said(
            5,
            line.ImageMessageContent(
                id="110101199003074514", contentProvider=HERE, quoteToken="q", imageSet=album
            ),
        ),
        said(
            6,
            line.VideoMessageContent(
                id="444573844083572706", contentProvider=HERE, quoteToken="q", duration=6000
            ),
        ),
        said(
            7, line.AudioMessageContent(id="444573844083572707", contentProvider=HERE, duration=900)
        ),
        said(
            8, line.FileMessageContent(id="444573844083572708", fileName="帳單.pdf", fileSize=2138)
        ),
        said(
            9,
            line.LocationMessageContent(
                id="444573844083572709",
                title="銀行",
                address="台北市信義區",
                latitude=25.0329,
                longitude=121.5654,
            ),
        ),
        said(
            10,
            line.StickerMessageContent(
                id="444573844083572710",
                packageId="1",
                stickerId="2",
                stickerResourceType="STATIC",
                quoteToken="q",
                keywords=["thanks", "bow"],
            ),
        ),
        said(
            11,
            line.StickerMessageContent(
                id="444573844083572711",
                packageId="1",
                stickerId="3",
                stickerResourceType="STATIC",
                quoteToken="q",
            ),
        ),
    )
    elsewhere = line.ContentProvider(
        type="external",
        originalContentUrl="https://files.pay.example/a.jpg",
        previewImageUrl="https://files.pay.example/a-small.jpg",
    )
    call(
        "picture_from_elsewhere",
        said(
            12,
            line.ImageMessageContent(
                id="444573844083572712", contentProvider=elsewhere, quoteToken="q"
            ),
        ),
    )


def others() -> None:
    call("tried_in_the_console")
    call(
        "followed",
        line.FollowEvent(
            **common(20, replyToken=TOKEN, follow=line.FollowDetail(isUnblocked=True))
        ),
    )
    call("blocked", line.UnfollowEvent(**common(21)))
    call("standby", said(22, text("444573844083572722", "hi"), mode="standby", replyToken=None))
    group = line.GroupSource(groupId="C4af4980629c1b1ef9b3ff5b2a1f2c3d4", userId=CUSTOMER)
    call("in_a_group", said(23, text("444573844083572723", "hi"), source=group))
    call(
        "skipped_beside_taken",
        line.UnsendEvent(**common(24, unsend=line.UnsendDetail(messageId="444573844083572701"))),
        line.PostbackEvent(**common(25, postback=line.PostbackContent(data="a=1"))),
        said(26, text("444573844083572726", "转账怎么取消")),
    )
    call(
        "to_another_account",
        said(27, text("444573844083572727", "hi")),
        to="U00000000000000000000000000000000",
    )


def broken() -> None:
    head = '{"destination":"' + ACCOUNT["bot_user_id"] + '","events":['
    common_part = (
        '"mode":"active","timestamp":1767225598123,"source":{"type":"user","userId":"U1"},'
        '"webhookEventId":"01KDVQ6ZVB5F2W3X4Y5Z6A7030","deliveryContext":{"isRedelivery":false}'
    )
    write("unheard_of_kind", head + '{"type":"hologram",' + common_part + "}]}")
    write(
        "unheard_of_message",
        head + '{"type":"message","message":{"type":"hologram","id":"9"},' + common_part + "}]}",
    )
    write(
        "no_message_id", head + '{"type":"message","message":{"type":"text"},' + common_part + "}]}"
    )
    write("events_are_no_list", '{"destination":"' + ACCOUNT["bot_user_id"] + '","events":{"a":1}}')
    write("not_json", "events=1")


if __name__ == "__main__":
    messages()
    others()
    broken()
