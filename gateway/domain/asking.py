"""The outbound guard: no text of ours may ask for a one-time code, a password or a card number.

Whoever reads our messages learns from them what is usual. If we asked once, the next swindler who
asks is believed. Words only, no number is looked at; what it holds to be a request is refused
whoever wrote it: a template, a macro, a machine or a person.
"""

import re

_NAMES = (
    r"(?:验证码|驗證碼|校验码|校驗碼|动态码|動態碼|短信码|簡訊碼|确认码|確認碼|安全码|安全碼|动态口令|口令|密码|密碼|"
    r"(?:银行卡|銀行卡|信用卡|储蓄卡|卡片)?的?(?:完整)?卡[号號](?:码|碼)?|cv[vc]2?|otp|pin(?:码|碼)?)"
)
_OTHER_MATTER = (
    r"(?!的?(?:后四位|後四位|末四位|后4位|末4位|尾|收不到|没收到|沒收到|没有收到|错误|錯誤|提示|页面|頁面|问题|問題|登录|登錄|"
    r"过期|過期|失效|无效|無效|不对|不對|是否|有没有|有沒有|什么时候|何时|输入框|短信|的?时间|的?時間|的?情况|重置|找回|修改))"
)
_ABOUT = r"(?:修改|重置|重設|重设|设置|設置|更改|找回|忘记|忘記|获取|獲取|重发|重發|更换|更換|改)[^，。]{0,4}$"
"""Right before the name of a secret: it is spoken about."""
_GIVE = (
    r"(?:提供(?![的商者])|发送|發送|发给|發給|发来|發來|发我|發我|发一下|發一下|发(?=[您你])|回复|回覆|告知|告诉|告訴|报给|報給|"
    r"报一下|報一下|报(?=[您你])|念一下|念给|念給|说一下|說一下|说出|說出|出示|给我|給我|给一下|留下|填写在回复|传给|傳給|写给|寫給)"
)
_CHINESE = (
    re.compile(rf"{_GIVE}[^，。]{{0,16}}?(?P<secret>{_NAMES}){_OTHER_MATTER}"),
    re.compile(
        rf"(?P<secret>{_NAMES}){_OTHER_MATTER}[^，。]{{0,10}}?"
        r"(?:提供给|提供一下|提供$|发送给|发送到|发送至|發送給|发给|發給|发到|发至|发来|發來|发我|發我|发一下|发过来|發過來|回复|回覆|告知|告诉|告訴|"
        r"报给|報給|报一下|报上来|念给|念一下|说一下|說一下|给我|給我|给一下|传给|传过来|写在|寫在)"
    ),
    re.compile(
        rf"(?P<secret>{_NAMES})(?:[\s是为為:：]|[您你]|输入的|填的|设的)*(?:什么|什麼|多少|几位数字|哪几位|几)"
        r"(?!位|种|時|时|意思|情况)"
    ),
    re.compile(
        rf"(?:需要|要|麻烦|请|請)[您你的用]{{0,3}}(?:收到|手机|登录|支付|银行|完整){{0,3}}的?(?P<secret>{_NAMES})$"
    ),
    re.compile(
        rf"(?:核对|核實|核实|验证|確認|确认)(?:一下)?[您你](?:的|收到的|登录|支付)*(?P<secret>{_NAMES})$"
    ),
)

