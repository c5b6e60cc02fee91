"""The scenes of the story, in the order they are played."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.demo.cast import Words
from gateway.demo.scenes import app, books, letters, safety, texts
from gateway.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene: its title, and what happens."""

    title: Words
    play: Callable[[Stage], Awaitable[None]]


SCENES = (
    Scene(Words("开场：答得对才许自动回复", "Prologue: permission to answer"), books.permission),
    Scene(Words("邮件：忘记密码", "Mail: a forgotten password"), letters.password),
    Scene(Words("短信：充值没到账，转人工", "SMS: a top-up, then a person"), texts.topup),
    Scene(Words("同一个回调送来五次", "The same webhook, five times"), texts.repeated),
    Scene(Words("英文邮件：怎么绑卡", "English mail: adding a card"), letters.add_card),
    Scene(Words("我们的回信被退回", "Our answer bounces"), letters.bounced),
    Scene(Words("休假自动回复", "An out-of-office"), letters.out_of_office),
    Scene(Words("客户发来银行卡号", "A card number in a message"), safety.card_number),
    Scene(Words("不是本人的交易：先保护资金", "A transaction nobody made"), safety.fraud),
    Scene(Words("注销账户：只给建议", "Closing an account: advice only"), safety.closing),
    Scene(Words("应用内消息：付款失败，已解决", "From the app: solved"), app.solved),
    Scene(Words("GBK 编码的邮件", "A mail in GBK"), letters.gbk),
    Scene(Words("收场：对账", "Epilogue: the books"), books.balance),
)
