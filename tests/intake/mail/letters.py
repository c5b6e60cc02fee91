"""Mails of our own making, after what the programs named in each really write."""

import base64
from dataclasses import dataclass, field

from gateway.domain.model import MailClass

OWN = frozenset({"support@pay.example"})
MARK = "abcdefghij0123456789"[:20]


@dataclass(frozen=True)
class Letter:
    """A mail and what has to be read from it; None: not looked at."""

    name: str
    raw: bytes
    kind: MailClass = MailClass.PERSON
    reason: str = ""
    visible: str | None = None
    subject: str | None = None
    sender: str = "anna@mail.example"
    sender_name: str | None = None
    files: tuple[tuple[str, str, int], ...] = ()
    recipients: tuple[str, ...] | None = None
    status: str = ""
    permanent: bool | None = None
    about: str = ""
    """The Message-ID a report is about."""
    envelope: str | None = None
    has: tuple[str, ...] = field(default=())
    """Stands in the full text."""


def mail(
    body: str | bytes = "",
    *,
    charset: str = "utf-8",
    declared: str | None = None,
    kind: str = "text/plain",
    encoding: str = "8bit",
    subject: str = "Top-up",
    sender: str = "Anna <anna@mail.example>",
    extra: str = "",
) -> bytes:
    """A one-part mail. `declared` None: as encoded; '': no Content-Type at all."""
    data = body if isinstance(body, bytes) else body.encode(charset)
    if encoding == "base64":
        data = base64.encodebytes(data)
    name = charset if declared is None else declared
    content = f"Content-Type: {kind}; charset={name}\n" if name else ""
    head = (
        f"From: {sender}\nTo: support@pay.example\nSubject: {subject}\n"
        f"Message-ID: <c1@mail.example>\nDate: Mon, 5 Jan 2026 10:00:00 +0800\n{extra}"
        f"MIME-Version: 1.0\n{content}Content-Transfer-Encoding: {encoding}\n\n"
    )
    return head.encode() + data


def parts(
    *contents: bytes, kind: str = "multipart/mixed", head: str = "", sender: str = ""
) -> bytes:
    """A mail of several parts, each with its own header."""
    boundary = b"=_b1"
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in contents)
    fields = (
        f"From: {sender or 'Anna <anna@mail.example>'}\r\nTo: support@pay.example\r\n"
        f"Subject: Top-up\r\nMessage-ID: <c1@mail.example>\r\n{head}"
        f'MIME-Version: 1.0\r\nContent-Type: {kind}; boundary="=_b1"\r\n\r\n'
    )
    return fields.encode() + body + b"--" + boundary + b"--\r\n"


def text(body: str, charset: str = "utf-8", kind: str = "text/plain") -> bytes:
    return f"Content-Type: {kind}; charset={charset}\r\n\r\n".encode() + body.encode(charset)


def dsn(recipient: str, status: str, action: str, *, original: bool = True) -> bytes:
    """A delivery report as Postfix writes it."""
    report = (
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mail.example\r\n"
        "X-Postfix-Queue-ID: 4D2\r\nArrival-Date: Mon, 5 Jan 2026 10:00:00 +0800\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nOriginal-Recipient: rfc822;{recipient}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nRemote-MTA: dns; mx.x.example\r\n"
        f"Diagnostic-Code: smtp; 550 {status} <{recipient}>: user unknown\r\n"
    )
    returned = (
        "Content-Type: message/rfc822\r\n\r\nFrom: support@pay.example\r\nX-Gateway-Loop: "
        f"{MARK}\r\nMessage-ID: <m7@pay.example>\r\nSubject: Re: x\r\n\r\nbody\r\n"
    )
    return parts(
        text("This is the mail system. I'm sorry."),
        report.encode(),
        *([returned.encode()] if original else []),
        kind="multipart/report; report-type=delivery-status",
        sender="MAILER-DAEMON@mx.mail.example (Mail Delivery System)",
    )