_CODE = (
    r"(?:(?:(?:one[- ]time|verification|security|confirmation|login|sms|text|authentication|access|"
    r"two[- ]factor|2fa|(?:six|6|four|4)[- ]digit|card) ?){0,3}"
    r"(?<!error )(?<!promo )(?<!discount )(?<!coupon )(?<!order )(?<!zip )(?<!postal )(?<!post )"
    r"(?<!country )(?<!area )(?<!tracking )(?<!product )(?<!qr )(?<!bar )(?<!status )(?<!voucher )"
    r"(?<!currency )(?<!sort )(?<!reference )codes?"
    r"|passwords?|passcodes?|otps?|pins?|cv[vc]2?|(?:full |complete |whole |credit |debit |bank )*card "
    r"(?:numbers?|no\.?))"
)
_NAMED = (
    rf"(?P<secret>(?<![a-z]){_CODE})(?![a-z])"
    r"(?!['’]?s? (?:reset|change|page|screen|field|error|arriv|message|problem|did|does|came|comes|was|"
    r"is not|has|expire|email|length|polic|manager|works?|request))"
)
_VERB = (
    r"(?:send|share|provide|give|tell|forward|supply|submit|text|e-?mail|message|read|quote|include|"
    r"state|disclose|reply with|respond with|answer with|type|write|dictate)"
)
_ASIDE = r"(?:(?!whether|when|where|which|how|why|after|before|request|about|reset|change|forgot)[^.,]){0,44}?"
_US = r"(?:us|me|our (?:team|agents?|staff|support)|this (?:address|number|chat|email))"
_WISH = (
    r"(?:please|kindly|could you|can you|would you|will you|(?:you|just) (?:must|need to|have to|should|"
    r"can|may)|i ask you to|we ask you to|be so kind (?:as )?to|simply|just|and|then|to)"
)
_ENGLISH = (
    re.compile(rf"(?:^|(?<![a-z]){_WISH} )(?:also |now |quickly |then )?{_VERB}(?![a-z]){_ASIDE}{_NAMED}"),
    re.compile(rf"(?<![a-z]){_VERB} {_US}(?![a-z]){_ASIDE}{_NAMED}"),
    re.compile(rf"(?<![a-z]){_VERB}{_ASIDE}{_NAMED}[^.]{{0,20}}? (?:to {_US}|back|here|in your reply)(?![a-z])"),
    re.compile(rf"what(?:['’]s| is| was| are) (?:the |your |my )[^.,]{{0,20}}?{_NAMED}"),
    re.compile(rf"(?:we|i)(?:['’]ll| will| would| do)? (?:still |also )?(?:need|require|want) (?:to (?:know|have|see) )?(?:the|your) [^.,]{{0,20}}?{_NAMED}"),
    re.compile(rf"let {_US} (?:know|have) {_ASIDE}{_NAMED}"),
    re.compile(rf"(?:^|{_WISH} )(?:confirm|verify|check) (?:with us )?(?:your|the) (?:(?!with|by|using|identity)[^.,]){{0,16}}?{_NAMED}"),
    re.compile(rf"(?:^|{_WISH} )(?:enter|type|fill in|put)(?![a-z]){_ASIDE}{_NAMED}[^.]{{0,12}} (?:here|below|in your (?:reply|answer))"),
)  # fmt: skip

_CLAUSE = re.compile(r"[^。！？!?\n;；，,]+(?:\.(?=[0-9a-z])[^。！？!?\n;；，,]*)*")
_SENTENCE_STOP = re.compile(r"\.(?=\s|$)")
_DENIED = re.compile(
    r"[不勿别別莫没沒無无]|切忌|禁止|诈骗|詐騙|骗|(?<![a-z])(?:never|not|nobody|no one|nor|no|without|fraud|scam\w*|anyone|refuse)(?![a-z])|n['’]t(?![a-z])"
)
_NO_DENIAL = re.compile(
    r"(?:不要|别|別|请勿|勿)忘[记了記]?|不妨|不如|无法|無法|没有?收到|不得不|不好意思|(?:do not|don['’]t) (?:hesitate to|forget to|worry)|"
    r"can(?:not|['’]t) (?:help|continue|proceed)|if (?:you )?(?:do not|don['’]t)|not only|no problem"
)
"""Words of denial that deny nothing."""
_ELSEWHERE = re.compile(
    r"(?:在|到|于)[^，。]{0,12}(?:app|应用|應用|页面|頁面|网站|網站|官网|登录页|界面)[^，。]{0,12}$|"
    r"(?<![a-z])(?:in|into|on) (?:the|our|your) (?:[a-z]+ )?(?:app|page|site|website|screen|form)(?![a-z])"
)
"""Where a secret belongs: an app or page asks for it, not a message."""
_LOOK_BACK = 30


def asks_for_secret(text: str) -> str | None:
    """The part of a text that asks its reader for a code, a password or a card number, else None.

    Warnings ("we never ask for your password"), advice ("change your password") and what is entered
    in the app are no requests.
    """
    low = text.lower()
    if len(low) != len(text):  # a few capitals become two characters
        low = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    for clause in _CLAUSE.finditer(low):
        start = clause.start()
        for part in _parts(clause[0]):
            if _asks(part):
                return text[start : start + len(part)].strip()
            start += len(part) + 1
    return None


def _parts(clause: str) -> list[str]:
    return _SENTENCE_STOP.split(clause)


def _asks(clause: str) -> bool:
    clause = _NO_DENIAL.sub("", clause).strip(" \"'“”‘’「」()（）：:")
    for form in (*_CHINESE, *_ENGLISH):
        for match in form.finditer(clause):
            first, last = match.span("secret")
            around = clause[max(0, match.start() - _LOOK_BACK) : first] + clause[last : match.end()]
            if _DENIED.search(around) or _ELSEWHERE.search(clause):
                continue
            if form in _CHINESE and re.search(_ABOUT, clause[:first]):
                continue
            return True
    return False
