"""What a machine still does for a customer who waits for a person, while nobody talks to them yet."""

from dataclasses import dataclass, replace

from gateway.domain.channel import Inbound
from gateway.domain.decision import Decision, Verb
from gateway.domain.model import InquiryState, Visibility
from gateway.domain.snapshot import InquiryView, Snapshot
from gateway.workers.calling import number_follows, said_when, wished
from gateway.workers.deciding import Deciding
from gateway.workers.draft import Draft


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Tells how far a matter is, takes the wish for a call and its time, hears that it has solved itself."""

    deciding: Deciding

    def tell_status(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
    ) -> bool:
        """Whoever asks how far a matter is, while nobody talks to them yet, hears it at once: where
        it waits and under which number. Says whether a text went out."""
        limited = seen.automatic_today >= self.deciding.settings.automatic_per_day
        if limited or event.visibility is Visibility.PUBLIC:
            return False
        question = replace(self.deciding.question_of(event, seen, inquiry), dialogue={})
        if not self.deciding.answerer.asks_status(question):
            return False
        decision = self.deciding.answerer.status(question)
        if decision.verb is not Verb.ANSWER or decision.evidence.get("rule") != "status":
            return False
        draft.log("inquiry.status_told", cases=[case.number for case in question.cases])
        decision = self.deciding.with_standing(draft, event, seen, question, decision)
        self.deciding.speak(draft, event, seen, inquiry, conversation, decision, question)
        return True

    def take_wish(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
    ) -> bool:
        """Whoever would rather be called than wait is called back where they write from, or on the number
        they name. Says whether a text went out."""
        if inquiry.state not in (InquiryState.QUEUED, InquiryState.OFFERED):
            return False
        question = replace(self.deciding.question_of(event, seen, inquiry), dialogue={})
        if question.public or not self.deciding.answerer.wishes_call(question):
            return False
        # A rule may hear more than that: a fraud.
        decision = self.deciding.answerer.decide(question, ())
        if decision.evidence.get("rule") != "callback":
            return False
        settings = self.deciding.settings
        wish = wished(draft, event, seen, inquiry, settings.reach, settings.calling)
        if wish is None:
            return False
        draft.add(wish)
        if seen.automatic_today >= settings.automatic_per_day:
            return False
        self.deciding.speak(draft, event, seen, inquiry, conversation, decision, question)
        return True

    def take_number(
        self, draft: Draft, event: Inbound, seen: Snapshot, inquiry: InquiryView
    ) -> None:
        """Whoever asked for a call without a number, and now says which, is called on it."""
        settings = self.deciding.settings
        wish = number_follows(draft, event, seen, inquiry, settings.reach, settings.calling)
        if wish is not None:
            draft.add(wish)

    def take_time(
        self,
        draft: Draft,
        event: Inbound,
        seen: Snapshot,
        inquiry: InquiryView,
        conversation: str,
    ) -> bool:
        """Whoever is to be called, and says when and nothing else, is called then, or asked for another
        time where that one cannot be. Says whether that is all that follows from the message."""
        deciding = self.deciding
        language = str(event.facts.get("language", "")) or inquiry.language
        text, moved = said_when(draft, event, seen, deciding.settings.calling, language)
        if not text or seen.automatic_today >= deciding.settings.automatic_per_day:
            return moved
        question = replace(deciding.question_of(event, seen, inquiry), dialogue={})
        if not seen.greeted:
            between = "\n\n" if seen.account.form == "long" else " "
            text = f"{deciding.answerer.notice('automatic', question)}{between}{text}"
        decision = Decision(
            Verb.ROUTE, inquiry.topic, 1.0, (), language, "when to call", reply=text
        )
        deciding.speak(draft, event, seen, inquiry, conversation, decision, question)
        return True

    def helped(self, event: Inbound, seen: Snapshot, inquiry: InquiryView) -> bool:
        """Whether somebody who waits for a person, and was asked if it has solved itself, says yes."""
        if inquiry.state is not InquiryState.QUEUED or inquiry.dialogue.get("pending") != "solved?":
            return False
        decision = self.deciding.answerer.decide(
            self.deciding.question_of(event, seen, inquiry), seen.certificates
        )
        return decision.evidence.get("solved") is True
