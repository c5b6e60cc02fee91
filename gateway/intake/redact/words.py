"""The words that stand around secrets, in simplified and traditional Chinese and English.

All but `NUMBER_LABEL` are read on a lower-case sheet. The names of secrets begin with a plain
letter and not with a look-behind: so the search skips to their first letters, four to ten times
faster; that a name is no part of a longer word is looked at afterwards (`named`).
"""

import re
from collections.abc import Iterator

# ---------------------------------------------------------------- names of secrets

_PURPOSES = (
    "验证", "驗證", "校验", "校驗", "动态", "動態", "认证", "認證", "确认", "確認", "激活", "啟用", "随机",
    "隨機", "安全", "短信", "簡訊", "登录", "登錄", "登陆", "登入", "授权", "授權", "核验", "核驗", "解锁", "解鎖",
)  # fmt: skip
_ONE_TIME = ("动态", "動態", "一次性", "短信", "簡訊", "手机动态", "手機動態")

CODE = re.compile(
    "|".join(
        (
            *(f"{purpose}(?:数字|數字)?[码碼]" for purpose in _PURPOSES),
            *(f"{once}(?:密[码碼]|口令)" for once in _ONE_TIME),
            *(rf"{verb}了?(?:的|一?[个個串组組])[码碼]" for verb in "到来來发發给給"),
            *(rf"{this}[个個串组組](?:数字|數字)?[码碼]" for this in "这這那"),
            *(rf"{check}(?:器|数字|數字)" for check in ("验证", "驗證", "认证", "認證")),
            "令牌",
            r"authenticator(?: app)?(?![a-z])",
            r"tokens?(?![a-z])",
            r"tans?(?= (?:is|was|for|number)(?![a-z])|\s?[:=])",
            r"mtans?(?![a-z])",
            r"verification(?:(?=\s?[:=-])| (?:sms|text|message|e?mail)(?![a-z]))",
            r"sms verification(?![a-z])",
            *(
                rf"{sms} (?:it )?(?:is|was|says?|said|reads?|shows?|contains?)(?![a-z])"
                for sms in ("sms", "text", "text message")
            ),
            *(
                rf"{whose} (?:digits|key)(?![a-z])"
                for whose in ("verification", "security", "confirmation", "login", "sms")
            ),
            r"otp(?: ?(?:pass)?code)?s?(?![a-z])",
            r"2fa(?: ?(?:pass)?code)?s?(?![a-z])",
            r"one[ -]?time[ -]?(?:password|pin|number)s?(?![a-z])",
            r"codes?(?![a-z])",
            r"passcodes?(?![a-z])",
            r"verification (?:number|pin|no\.?)(?![a-z])",
            *(
                rf"{sms}[上里裡]?(?:内容|內容)?(?:写|寫|显示|顯示|说|說|是)"
                for sms in ("短信", "簡訊")
            ),
        )
    )
)

OTHER_CODE = re.compile(
    r"(?:error|country|area|zip|post(?:al)?|bar|qr|promo(?:tion)?|discount|coupon|voucher|referral|"
    r"invit(?:e|ation)|sort|bank|swift|bic|product|order|tracking|branch|status|response|reason|"
    r"colou?r|source|dress|http|exit|return|item|store|shop|merchant|currency|language|routing|"
    r"gift|city|region|province|pin|agent|staff|case|dialling|dialing|result|failure|fault)[ _-]?$"
)
"""What makes a `code` none that is secret, read right before the word."""

