"""Makes the recorded calls of tests/channels/payloads/voice anew, signed by Twilio's own library:
`python tests/channels/record_voice_payloads.py`. What becomes of them (`.expect.json`) is written by hand.
"""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

PAYLOADS = Path(__file__).parent / "payloads" / "voice"
SETTINGS = json.loads((PAYLOADS / "account.json").read_text("utf-8"))["settings"]
KEY_ID, SHARED_SECRET = next(iter(SETTINGS["shared_keys"].items()))
URL = "https://gateway.example/in/voice/main"
SID = "CA5e00000000000000000000000000c001"

COMMON = {
    "AccountSid": SETTINGS["account_sid"],
    "ApiVersion": "2010-04-01",
    "CallSid": SID,
    "CallStatus": "in-progress",
    "CallToken": "",
    "Called": "+14155550100",
    "Caller": "+8613800138000",
    "Direction": "inbound",
    "From": "+8613800138000",
    "FromCountry": "CN",
    "To": "+14155550100",
    "ToCountry": "US",
}
RECORDING = f"https://api.twilio.com/2010-04-01/Accounts/{COMMON['AccountSid']}/Recordings/RE01"


def record(
    name: str, step: str = "", query: str = "", *, algorithm: str = "", **fields: str
) -> None:
    """One call, signed with the auth token, or by `algorithm` with the shared key."""
    url = (f"{URL}/{step}" if step else URL) + (f"?{query}" if query else "")
    body = urlencode(
        {key: value for key, value in ({**fields, **COMMON} | fields).items() if value != "-"}
    )
    decoded = dict(parse_qsl(body, keep_blank_values=True))
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={KEY_ID},algorithm={algorithm}"
        signed = RequestValidator(SHARED_SECRET).compute_signature(url, decoded, algorithm)
    else:
        signed = RequestValidator(SETTINGS["auth_token"]).compute_signature(url, decoded)
    headers["X-Twilio-Signature"] = signed
    call = {"path": step, "query": query, "headers": headers, "body": body}
    text = json.dumps(call, ensure_ascii=False, indent=2) + "\n"
    (PAYLOADS / f"{name}.request.json").write_text(text, "utf-8")


if __name__ == "__main__":
    record("ringing", CallStatus="ringing")
    record("language_english", "language", "lang=zh-CN", Digits="2", algorithm="HMAC_SHA256")
    record(
        "topic_spoken", "topic", "lang=zh-CN", SpeechResult="充值两个小时没到账", Confidence="0.93"
    )
    record("topic_key", "topic", "lang=en", Digits="1", algorithm="HMAC_SHA1")
    record("topic_nothing", "topic", "lang=en&miss=1", Digits="")
    record("not_helped", "helped", "lang=zh-CN&turn=2&told=1&had=answer", Digits="2")
    record("again", "helped", "lang=zh-CN&turn=2&told=1&had=answer", Digits="*")
    record("holding", "wait", "lang=en&turn=2&wait=1&told=1")
    record("callback", "person", "lang=en&turn=2&told=1&no=260131-004217&had=queue", Digits="1")
    record("callback_keyed", "number", "lang=en&turn=2&told=1&had=queue", Digits="13900139000")
    record(
        "voice_message", "recorded", "lang=zh-CN&turn=2&told=1&had=queue",
        Digits="#", RecordingUrl=RECORDING, RecordingSid="RE01", RecordingDuration="23",
    )  # fmt: skip
    # News of a recording say nothing of the caller.
    nobody = dict.fromkeys(COMMON.keys() - {"AccountSid", "CallSid"}, "-")
    told = {"RecordingSid": "RE02", "RecordingSource": "RecordVerb"}
    absent = nobody | told | {"RecordingStatus": "absent"}
    record("voice_message_absent", "recording", "lang=en&who=8613800138000", **absent)
    record("voice_message_of_nobody", "recording", "lang=en", **absent)
    done = nobody | told | {"RecordingStatus": "completed", "RecordingUrl": RECORDING}
    done |= {"RecordingDuration": "23"}
    record("voice_message_ready", "recording", "lang=en&turn=2&who=8613800138000&had=queue", **done)
    record("hung_up", "ended", CallStatus="completed", CallDuration="7")
    record("withheld", "topic", "lang=en", From="anonymous", Caller="anonymous", Digits="1")
    record("primary_failed", "fallback", ErrorCode="11200", ErrorUrl=f"{URL}/topic?lang=en&turn=3")
    record("no_call_sid", CallSid="-")
    record("no_such_step", "teapot")
    record("step_of_nobody", "topic", "lang=xx")
