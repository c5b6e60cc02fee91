"""What WeCom's refusal to send "in this state" means: the state of the session decides.

The states are those of developer.work.weixin.qq.com/document/path/94698.
"""

from collections.abc import Mapping

from channels._wechat_api import Api
from gateway.domain.errors import DeliveryError, Failure

#: …/document/path/90313
WRONG_STATE = "95018"
#: A session that a colleague has in WeCom's own client is theirs until they end it: to park the answer
#: would have it go out in the middle of their conversation.
_STATES: Mapping[int, tuple[Failure, str]] = {
    0: (Failure.RETRY, "the session is ours again"),
    1: (Failure.RETRY, "the session is ours again"),
    2: (Failure.REJECTED, "the customer waits for a colleague in WeCom's own client"),
    3: (Failure.REJECTED, "a colleague has the session in WeCom's own client"),
    4: (Failure.WINDOW_CLOSED, "the session has ended, or not begun"),
}
_OTHER = (Failure.REJECTED, "the session is in a state that is not known")


async def of_session(api: Api, customer: str, open_kfid: str) -> DeliveryError:
    """The error of a refused send. The state is read and not changed; nothing is sent again here.

    Args:
        api: of the app.
        customer: external_userid.
        open_kfid: the customer service account that was to write.
    """
    wanted = {"open_kfid": open_kfid, "external_userid": customer}
    try:
        answer = await api.ask("POST", "/cgi-bin/kf/service_state/get", wanted)
    except DeliveryError as error:
        why = f"the state of the session cannot be read: {error.detail}"
        return DeliveryError(Failure.RETRY, why, provider_code=WRONG_STATE)
    state = answer.get("service_state")
    failure, what = _STATES.get(state, _OTHER) if isinstance(state, int) else _OTHER
    return DeliveryError(failure, what, provider_code=WRONG_STATE)