_CARD_SIDE = (
    r"(?: (?:of|on|side|my|the|your|strip|panel|field|credit|debit|bank|visa|mastercard|amex|card))*"
    r"(?! (?:of )?(?:my |the )?(?:phone|device|box|router|product|pack|bottle|machine))(?![a-z])"
)
CVV = re.compile(
    r"cv[vcn](?:2(?![0-9]{2}(?![0-9])))?(?![a-z])(?: ?(?:code|number|no\.?))?|csc(?![a-z])|"
    r"card (?:security |verification )?(?:code|value)(?![a-z])|card (?:security|verification) number|"
    r"security (?:code|number)(?![a-z])|verification value(?![a-z])|安全[码碼]|"
    r"卡片?的?(?:验证|驗證|校验|校驗)[码碼]|"
    r"verification (?:code|number) (?:on|of|at|from)(?: the back of)? (?:my|the) card|"
    r"signature (?:strip|panel|field) (?:code|number|digits?|value)(?![a-z])|"
    + "|".join(
        rf"{what}(?: (?:printed|written|shown))? (?:on|at|from|next to|in|by) "
        r"the (?:back|reverse|rear|front|signature)" + _CARD_SIDE
        for what in ("digits?", "numbers?", "figures?", "code", "value")
    )
    + "|"
    + "|".join(
        side
        + r"[^\n,，。0-9\0]{0,8}?(?:[三3四4][位个個码碼](?:数字|數字|数|數|码|碼)?|数字|數字|号码|號碼)"
        for side in (
            "背面", "反面", "背后", "背後", "卡后", "卡後", "卡背", "卡末", "卡片后", "卡片後", "卡片背",
            "签名[栏条处處]", "簽名[欄條處]",
        )
    )
)  # fmt: skip

PASSWORD = re.compile(
    r"密[码碼]|口令|pass(?:word|wd|code|phrase)s?(?![a-z])|pass(?=\s?[:=])|pw(?![a-z])|"
    r"pwds?(?![a-z])|psws?(?![a-z])|passwort(?![a-z])|pswd(?![a-z])|pin(?: ?code| ?number)?(?![a-z])"
)

PASSWORD_NEAR = re.compile(
    r"密[码碼]|口令|pass(?:word|wd|code|phrase)?s?(?![a-z])|pw(?![a-z])|"
    r"pwds?(?![a-z])|psws?(?![a-z])|passwort(?![a-z])|pswd(?![a-z])"
)
"""With what can be nothing but a password beside it, a shorter name will do."""

TO_RENEW = re.compile(
    r"(?:忘记|忘記|忘了|忘|重置|重設|重设|找回|修改|更改|改|换|換|设置|設置|设定|設定|没有|沒有|"
    r"forgot(?:ten)?|forget|reset|change|changing|recover|lost|set|new|no|without|wrong)"
    r"(?:支付|交易|登录|登錄|登入|我的|了|the|my|your|payment|login| )*$"
)
"""Before `password`: what follows without an `is` between is not the password."""


def named(names: re.Pattern[str], low: str) -> Iterator[re.Match[str]]:
    """Where a secret is named; a name in Latin letters begins a word."""
    for name in names.finditer(low):
        start = name.start()
        if not start or not low[start].isascii() or not "a" <= low[start - 1] <= "z":
            yield name


# ---------------------------------------------------------------- what may stand between

LINK = (
    r"(?:[\s:：=＝,，、\"'“”‘’「」『』【】\[\]()（）<>《》#*~.-]"
    r"|[是为為即就叫乃我你您他们們刚剛才已经經收到的了发發来來给給过過短信簡訊里裡上写寫显顯示填输輸入"
    r"现現在这這那个個组組串次又再码碼號号有说說告诉訴呢啊哦嗯如下应應该該看帮幫请請用最新一报報]"
    r"|(?<![a-z])(?:is|was|are|be|it|it's|its|i|i've|got|get|received|have|you|they|sent|send|me|"
    r"us|the|this|that|my|your|our|here|below|says?|said|shows?|reads?|number|num|no|by|via|sms|"
    r"text|message|app|phone|screen|they're|he|she|texted|emailed|mailed|gave|given|had|has|came|comes|"
    r"arrived|receiving|getting|saying|reading|called|keep|kept|tried|try|trying|entering|typing|"
    r"supplied|provided|generated|displayed|display|appears|appeared|being|just|now|of|as|follows|following|which|again|please|pls|use|entered|enter|"
    r"typed|input|new|latest|last|correct|right|one|for|login|verification)(?![a-z])){0,24}"
)
"""Between a name and its value. Words that deny (没, 不, not) and that name something else (订单,
order) are missing on purpose."""

