"""The words by which a customer wants no more messages, or wants them again, on any channel. Pure.

A channel knows the orders of its own (STOP, TD); these are sentences that mean the same everywhere.
Only a message that says nothing else counts: "stop writing to me and give me my money back" is for a
person to read.
"""

import re
import unicodedata

#: Longer messages say more than that.
_LONGEST = 60
_MARKS = re.compile(r"[\W_]+")
_POLITE = re.compile(
    r"^(?:hi|hello|hey|please|pls|kindly|你好|您好|请你们|请你|请您|请|麻烦|拜托|請你們|請你|請您|請|麻煩)+"
    r"|(?:please|pls|thanks|thankyou|thx|谢谢|谢了|了|吧|好吗|謝謝|好嗎)+$"
)
_OUT = frozenset(
    "".join(phrase.split())
    for phrase in """
    unsubscribe|unsubscribe me|optout|opt out|opt me out|i want to unsubscribe|i want to opt out
    stop messaging me|stop texting me|stop emailing me|stop mailing me|stop writing to me
    stop contacting me|stop sending me messages|stop sending messages|stop sending me emails
    stop sending me texts|stop sending me mails|stop sending emails|stop all messages
    dont message me|do not message me|dont text me|do not text me|dont contact me|do not contact me
    dont email me|do not email me|dont write to me|do not write to me
    dont send me messages|do not send me messages|dont send me any more messages
    do not send me any more messages|dont message me again|do not message me again
    dont contact me again|do not contact me again|dont send me anything|do not send me anything
    no more messages|no more emails|no more texts|no more mails|remove me from your list
    remove me from the list|remove me from your mailing list|take me off your list
    take me off the list
    退订|我要退订|我想退订|退订短信|退订邮件|退订消息|取消订阅|我要取消订阅|回复退订
    不要再给我发消息|不要给我发消息|别再给我发消息|别给我发消息|不要再发消息给我|别再发消息给我
    不要再发消息|别再发消息|不要发消息给我|不要再发信息|别再发信息|不要再给我发信息|别再给我发信息
    不要再给我发短信|不要给我发短信|别再给我发短信|别给我发短信|不要再发短信|别再发短信
    不要再给我发邮件|不要给我发邮件|别再给我发邮件|别给我发邮件|不要再发邮件|别再发邮件
    不要再联系我|别再联系我|不要联系我|别联系我|不要再打扰我|别再打扰我|不要打扰我|别打扰我
    不要再发了|别再发了|别发了|不要发了|停止发送|停止发消息|停止给我发消息|停止发送消息
    不想再收到消息|不想收到消息|我不想再收到你们的消息|不想再收到你们的消息|不想再收到短信
    不想再收到邮件|拒收|拒收消息|拒收短信
    退訂|我要退訂|取消訂閱|我要取消訂閱|不要再給我發訊息|不要再給我發消息|不要再傳訊息給我
    不要傳訊息給我|別再傳訊息給我|不要再傳訊息|別再傳訊息|不要再傳簡訊給我|不要再傳簡訊|不要再聯絡我
    別再聯絡我|不要聯絡我|不要再打擾我|別再打擾我|停止傳送|不要再寄信給我|不要再寄郵件給我
    不想再收到訊息|拒收訊息
    """.strip().replace("\n", "|").split("|")
)  # fmt: skip
_IN = frozenset(
    "".join(phrase.split())
    for phrase in """
    subscribe|subscribe me|subscribe again|resubscribe|opt in|opt me in|unstop|message me again
    you can message me again|you may message me again|send me messages again|you can write to me again
    重新订阅|恢复订阅|恢复接收|恢复发送|恢复消息|重新接收消息|可以给我发消息了|可以再给我发消息
    又可以给我发消息|取消退订|重新訂閱|恢復訂閱|恢復接收|取消退訂|可以傳訊息給我|可以再傳訊息給我
    """.strip().replace("\n", "|").split("|")
)  # fmt: skip


def opting(text: str) -> str:
    """'out', 'in', or '' where the message is neither, or says more than that."""
    if len(text) > _LONGEST:
        return ""
    said = unicodedata.normalize("NFKC", text).lower()
    said = _MARKS.sub("", said.replace("'", "").replace("’", ""))
    for words in (said, _POLITE.sub("", said)):
        if words in _OUT:
            return "out"
        if words in _IN or f"{words}了" in _IN:
            return "in"
    return ""