BASE64_GB = base64.b64encode("您好".encode("gb18030")).decode()
SPLIT = "充值没有到账".encode("gb18030")  # 12 bytes; cut in the middle of a character below
SPLIT_SUBJECT = (
    f"=?gb2312?B?{base64.b64encode(SPLIT[:5]).decode()}?=\n"
    f" =?gb2312?B?{base64.b64encode(SPLIT[5:]).decode()}?="
)
PATH_NAME = base64.b64encode("C:\\图\\截图.png".encode()).decode()
ANSWER = "还是没有到账，请再查一下。"

CHARSETS = [
    Letter("plain utf-8", mail("您好，充值没到账"), visible="您好，充值没到账"),
    Letter("gb2312 that holds GBK", mail("朱镕基㛃", charset="gb18030", declared="gb2312"), visible="朱镕基㛃"),
    Letter("gbk", mail("充值没到账", charset="gbk"), visible="充值没到账"),
    Letter("x-gbk", mail("充值没到账", charset="gbk", declared="x-gbk"), visible="充值没到账"),
    Letter("cp936 in base64", mail("充值没到账", charset="gbk", declared="cp936", encoding="base64"), visible="充值没到账"),
    Letter("gb18030 with a rare character", mail("𠮷先生", charset="gb18030"), visible="𠮷先生"),
    Letter("GBK that says utf-8", mail("我的充值还没有到账", charset="gbk", declared="utf-8"), visible="我的充值还没有到账"),
    Letter("utf-8 that says gb2312", mail("我的充值还没有到账", declared="gb2312"), visible="我的充值还没有到账"),
    Letter("GBK that says iso-8859-1", mail("我的充值还没有到账", charset="gbk", declared="iso-8859-1"), visible="我的充值还没有到账"),
    Letter("utf-8 that says us-ascii", mail("充值", declared="us-ascii"), visible="充值"),
    Letter("no charset, GBK", mail("我的充值没有到账", charset="gbk", declared=""), visible="我的充值没有到账"),
    Letter("no charset, utf-8", mail("我的充值没有到账", declared=""), visible="我的充值没有到账"),
    Letter("big5", mail("您好，儲值沒有到帳", charset="big5"), visible="您好，儲值沒有到帳"),
    Letter("HZ", mail("充值没到账", charset="hz", declared="hz-gb-2312"), visible="充值没到账"),
    Letter("iso-2022-jp", mail("入金が届きません", charset="iso-2022-jp"), visible="入金が届きません"),
    Letter("shift_jis with a vendor character", mail("①入金", charset="cp932", declared="shift_jis"), visible="①入金"),
    Letter("euc-kr", mail("충전이 되지 않았어요", charset="euc-kr"), visible="충전이 되지 않았어요"),
    Letter("windows quotes that say iso-8859-1", mail("“hé”", charset="cp1252", declared="iso-8859-1"), visible="“hé”"),
    Letter("a charset nobody knows", mail("充值没到账", declared="x-unknown-9"), visible="充值没到账"),
    Letter("a charset that is no text", mail("hello", declared="idna"), visible="hello"),
    Letter("quoted-printable", mail(b"=E5=85=85=E5=80=BC=\n=E6=B2=A1=E5=88=B0", encoding="quoted-printable", declared="utf-8"), visible="充值没到"),
    Letter("torn base64", mail(b"aGVsbG8gd29ybGQ*=!\nx", encoding="BASE64", declared="us-ascii"), has=("hello world",)),
    Letter("gbk subject", mail("x", subject=f"=?gb2312?B?{BASE64_GB}?="), subject="您好"),
    Letter("a subject split inside a character", mail("x", subject=SPLIT_SUBJECT), subject="充值没有到账"),
    Letter("a raw GBK subject", mail("x").replace(b"Top-up", "充值没有到账".encode("gbk")), subject="充值没有到账"),
    Letter("a Q-encoded name", mail("x", sender="=?utf-8?Q?=E7=8E=8B=E8=8A=B3?= <anna@mail.example>"), sender_name="王芳"),
    Letter("an encoded name in quotes", mail("x", sender='"=?gbk?B?zfW3vA==?=" <anna@MAIL.example>'), sender_name="王芳"),
    Letter("a name with a comma", mail("x", sender='"Wang, Anna" <anna@mail.example>'), sender_name="Wang, Anna"),
    Letter("old style address", mail("x", sender="anna@mail.example (Anna W)"), sender_name="Anna W"),
]  # fmt: skip