BACK_LINK = (
    r"[\s\"'“”‘’)）】\]]{0,3}"
    r"(?:就是|便是|是|为|為|当作|當作|作为|作為|当|当作|[这這那][个個组組串]|"
    r"(?<![a-z])(?:is|was|as|being)(?![a-z])|=|[（(]|[-,，]\s)"
    r"(?:\s|[我你您他们們发發来來给給里裡登录錄银銀行的这這那个個刚剛收到新短信簡訊手机機上]|"
    r"(?<![a-z])(?:the|my|your|our|a|an|this|that|new|sms|login|security|verification|one|card)"
    r"(?![a-z])){0,12}$"
)
"""Between a value and its name, when the value comes first."""

PASSWORD_LINK = re.compile(
    r"\s{0,2}(?:(?P<mark>[:：=＝])|应该是|應該是|改成了?|换成了?|換成了?|改为了?|改為了?|设为了?|設為了?|设成了?|設成了?|"
    r"是|为|為|(?P<english>(?<![a-z])(?:is|was|are|changed to|set to|to be)(?![a-z])|'s(?![a-z]))|"
    r"(?P<weak>(?<![a-z])to(?![a-z])))"
    r"\s{0,2}[:：]?[\s\"'“”‘’「『【<(（]{0,3}"
)

CLAUSE_END = re.compile(r"[\n。！？!?;；\0]")

# ---------------------------------------------------------------- what says that it is no secret

UNIT = (
    r"\s{0,2}(?:元|块|塊|圆|圓|万|萬|千|百|年|月|日|分钟|分鐘|分|秒|小时|小時|天|次|条|條|位|字|人|笔|筆|"
    r"%|(?:rmb|cny|usd|eur|hkd|yuan|dollars?|hours?|minutes?|mins?|seconds?|secs?|times|days?|"
    r"digits?|characters?|chars?)(?![a-z]))"
)
"""After a number: it counts something."""

LABEL_BEFORE = re.compile(
    r"(?:订单|訂單|单|單|尾号|尾號|末四位|后四位|後四位|手机|手機|电话|電話|热线|熱線|客服|邮编|郵編|金额|金額|"
    r"余额|餘額|充值|充了|转账|轉賬|轉帳|提现|提現|付款|付了|支付了|消费|消費|扣款|扣了|买了|買了|"
    r"账号|帳號|账户|帳戶|编号|編號|工单|案件|流水|拨打|撥打|打|"
    r"[$￥¥€]|(?<![a-z])(?:order|ending|ends|phone|tel|call|called|dial|mobile|hotline|zip|post|amount|"
    r"account|acct|balance|case|ref|reference|inquiry|extension|ext|room|year|since|until|rmb|cny|usd|"
    r"eur|hkd|version|error|paid|pay|of|transfer|transferred))"
    r"(?:[\s:：#号號码碼.是为為了]|(?<![a-z])(?:number|no|num|id|is|in|with|was|code)(?![a-z]))*$"
)
"""Right before a number: it names something else."""

OTHER_SUBJECT = re.compile(
    r"[,，、没沒未不無无别別]|账号|帳號|账户|帳戶|用户|用戶|邮箱|郵箱|手机|手機|电话|電話|订单|訂單|链接|連結|版本|"
    r"错误|錯誤|次数|次數|时间|時間|金额|金額|长度|長度|位数|位數|"
    r"(?<![a-z])(?:user(?:name)?|e-?mail|phone|order|link|page|version|error|attempts?|times?|date|"
    r"amount|length|policy|not|never|no|without|cannot|failed|and)(?![a-z])|n['’]t(?![a-z])"
)
"""Between `password` and `is`: it is not the password that is something."""

