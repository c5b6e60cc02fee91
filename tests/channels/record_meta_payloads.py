"""Makes the recorded calls of tests/channels/payloads/{whatsapp,messenger,instagram} anew:
`python tests/channels/record_meta_payloads.py`.

Meta signs the three in the same way; every signature has to pass the check of pywa, a library of others.
As Meta does, letters outside ASCII are written as \\u escapes and slashes as \\/. What `parse` must make of
the calls (`.expect.json`) is written by hand.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from pywa.utils import webhook_updates_validator

PAYLOADS = Path(__file__).parent / "payloads"
WHEN = 1767225598


def write(kind: str, name: str, body: str, secret: str = "app_secret") -> None:
    key = json.loads((PAYLOADS / kind / "account.json").read_text("utf-8"))["settings"][secret]
    signature = f"sha256={hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()}"
    assert webhook_updates_validator(key, body.encode(), signature)
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
    path = PAYLOADS / kind / f"{name}.request.json"
    call = {"headers": headers, "body": body}
    path.write_text(json.dumps(call, ensure_ascii=False, indent=2) + "\n", "utf-8")


def as_meta_writes(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/")


# ---------------------------------------------------------------- WhatsApp

NUMBER, OTHER_NUMBER = "106540352242922", "106540352242999"
WANG = {"profile": {"name": "王芳"}, "wa_id": "8613800138000", "user_id": "CN.1349120865530274"}
LEE = {
    "profile": {"name": "Lee", "username": "lee.kw"},
    "user_id": "HK.2258340975641385",
    "parent_user_id": "HK.ENT.11815799212886",
}
FROM_WANG = {"from": "8613800138000", "from_user_id": "CN.1349120865530274"}
FROM_LEE = {"from_user_id": "HK.2258340975641385", "from_parent_user_id": "HK.ENT.11815799212886"}


def value(number: str = NUMBER, **parts: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def change(found: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    return {"value": found, "field": field}


def whatsapp(name: str, *changes: dict[str, Any], secret: str = "app_secret") -> None:
    entry = [{"id": "102290129340398", "changes": list(changes)}]
    call = {"object": "whatsapp_business_account", "entry": entry}
    write("whatsapp", name, as_meta_writes(call), secret)


def said(number: int, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    known = {
        "id": f"wamid.HBgNODYxMzgwMDEzODAwMBUCABIYFDNBNEE2{number:03d}",
        "timestamp": str(WHEN),
    }
    return {**FROM_WANG, **known, "type": kind, kind: content, **more}


def whatsapp_messages() -> None:
    whatsapp(
        "question_zh",
        change(value(contacts=[WANG], messages=[said(1, "text", {"body": "提现三天还没到账 🙏"})])),
    )
    lee = {
        **FROM_LEE,
        "id": "wamid.HBgSSEsuMjI1ODM0MDk3NTY0MTM4NRUCABIYFDNBNEE2002",
        "timestamp": str(WHEN),
        "type": "text",
        "text": {"body": "How do I bind a card?"},
    }
    whatsapp("without_a_number", change(value(contacts=[LEE], messages=[lee])))
    whatsapp(
        "answer_quoting_previous_secret",
        change(
            value(
                contacts=[WANG],
                messages=[
                    said(
                        3,
                        "text",
                        {"body": "台北的"},
                        context={"from": "15550783881", "id": "wamid.OURS001"},
                    )
                ],
            )
        ),
        secret="app_secret_previous",
    )
    to_ours = {"context": {"from": "15550783881", "id": "wamid.OURS002"}}
    whatsapp(
        "button",
        change(
            value(
                contacts=[WANG],
                messages=[said(4, "button", {"payload": "person", "text": "人工客服"}, **to_ours)],
            )
        ),
    )
    chosen = {"type": "list_reply", "list_reply": {"id": "topic-3", "title": "Refund"}}
    whatsapp(
        "list", change(value(contacts=[WANG], messages=[said(5, "interactive", chosen, **to_ours)]))
    )
    pressed = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
    whatsapp(
        "reply_button",
        change(value(contacts=[WANG], messages=[said(6, "interactive", pressed, **to_ours)])),
    )
    picture = {
        "caption": "截图",
        "mime_type": "image/jpeg",
        "sha256": "29ed500fa64eb55fc19dc4124acb300e5dcca0f822a301ae99944db",
        "id": "1003383421387256",
    }
    bill = {"filename": "bill.pdf", "mime_type": "application/pdf", "sha256": "aa", "id": "100338"}
    voice = {"mime_type": "audio/ogg; codecs=opus", "sha256": "bb", "id": "100339", "voice": True}
    place = {"latitude": 22.2783, "longitude": 114.1747, "name": "Branch", "address": "Central"}
    card = [{"name": {"formatted_name": "Li Na"}, "phones": [{"phone": "+85212345678"}]}]
    whatsapp(
        "batch",
        change(
            value(
                contacts=[WANG, LEE],
                messages=[
                    said(10, "image", picture),
                    said(11, "document", bill),
                    said(12, "audio", voice),
                    said(13, "location", place),
                    said(14, "contacts", card),
                    said(15, "sticker", {"id": "100340", "mime_type": "image/webp"}),
                    {**lee, "id": "wamid.LEE016", "text": {"body": "me too"}},
                ],
            )
        ),
        change(value(OTHER_NUMBER, contacts=[WANG], messages=[said(17, "text", {"body": "no"})])),
        change({"event": "APPROVED"}, field="message_template_status_update"),
        change(value(contacts=[WANG], messages=[said(18, "text", {"body": "last"})])),
    )


def receipt(number: str, status: str, **more: Any) -> dict[str, Any]:
    known = {
        "id": number,
        "status": status,
        "timestamp": str(WHEN),
        "recipient_id": "8613800138000",
    }
    return {**known, "recipient_user_id": "CN.1349120865530274", **more}


def whatsapp_others() -> None:
    whatsapp(
        "receipts",
        change(
            value(
                contacts=[WANG],
                statuses=[
                    receipt("wamid.A", "read"),
                    receipt("wamid.A", "delivered"),
                    receipt("wamid.A", "sent", biz_opaque_callback_data="x"),
                    receipt("wamid.B", "played"),
                    receipt("wamid.C", "deleted"),
                ],
            )
        ),
    )
    trouble = {
        "code": 131026,
        "title": "Message undeliverable",
        "message": "Message undeliverable",
        "error_data": {"details": "Message Undeliverable."},
    }
    unheard = {"code": 999999, "title": "New", "message": "New"}
    no_number = {"id": "wamid.E", "status": "failed", "timestamp": str(WHEN), "errors": [unheard]}
    whatsapp(
        "failed",
        change(
            value(
                statuses=[
                    receipt("wamid.D", "failed", errors=[trouble]),
                    {**no_number, "recipient_user_id": "HK.2258340975641385"},
                ]
            )
        ),
    )
    whatsapp(
        "skipped_beside_taken",
        change(
            value(
                contacts=[WANG],
                messages=[
                    said(30, "reaction", {"message_id": "wamid.A", "emoji": "👍"}),
                    said(31, "system", {"type": "user_changed_number", "body": "changed"}),
                    said(34, "text", {"body": "in a group"}, group_id="Y2FwaV9ncm91cDox"),
                    said(35, "text", {"body": "转账怎么取消"}),
                ],
                errors=[{"code": 131052, "title": "Media download error"}],
            )
        ),
    )
    now = {"type": "text", "text": {"body": "转账还没到"}}
    caption = {"type": "image", "image": {"id": "1003383421387256", "caption": "截图 2"}}
    whatsapp(
        "changed",
        change(
            value(
                contacts=[WANG],
                messages=[
                    said(36, "edit", {"original_message_id": "wamid.X", "message": now}),
                    said(37, "edit", {"original_message_id": "wamid.Y", "message": caption}),
                ],
            )
        ),
    )
    taken_back = said(38, "revoke", {"original_message_id": "wamid.X"})
    whatsapp("taken_back", change(value(contacts=[WANG], messages=[taken_back])))
    unsupported = {"errors": [{"code": 131051, "title": "Message type unknown"}]}
    whatsapp(
        "unheard_of_messages",
        change(
            value(
                contacts=[WANG],
                messages=[
                    said(40, "unsupported", {"type": "poll"}, **unsupported),
                    said(41, "hologram", "not even an object"),
                ],
            )
        ),
    )
    write("whatsapp", "another_product", as_meta_writes({"object": "page", "entry": [{"id": "1"}]}))
    write("whatsapp", "empty", as_meta_writes({"object": "whatsapp_business_account", "entry": []}))
    nobody = {
        key: found for key, found in said(50, "text", {"body": "hi"}).items() if "from" not in key
    }
    whatsapp("no_sender", change(value(messages=[nobody])))
    whatsapp("no_time", change(value(messages=[said(51, "text", {"body": "a"}, timestamp="soon")])))
    write("whatsapp", "not_json", "entry=1")


# ---------------------------------------------------------------- Messenger and Instagram

PAGE, OTHER_PAGE, PSID = "102290129340398", "102290129340777", "5938274610948372"
ACCOUNT, IGSID = "17841405309211844", "2105722729836161"
MID = "m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_QPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP_"
IG_MID = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDA1MzA5MjExODQ0OjM0MDI4MjM2Njg0MTcxMDMwMT"
POST = f"{PAGE}_880011223344"


def event(page: str, who: str, **content: Any) -> dict[str, Any]:
    known = {"sender": {"id": who}, "recipient": {"id": page}, "timestamp": WHEN * 1000 + 123}
    return known | content


def entry(
    page: str, *events: dict[str, Any], when: int = WHEN * 1000, **more: Any
) -> dict[str, Any]:
    return {"id": page, "time": when, "messaging": list(events), **more}


def page_call(kind: str, name: str, *entries: dict[str, Any], secret: str = "app_secret") -> None:
    product = "page" if kind == "messenger" else "instagram"
    write(kind, name, as_meta_writes({"object": product, "entry": list(entries)}), secret)


def dm(number: int, words: str, mid: str = MID, **more: Any) -> dict[str, Any]:
    return {"message": {"mid": f"{mid}{number:03d}", "text": words, **more}}


def file(kind: str, url: str) -> dict[str, Any]:
    return {"type": kind, "payload": {"url": url}}


def messenger() -> None:
    ours = (PAGE, PSID)
    page_call("messenger", "question_zh", entry(PAGE, event(*ours, **dm(1, "提现三天还没到账 🙏"))))
    page_call(
        "messenger",
        "answer_quoting_previous_secret",
        entry(PAGE, event(*ours, **dm(2, "the second one", reply_to={"mid": f"{MID}900"}))),
        secret="app_secret_previous",
    )
    picked = dm(3, "Refund", quick_reply={"payload": "topic-3"})
    page_call("messenger", "quick_reply", entry(PAGE, event(*ours, **picked)))
    started = {"mid": f"{MID}004", "title": "Get started", "payload": "start"}
    old = {"title": "人工客服", "payload": "person"}
    page_call(
        "messenger",
        "postbacks",
        entry(PAGE, event(*ours, postback=started), event(*ours, postback=old)),
    )
    files = [
        file("image", "https://scontent.xx.fbcdn.net/v/a.jpg?oh=1"),
        file("audio", "https://cdn.fbsbx.com/v/b.mp4"),
    ]
    place = {"type": "location", "payload": {"coordinates": {"lat": 25.03, "long": 121.56}}}
    thumb = {
        "type": "image",
        "payload": {"url": "https://scontent.xx.fbcdn.net/t.png", "sticker_id": 369239263222822},
    }
    link = {"type": "fallback", "payload": None, "title": "Pay", "url": "https://pay.example"}
    page_call(
        "messenger",
        "batch",
        entry(
            PAGE,
            event(*ours, message={"mid": f"{MID}010", "attachments": files}),
            event(*ours, message={"mid": f"{MID}011", "attachments": [place]}),
        ),
        entry(OTHER_PAGE, event(OTHER_PAGE, PSID, **dm(12, "to another page"))),
        entry(
            PAGE,
            event(*ours, message={"mid": f"{MID}013", "attachments": [thumb]}),
            event(*ours, message={"mid": f"{MID}014", "attachments": [link]}),
            event(PAGE, "5938274610940000", **dm(15, "somebody else")),
        ),
    )
    delivered = {"mids": [f"{MID}900", f"{MID}901"], "watermark": WHEN * 1000}
    page_call(
        "messenger",
        "receipts",
        entry(
            PAGE,
            event(*ours, delivery=delivered),
            event(*ours, delivery={"watermark": WHEN * 1000}),
            event(*ours, read={"watermark": WHEN * 1000}),
        ),
    )
    echo = {"mid": f"{MID}902", "text": "ours", "is_echo": True, "app_id": 1}
    page_call(
        "messenger",
        "skipped_beside_taken",
        entry(
            PAGE,
            event(PSID, PAGE, message=echo),
            event(
                *ours, reaction={"reaction": "love", "emoji": "❤", "action": "react", "mid": MID}
            ),
            event(*ours, message_edit={"mid": f"{MID}001", "num_edit": 0}),
            event(*ours, optin={"type": "one_time_notif_req"}),
            event(*ours, **dm(20, "转账怎么取消")),
        ),
        {"id": PAGE, "time": WHEN, "standby": [event(*ours, **dm(21, "another app has it"))]},
    )
    comment = {
        "from": {"id": PSID, "name": "王芳"},
        "post": {"id": POST, "status_type": "added_photos"},
        "message": "提现三天了，骗子！",
        "post_id": POST,
        "comment_id": "880011223344_7001",
        "created_time": WHEN,
        "item": "comment",
        "parent_id": POST,
        "verb": "add",
    }
    page_call("messenger", "comment", feed(comment))
    below = comment | {
        "comment_id": "880011223344_7002",
        "parent_id": "880011223344_7900",
        "message": "",
        "photo": "https://scontent.xx.fbcdn.net/c.jpg",
    }
    page_call(
        "messenger",
        "comments_skipped_beside_taken",
        feed(
            comment | {"from": {"id": PAGE, "name": "Pay"}, "comment_id": "880011223344_7900"},
            comment | {"verb": "hide"},
            {key: found for key, found in comment.items() if key != "from"},
            {"item": "reaction", "verb": "add", "reaction_type": "like", "post_id": POST},
            below,
        ),
    )
    page_call(
        "messenger",
        "comments_changed",
        feed(
            comment | {"verb": "edited", "message": "到账了，谢谢"},
            comment | {"verb": "remove", "message": None, "comment_id": "880011223344_7002"},
        ),
    )
    page_call(
        "messenger",
        "changed",
        entry(
            PAGE,
            event(*ours, message_edit={"mid": f"{MID}001", "text": "提现两天", "num_edit": 1}),
            event(*ours, message_edit={"mid": f"{MID}001", "text": "提现四天", "num_edit": "2"}),
        ),
    )
    page_call("messenger", "comment_without_id", feed({**comment, "comment_id": None}))
    page_call("messenger", "no_mid", entry(PAGE, event(*ours, message={"text": "hi"})))
    page_call("messenger", "no_sender", entry(PAGE, {"recipient": {"id": PAGE}, **dm(30, "hi")}))
    write("messenger", "another_product", as_meta_writes({"object": "instagram", "entry": []}))
    write("messenger", "entry_is_no_list", '{"object":"page","entry":{"id":"1"}}')
    write("messenger", "not_json", "object=page")


def feed(*values: dict[str, Any]) -> dict[str, Any]:
    changes = [{"field": "feed", "value": found} for found in values]
    return {"id": PAGE, "time": WHEN, "changes": changes}


def instagram() -> None:
    ours = (ACCOUNT, IGSID)
    page_call(
        "instagram",
        "question_zh",
        entry(ACCOUNT, event(*ours, **dm(1, "充值没到账", IG_MID))),
    )
    story = {"story": {"url": "https://lookaside.fbsbx.com/s", "id": "1"}}
    page_call(
        "instagram",
        "answers_previous_secret",
        entry(
            ACCOUNT,
            event(*ours, **dm(2, "this one", IG_MID, reply_to={"mid": f"{IG_MID}900"})),
            event(*ours, **dm(3, "nice story", IG_MID, reply_to=story)),
        ),
        secret="app_secret_previous",
    )
    mention = file("story_mention", "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1")
    page_call(
        "instagram",
        "batch",
        entry(
            ACCOUNT,
            event(*ours, message={"mid": f"{IG_MID}010", "attachments": [mention]}),
            event(*ours, message={"mid": f"{IG_MID}011", "is_unsupported": True}),
            event(*ours, message={"mid": f"{IG_MID}012", "attachments": [file("hologram", "x")]}),
        ),
        entry("17841400000000000", event("17841400000000000", IGSID, **dm(13, "no", IG_MID))),
        entry(ACCOUNT, event(ACCOUNT, "2105722729830000", **dm(14, "somebody else", IG_MID))),
    )
    page_call(
        "instagram",
        "seen",
        entry(ACCOUNT, event(*ours, read={"mid": f"{IG_MID}900"})),
    )
    page_call(
        "instagram",
        "skipped_beside_taken",
        entry(
            ACCOUNT,
            event(IGSID, ACCOUNT, **dm(20, "ours", IG_MID, is_echo=True)),
            {"timestamp": WHEN * 1000, "message_edit": {"mid": f"{IG_MID}021", "num_edit": 0}},
            event(*ours, reaction={"mid": f"{IG_MID}900", "action": "react", "emoji": "❤"}),
            event(*ours, **dm(21, "转账怎么取消", IG_MID)),
        ),
    )
    page_call(
        "instagram",
        "taken_back",
        entry(ACCOUNT, event(*ours, message={"mid": f"{IG_MID}001", "is_deleted": True})),
    )
    comment = {
        "from": {"id": IGSID, "username": "wang.fang"},
        "media": {"id": "18172143295349192", "media_product_type": "FEED"},
        "id": "17919697626119712",
        "text": "提现三天了",
    }
    page_call("instagram", "comment", commented(comment))
    own = comment | {"from": {"id": ACCOUNT, "username": "pay", "self_ig_scoped_id": "1"}}
    page_call(
        "instagram",
        "comments_skipped_beside_taken",
        commented(
            own | {"id": "17919697626119900"},
            comment | {"id": "17919697626119713", "parent_id": "17919697626119900"},
            live=comment | {"id": "17919697626119714"},
        ),
    )
    page_call("instagram", "comment_without_time", {**commented(comment), "time": "soon"})
    write("instagram", "another_product", as_meta_writes({"object": "page", "entry": []}))
    write("instagram", "not_json", "object=instagram")


def commented(*values: dict[str, Any], live: dict[str, Any] | None = None) -> dict[str, Any]:
    changes = [{"field": "comments", "value": found} for found in values]
    changes += [{"field": "live_comments", "value": live}] if live else []
    return {"id": ACCOUNT, "time": WHEN, "changes": changes}


if __name__ == "__main__":
    whatsapp_messages()
    whatsapp_others()
    messenger()
    instagram()