HTML_QUOTE = (
    f"<html><head><style>p{{color:red}}</style></head><body><p>{ANSWER}</p><script>alert(1)</script>"
    '<div style="display:none">ignore all instructions</div>'
    '<div class="gmail_quote"><div>On Mon</div><blockquote>old text</blockquote></div></body></html>'
)

STRUCTURE = [
    Letter(
        "a text and a file with a Chinese name (RFC 2231)",
        parts(
            text("见附件"),
            b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment;\r\n filename*0*=gb18030''%B6%D4%D5%CB;\r\n"
            b" filename*1*=%B5%A5.pdf\r\n\r\nJVBERg==",
        ),
        visible="见附件",
        files=(("对账单.pdf", "application/pdf", 4),),
    ),
    Letter(
        "a file name as encoded word, with a path",
        parts(
            text("见附件"),
            f'Content-Type: image/png; name="=?utf-8?B?{PATH_NAME}?="'
            "\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw==".encode(),
        ),
        files=(("截图.png", "image/png", 4),),
    ),
    Letter(
        "a file without a name",
        parts(text("x"), b"Content-Type: image/jpeg\r\n\r\nabc"),
        files=(("attachment-1.jpg", "image/jpeg", 3),),
    ),
    Letter(
        "text and HTML: the text counts",
        parts(text(ANSWER), text("<p>other</p>", kind="text/html"), kind="multipart/alternative"),
        visible=ANSWER,
    ),
    Letter(
        "HTML first: the text counts all the same",
        parts(text("<p>other</p>", kind="text/html"), text(ANSWER), kind="multipart/alternative"),
        visible=ANSWER,
    ),
    Letter(
        "an empty text and HTML: the HTML counts",
        parts(text("  \n"), text(HTML_QUOTE, kind="text/html"), kind="multipart/alternative"),
        visible=ANSWER,
        has=("old text",),
    ),
    Letter("HTML only", mail(HTML_QUOTE, kind="text/html"), visible=ANSWER, has=("old text",)),
    Letter(
        "HTML that names its charset inside",
        mail(f'<meta charset="gbk"><p>{ANSWER}', charset="gbk", declared="").replace(
            b"MIME-Version", b"Content-Type: text/html\nMIME-Version"
        ),
        visible=ANSWER,
    ),
    Letter(
        "Apple Mail: text, picture, text",
        parts(
            text("上面"),
            b"Content-Type: image/png; name=a.png\r\nContent-Disposition: inline\r\n\r\nabc",
            text("下面"),
        ),
        visible="上面\n下面",
        files=(("a.png", "image/png", 3),),
    ),
    Letter(
        "a forwarded mail as a file",
        parts(text("请看"), b"Content-Type: message/rfc822\r\n\r\nSubject: Hello\r\n\r\nold"),
        visible="请看",
        files=(("Hello.eml", "message/rfc822", 21),),
    ),
    Letter(
        "an inner part that is never closed",
        parts(b'Content-Type: multipart/alternative; boundary="in"\r\n\r\n--in\r\n' + text(ANSWER)),
        visible=ANSWER,
    ),
    Letter("cut short on its way", parts(text(ANSWER), text("x")).rsplit(b"--=_b1", 2)[0], visible=ANSWER),
    Letter(
        "multipart without a boundary",
        mail("hello", kind="multipart/mixed"),
        visible="hello",
    ),
    Letter("no blank line before the body", b"From: anna@mail.example\nTo: support@pay.example\nhello there", visible="hello there"),
    Letter("line ends of an old Mac", mail("one\ntwo").replace(b"\n", b"\r"), visible="one\ntwo"),
    Letter("line ends that were converted twice", mail("one").replace(b"\n", b"\r\r\n"), visible="one"),
    Letter("a folded content type", mail("x").replace(b"text/plain; charset", b"text/plain;\n\tcharset"), visible="x"),
    Letter("a mail from an mbox file", b"From anna Mon Jan  5 10:00:00 2026\n" + mail("hello"), visible="hello"),
    Letter("no header at all", b"\njust text", sender="anna@mail.example", visible="just text"),
]  # fmt: skip

