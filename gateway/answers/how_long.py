"""Hears the question how long it still takes, asked by somebody who waits for a person.

Only whole messages count: "how long does a refund take" asks something else. From anybody who does not
wait it would mean something else, too, so no topic has these words.
"""

import re

from gateway.answers.text import bare

_CHINESE = re.compile(
    "(?:请问|你好|您好|麻烦|那|大概|大约|现在|目前|我们?|你们|人工|客服|前面|到底|究竟|还|一下|[,， ])*"
    "(?:"
    "(?:要|需要|得)?再?(?:等候?|等待|排队?|要)(?:到)?(?:多久|多长时间|几分钟|什么时候|何时)(?:才[有能到轮]?\\w{0,6})?"
    "|(?:什么时候|啥时候|何时|多久)(?:才?[能会]|才|可以|有)?(?:轮到我|到我|有?人(?:回复?|理)?我?|人工|接通|接待我|处理)"
    "|(?:排|排在|是|在)?第几[位个名]?"
    "|有?(?:多少|几)个?人(?:在?排队|在?等)?"
    "|(?:快)?轮到我(?:了吗|了没|没)"
    "|多久"
    ")(?:呢|啊|呀|了|吗|才行)*"
)
_ENGLISH = re.compile(
    r"(?:(?:hello|hi|hey|and|so|ok|okay|sorry|please|pls|excuse me)[, ]+)*"
    r"(?:"
    r"how (?:much )?long(?:er)?(?: still| more| now)?"
    r"(?: (?:do|must|shall|will|should|have) (?:i|we)(?: still)?(?: have)?(?: to| got to)? ?(?:wait|be waiting)?)?"
    r"(?: (?:is|will) (?:it|this|the (?:wait|queue|line))(?: still)?(?: be| take| now)?)?"
    r"(?: (?:until|till|before) (?:(?:it is )?my turn|(?:some(?:body|one)|a person|an agent) \w+(?: me)?))?"
    r"|when (?:is it|will it be) my turn"
    r"|when will (?:some(?:body|one)|a person|an agent) \w+(?: me| to me)?"
    r"|(?:what is|what's|whats) my (?:place|position|number)(?: in (?:the )?(?:line|queue))?"
    r"|(?:what|which) number am i(?: in (?:the )?(?:line|queue))?"
    r"|how many(?: people)?(?: are)? (?:before|ahead of|in front of) me"
    r"|am i next"
    r"|(?:still )?how many minutes(?: more)?"
    r")(?: (?:please|pls|now))?"
)


#: Characters of such a question.
_LONGEST = 60


def asks_how_long(text: str) -> bool:
    """Whether the whole message asks how long one still waits, or at which place."""
    said = bare(text)
    if len(said) > _LONGEST:
        return False
    return bool(_CHINESE.fullmatch(said) or _ENGLISH.fullmatch(said))
