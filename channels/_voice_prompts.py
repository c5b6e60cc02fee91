"""What the hotline says and writes by itself, in Chinese and English, until the settings say otherwise.

Answers, notices and questions come from the templates; here is only what guides somebody through a call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

CHINESE, ENGLISH = "zh-CN", "en"
LANGUAGES = (CHINESE, ENGLISH)

#: By language and name. In braces: `text` and `key` of a menu entry, `number` of the inquiry in single
#: digits, `seconds` of a recording, `telephone` as it was keyed in.
PROMPTS: Mapping[str, Mapping[str, str]] = {
    CHINESE: {
        "greeting": "您好，这里是客服热线，现在由自动语音系统为您服务。",
        "language": "中文请按一。",
        "topic": "请在提示后说出您遇到的问题，也可以按键选择。",
        "entry": "{text}，请按{key}。",
        "person": "人工客服请按零。",
        "again": "抱歉，没有听清楚。",
        "helped": "问题解决了请按一，没有解决请按二，人工客服请按零，重听请按星号键。",
        "reply": "请按键或者直接说出您的选择，人工客服请按零，重听请按星号键。",
        "moment": "请稍等，正在为您查询。",
        "still": "还需要一点时间，请不要挂断。",
        "passed": "您的问题已经转给人工客服。",
        "number": "您的编号是：{number}。",
        "offer": "需要我们回电到您现在的号码，请按一。回电到其他号码，请按二。需要留言，请按三。",
        "offer_withheld": "您的来电没有显示号码。需要我们回电，请按二，然后输入号码。需要留言，请按三。",
        "may_go": "您也可以现在挂断，您的位置会保留。",
        "key_number": "请输入您的电话号码，外地号码请加区号，最后按井号键。",
        "bad_number": "抱歉，这个号码不对。",
        "called_back": "您的回电要求已经记下。",
        "voicemail": "请在提示音后留言，说完请按井号键或者挂断。",
        "recorded": "您的留言已经收到，人工客服会为您处理。",
        "kept": "您的来电已经记下，人工客服会为您处理。",
        "goodbye": "感谢您的来电，再见。",
        "sorry": "抱歉，系统暂时出了问题。",
        "connect": "这是一通客户回电。接通客户请按一。",
        "calling_back": "您好，这是您要求的客服回电，正在为您接通。",
        "not_reached": "没有接通客户。",
        "no_agent": "抱歉，客服现在没有接听，我们会再给您打电话。",
        "words_person": "转人工客服",
        "words_callback": "请给我回电话",
        "words_callback_to": "请给我回电话，请打 {telephone}",
        "words_yes": "解决了",
        "words_no": "没有解决",
        "note_recording": "（语音留言，{seconds} 秒）",
        "note_silent": "（来电者没有说话）",
        "note_missed": "（来电者没有说话就挂断了）",
    },
    ENGLISH: {
        "greeting": "Hello, this is the support hotline. You are speaking with an automatic system.",
        "language": "For English, press two.",
        "topic": "Please say what your question is about, or choose by key.",
        "entry": "For {text}, press {key}.",
        "person": "For a person, press zero.",
        "again": "Sorry, I did not get that.",
        "helped": "If this solved it, press one. If not, press two. For a person, press zero. "
        "To hear it again, press star.",
        "reply": "Please press a key or say which one it is. For a person, press zero. "
        "To hear it again, press star.",
        "moment": "One moment please, I am looking that up.",
        "still": "This takes a little longer, please hold the line.",
        "passed": "Your question has been passed on to a person.",
        "number": "Your number is: {number}.",
        "offer": "To be called back on the number you are calling from, press one. "
        "To be called on another number, press two. To leave a message, press three.",
        "offer_withheld": "Your call shows no number. To be called back, press two and key in a "
        "number. To leave a message, press three.",
        "may_go": "You may also hang up now, you keep your place.",
        "key_number": "Please key in your telephone number with its area code, then press hash.",
        "bad_number": "Sorry, this is no number that we can call.",
        "called_back": "We have noted that you would like to be called.",
        "voicemail": "Please speak after the tone, then press hash or hang up.",
        "recorded": "Thank you, we have your message, and a person will take care of it.",
        "kept": "We have noted your call, and a person will take care of it.",
        "goodbye": "Thank you for calling. Goodbye.",
        "sorry": "Sorry, something went wrong on our side.",
        "connect": "This is a customer to be called back. To be connected, press one.",
        "calling_back": "Hello, this is the call you asked us for. You are being connected.",
        "not_reached": "The customer was not reached.",
        "no_agent": "Sorry, nobody could take the call just now. We will call you again.",
        "words_person": "I want to talk to a person",
        "words_callback": "Please call me back",
        "words_callback_to": "Please call me back, call me on {telephone}",
        "words_yes": "yes",
        "words_no": "no",
        "note_recording": "(voice message of {seconds} seconds)",
        "note_silent": "(the caller said nothing)",
        "note_missed": "(the caller hung up without a word)",
    },
}


@dataclass(frozen=True, slots=True)
class Prompts:
    """The texts of one account: the account's own, else the ones above."""

    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __call__(self, language: str, name: str, **values: object) -> str:
        """One text. A brace that names nothing we know stays as it is."""
        language = language if language in PROMPTS else ENGLISH
        text = self.own.get(language, {}).get(name) or PROMPTS[language][name]
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", str(value))
        return text


def spoken(number: str) -> str:
    """An inquiry number in single digits, so that no voice reads a million."""
    return " ".join(char for char in number if char.isalnum())