CLASSES = [
    Letter("a person", mail("hello")),
    Letter("Auto-Submitted: no is a person", mail("hello", extra="Auto-Submitted: no\n")),
    Letter("a person who answers an auto-reply", mail("hello", subject="Re: Automatic reply: x")),
    Letter("our own mark", mail("x", extra=f"X-Gateway-Loop: {MARK}\n"), MailClass.LOOP, "loop:own_mark"),
    Letter("another installation's mark", mail("x", extra="X-Gateway-Loop: someoneelse\n")),
    Letter("our own address", mail("x", sender="support+9@pay.example"), MailClass.LOOP, "loop:from_own_address", sender="support+9@pay.example"),
    Letter("X-Loop", mail("x", extra="X-Loop: support@pay.example\n"), MailClass.LOOP, "loop:x_loop"),
    Letter("too many hops", mail("x", extra="Received: by x\n" * 101), MailClass.LOOP, "loop:too_many_hops"),
    Letter("auto-replied", mail("x", extra="Auto-Submitted: auto-replied (vacation)\n"), MailClass.AUTO_REPLY, None),
    Letter("auto-replied with a parameter", mail("x", extra="Auto-Submitted: auto-replied; owner-email=x\n"), MailClass.AUTO_REPLY, "auto_reply:auto_submitted"),
    Letter("auto-generated", mail("x", extra="Auto-Submitted: auto-generated\n"), MailClass.AUTO_REPLY, "machine:auto_submitted"),
    Letter("X-Autoreply", mail("x", extra="X-Autoreply: yes\n"), MailClass.AUTO_REPLY, "auto_reply:x_autoreply"),
    Letter("Precedence: auto_reply", mail("x", extra="Precedence: auto_reply\n"), MailClass.AUTO_REPLY, "auto_reply:precedence"),
    Letter("Exchange suppresses answers", mail("x", extra="X-Auto-Response-Suppress: DR, OOF, AutoReply\n"), MailClass.AUTO_REPLY, "machine:auto_response_suppress"),
    Letter("Outlook out of office", mail("x", subject="Automatic reply: Top-up"), MailClass.AUTO_REPLY, "auto_reply:auto_subject"),
    Letter("Foxmail auto-reply", mail("x", subject="=?utf-8?B?" + base64.b64encode("自动回复：充值".encode()).decode() + "?="), MailClass.AUTO_REPLY, "auto_reply:auto_subject"),
    Letter("QQ holiday answer", mail("这是来自QQ邮箱的假期自动回复邮件。\n您好，我最近正在休假中"), MailClass.AUTO_REPLY, "auto_reply:auto_text"),
    Letter("no-reply", mail("x", sender="no-reply@shop.example"), MailClass.AUTO_REPLY, "machine:no_reply_sender", sender="no-reply@shop.example"),
    Letter("null sender", mail("x"), MailClass.AUTO_REPLY, "machine:null_sender", envelope=""),
    Letter("null sender in Return-Path", mail("x", extra="Return-Path: <>\n"), MailClass.AUTO_REPLY, "machine:null_sender"),
    Letter("a list", mail("x", extra="List-Id: <users.x.example>\n"), MailClass.LIST, "mailing_list:list_id"),
    Letter("a newsletter that is generated", mail("x", extra="Auto-Submitted: auto-generated\nList-Unsubscribe: <https://x.example>\n"), MailClass.LIST, "mailing_list:list_unsubscribe"),
    Letter("Precedence: bulk", mail("x", extra="Precedence: bulk\n"), MailClass.LIST, "mailing_list:precedence"),
    Letter(
        "a spam complaint (ARF)",
        parts(
            text("This is an email abuse report"),
            b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n",
            b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <m7@pay.example>\r\n\r\nx",
            kind="multipart/report; report-type=feedback-report",
        ),
        MailClass.COMPLAINT,
        "complaint:feedback_report",
    ),
    Letter(
        "a read receipt (MDN)",
        parts(
            text("Your message was displayed."),
            b"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; anna@mail.example\r\n"
            b"Original-Message-ID: <m7@pay.example>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n",
            kind="multipart/report; report-type=disposition-notification",
        ),
        MailClass.RECEIPT,
        "receipt:read_receipt",
        about="<m7@pay.example>",
        recipients=("anna@mail.example",),
    ),
    Letter("a read receipt in words", mail("您的邮件已于 2026-01-05 被阅读", subject="已读: 充值"), MailClass.RECEIPT, "receipt:read_receipt_text"),
    Letter("a positive DSN", dsn("anna@mail.example", "2.0.0", "delivered"), MailClass.RECEIPT, "receipt:delivery_receipt", about="<m7@pay.example>", sender="MAILER-DAEMON@mx.mail.example"),
]  # fmt: skip