OTHER_NOUN = re.compile(
    r"账号|帳號|账户|帳戶|用户|用戶|邮箱|郵箱|手机[号尾]|手機[號尾]|尾号|尾號|电话|電話|热线|熱線|客服|订单|訂單|单号|單號|"
    r"工单|链接|連結|版本|错误|錯誤|次数|次數|金额|金額|长度|長度|位数|位數|余额|餘額|邮编|郵編|编号|編號|[元块塊]|"
    r"(?<![a-z])(?:user(?:name)?|e-?mail|phone number|mobile|order|link|page|version|error|attempts?|"
    r"amount|length|policy|zip|post(?:al)?|case|ref(?:erence)?|tracking|room|invoice|hotline|"
    r"call(?:ed)?|paid|pay|costs?|account (?:number|id|no)|year)(?![a-z])"
)
"""Between the name of a code and a number some words away: the number is something else's."""

DENIAL = re.compile(
    r"[没沒未不无無别別]|(?<![a-z])(?:not|never|no|without|cannot|failed)(?![a-z])|n['’]?t(?![a-z])"
)

NUMBER_LABEL = re.compile(
    r"(?:订单|訂單|单|單|流水|运单|運單|快递|快遞|物流|交易|编|編|票|工单|案件|参考|參考|批次|序列|设备|設備|"
    r"(?<![a-z])(?:order|tracking|case|ref|reference|transaction|txn|trace|invoice|shipment|parcel|"
    r"waybill|receipt|serial|imei|iccid|request|session|message|inquiry))"
    r"(?:[\s:：#号號码碼.]|是|为|為|(?<![a-z])(?:number|no|num|id|is|was)(?![a-z]))*$",
    re.IGNORECASE,
)
"""Right before a long number without spaces: it is an order's, a parcel's, a case's."""

ASKED_NUMBER = re.compile(
    r"订单|訂單|单号|單號|编号|編號|流水|金额|金額|(?<![a-z])(?:order|reference|case|amount)"
)
"""In our last message: it asked for a number that is no secret."""

CARD_PREFIXES = (
    "card", "cards", "visa", "master", "mastercard", "amex", "unionpay", "jcb", "diners", "discover",
    "no", "num", "number", "pan", "is", "was", "cc", "debit", "credit", "account", "acct", "bank", "my",
    "a", "b",
)  # fmt: skip
"""A word that may stand against a card's first digit; any other makes it a serial number."""

ORDINARY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    about after again also already always automatically because been before being best better
    blocked both broken button case cannot changed changing correct deleted denied different
    difficult disabled does done down empty english enough entered even expired failed failing
    fine first forgot forgotten from gone good hard here hidden incorrect invalid just known
    last later like link lock locked long lost maybe mine missing more must near needed needs
    never nice none not now null okay only page perhaps please policy private probably protected
    rejected required reset resetting right safe same saved secret secure sent short should
    simple since some somehow something still stolen strong supposed temporary that the their
    then there this though true too unknown unsafe updated used useless using valid very visible
    weak what when where which why with working would wrong yours your
        """,
    )
)
"""English words that follow `password is` and `password:` without being the password."""

KEYS = {
    "password": "password", "passwd": "password", "pwd": "password", "passcode": "password",
    "passphrase": "password", "paymentpassword": "password", "paypassword": "password",
    "密码": "password", "密碼": "password", "支付密码": "password", "支付密碼": "password",
    "登录密码": "password", "otp": "code", "verificationcode": "code", "verifycode": "code",
    "smscode": "code", "onetimecode": "code", "验证码": "code", "驗證碼": "code", "校验码": "code",
    "动态码": "code", "cvv": "cvv", "cvv2": "cvv", "cvc": "cvv", "cvc2": "cvv", "cvn": "cvv",
    "securitycode": "cvv", "安全码": "cvv", "安全碼": "cvv",
}  # fmt: skip
"""Names of fields in structured input, without case, spaces, dashes and underscores."""
