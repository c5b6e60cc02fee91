"""A small world for engines: an encoder of two characters, questions of two topics."""

import numpy as np

TEXTS = ["提现没到账", "提现不到账", "提现一直没到", "忘记密码", "密码忘了", "重置密码怎么弄"]
LABELS = ["withdraw"] * 3 + ["password"] * 3


class ToyEncoder:
    """Counts two characters: enough to prove that any encoder fits in."""

    name = "toy"
    version = "1"
    dimension = 2
    languages = frozenset({"zh"})

    def __init__(self):
        self.asked = []

    def encode(self, texts):
        self.asked.append(list(texts))
        raw = np.array([[t.count("提") + 0.1, t.count("密") + 0.1] for t in texts], dtype=float)
        raw = raw.reshape(-1, 2)
        return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