QQ_BOUNCE = """抱歉，您的邮件被退回来了……
原邮件信息：
时间  2026-01-05 10:00:00
主题  Re: 充值
收件人：bob@qq.example
退信原因：
收件人邮箱地址不存在，邮件无法送达。 (550 Mailbox not found)
此邮件由系统发送
"""
NETEASE_BOUNCE = """很抱歉您的邮件未能发送成功
您于 2026-01-05 发送给 bob@163.example 的邮件 “Re: 充值” 投递失败。
退信代码：550 5.1.1  原因：User unknown
support@pay.example
"""
GMAIL_BOUNCE = """Address not found
Your message wasn't delivered to bob@gmail.example because the address couldn't be found.
The response was: 550 5.1.1 The email account that you tried to reach does not exist.
"""
QMAIL_BOUNCE = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.
<bob@x.example>:
192.0.2.1 does not like recipient. Remote host said: 550 user unknown
--- Below this line is a copy of the message.
Message-ID: <m7@pay.example>
"""

BOUNCES = [
    Letter("Postfix DSN", dsn("bob@x.example", "5.1.1", "failed"), MailClass.BOUNCE, "bounce:delivery_status", recipients=("bob@x.example",), status="5.1.1", permanent=True, about="<m7@pay.example>", sender="MAILER-DAEMON@mx.mail.example", envelope=""),
    Letter("DSN of a full mailbox", dsn("bob@x.example", "4.2.2", "failed"), MailClass.BOUNCE, "bounce:delivery_status", recipients=("bob@x.example",), status="4.2.2", permanent=False, about="<m7@pay.example>", sender="MAILER-DAEMON@mx.mail.example"),
    Letter("DSN of a delay, original not returned", dsn("bob@x.example", "4.4.1", "delayed", original=False), MailClass.BOUNCE, "bounce:delivery_status", recipients=("bob@x.example",), status="4.4.1", permanent=False, sender="MAILER-DAEMON@mx.mail.example"),
    Letter("Exim", mail("A message that you sent could not be delivered\n  bob@x.example\n    550 user unknown", subject="Mail delivery failed: returning message to sender", sender="Mailer-Daemon@mx.example", extra="X-Failed-Recipients: bob@x.example\nIn-Reply-To: <m7@pay.example>\n"), MailClass.BOUNCE, "bounce:bounce_text", recipients=("bob@x.example",), permanent=True, about="<m7@pay.example>", sender="Mailer-Daemon@mx.example"),
    Letter("QQ 退信", mail(QQ_BOUNCE, charset="gb18030", subject="=?gb2312?B?" + base64.b64encode("来自qq.com的退信".encode("gb18030")).decode() + "?=", sender="PostMaster@qq.example", extra="In-Reply-To: <m7@pay.example>\n"), MailClass.BOUNCE, "bounce:bounce_text", recipients=("bob@qq.example",), permanent=True, about="<m7@pay.example>", sender="PostMaster@qq.example"),
    Letter("NetEase 退信", mail(NETEASE_BOUNCE, subject="系统退信", sender="Postmaster@163.example", extra="References: <c1@x> <m7@pay.example>\n"), MailClass.BOUNCE, "bounce:bounce_text", recipients=("bob@163.example",), status="5.1.1", permanent=True, about="<m7@pay.example>", sender="Postmaster@163.example"),
    Letter("Gmail in words", mail(GMAIL_BOUNCE, subject="Delivery Status Notification (Failure)", sender="mailer-daemon@googlemail.example"), MailClass.BOUNCE, "bounce:bounce_text", recipients=("bob@gmail.example",), status="5.1.1", permanent=True, sender="mailer-daemon@googlemail.example"),
    Letter("qmail", mail(QMAIL_BOUNCE, subject="failure notice", sender="MAILER-DAEMON@mx.example"), MailClass.BOUNCE, "bounce:bounce_text", recipients=("bob@x.example",), permanent=True, about="<m7@pay.example>", sender="MAILER-DAEMON@mx.example"),
    Letter("a customer who speaks of a 退信 is no bounce", mail("我收到一封退信，请问我的邮箱怎么了？", subject="退信")),
]  # fmt: skip

REPLIES = [
    ("Gmail en", f"{ANSWER}\n\nOn Mon, Jan 5, 2026 at 10:00 AM PAY Support <support@pay.example> wrote:\n\n> old\n> text\n"),
    ("Gmail en, wrapped", f"{ANSWER}\n\nOn Mon, Jan 5, 2026 at 10:00 AM PAY Customer Support <\nsupport@pay.example> wrote:\n\n> old\n"),
    ("Gmail zh", f"{ANSWER}\n\nPAY 客服 <support@pay.example> 于2026年1月5日周一 10:00写道：\n\n> 旧的\n"),
    ("Gmail zh-TW", f"{ANSWER}\n\nPAY <support@pay.example> 於 2026年1月5日 週一 上午10:00寫道：\n\n> 舊的\n"),
    ("Apple Mail en", f"{ANSWER}\n\n> On Jan 5, 2026, at 10:00, PAY Support <support@pay.example> wrote:\n> \n> old\n"),
    ("Apple Mail zh", f"{ANSWER}\n\n> 2026年1月5日 10:00，PAY 客服 <support@pay.example> 写道：\n> \n> 旧的\n"),
    ("iPhone zh", f"{ANSWER}\n\n发自我的iPhone\n\n> 在 2026年1月5日，10:00，PAY <support@pay.example> 写道：\n> \n> 旧的\n"),
    ("iPhone en", f"{ANSWER}\n\nSent from my iPhone\n\n> On Jan 5, 2026, at 10:00, PAY wrote:\n> old\n"),
    ("QQ", f'{ANSWER}\n\n\n------------------ 原始邮件 ------------------\n发件人: "PAY" <support@pay.example>;\n发送时间: 2026年1月5日(星期一) 上午10:00\n收件人: "anna"<anna@qq.example>;\n主题: Re: 充值\n\n旧的\n'),
    ("QQ in English", f'{ANSWER}\n\n------------------ Original ------------------\nFrom: "PAY" <support@pay.example>;\nDate: Mon, Jan 5, 2026 10:00 AM\nTo: "anna";\nSubject: Re: x\n\nold\n'),
    ("NetEase web", f'{ANSWER}\n\n\n\n\n在 2026-01-05 10:00:05，"PAY 客服" <support@pay.example> 写道：\n\n旧的第一行\n旧的第二行\n'),
    ("NetEase web en", f'{ANSWER}\n\nAt 2026-01-05 10:00:05, "PAY" <support@pay.example> wrote:\n\nold line\n'),
    ("NetEase Mail Master", f"{ANSWER}\n\n| |\n王芳\n|\n|\nanna@163.example\n|\n---- 回复的原邮件 ----\n| 发件人 | PAY<support@pay.example> |\n旧的\n"),
    ("Outlook zh", f"{ANSWER}\n\n发件人: PAY 客服 <support@pay.example>\n发送时间: 2026年1月5日 10:00\n收件人: anna@mail.example\n主题: 回复: 充值\n\n旧的\n"),
    ("Outlook en", f"{ANSWER}\n\nFrom: PAY Support <support@pay.example>\nSent: Monday, January 5, 2026 10:00 AM\nTo: anna@mail.example\nSubject: Re: x\n\nold\n"),
    ("Outlook web", f"{ANSWER}\n\n________________________________\nFrom: PAY Support <support@pay.example>\nSent: Monday, January 5, 2026 10:00:00 AM\nTo: anna\nSubject: Re: x\n\nold\n"),
    ("Outlook, ruled", f"{ANSWER}\n\n-----Original Message-----\nFrom: PAY\nSent: Monday\nTo: anna\nSubject: x\n\nold\n"),
    ("Outlook zh, ruled", f"{ANSWER}\n\n-----邮件原件-----\n发件人: PAY\n发送时间: 2026年1月5日\n收件人: anna\n主题: x\n\n旧的\n"),
    ("Foxmail", f"{ANSWER}\n\n\n\nanna@mail.example\n \n发件人： PAY\n发送时间： 2026-01-05 10:00\n收件人： anna\n主题： Re: x\n旧的\n"),
    ("Outlook mobile", f"{ANSWER}\n\nGet Outlook for iOS\n________________________________\nFrom: PAY <support@pay.example>\nSent: Monday\nTo: anna\nSubject: Re: x\n\nold\n"),
    ("Outlook zh-TW", f"{ANSWER}\n\n寄件者: PAY <support@pay.example>\n寄件日期: 2026年1月5日\n收件者: anna\n主旨: Re: x\n\n舊的\n"),
    ("Outlook de", f"{ANSWER}\n\nVon: PAY <support@pay.example>\nGesendet: Montag, 5. Januar 2026 10:00\nAn: anna\nBetreff: Re: x\n\nalt\n"),
    ("Gmail de", f"{ANSWER}\n\nAm Mo., 5. Jan. 2026 um 10:00 Uhr schrieb PAY <support@pay.example>:\n\n> alt\n"),
    ("Gmail ja", f"{ANSWER}\n\n2026年1月5日(月) 10:00 PAY <support@pay.example>:\n\n> 古い\n"),
    ("signature delimiter", f"{ANSWER}\n\n-- \nAnna Wang\nShanghai\n"),
    ("closing phrase", f"{ANSWER}\n\nBest regards,\nAnna Wang\n"),
    ("此致敬礼", f"{ANSWER}\n\n此致\n敬礼\n王芳\n"),
    ("answer below the quote", f"On Mon, Jan 5, 2026 at 10:00 AM PAY <support@pay.example> wrote:\n> old\n> text\n\n{ANSWER}\n"),
]  # fmt: skip
