"""The default budget of judges that may cost money, and what they send."""

from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st

from hone.config.sections.relabel import Budget
from hone.judging import transfers
from hone.judging.transfers import (
    MONEY,
    TOKENS,
    budget_of,
    default_budget,
    format_limits,
    judge_transfers,
)
from tasks.relabel.judges.endpoint import endpoint

PRICED = {"url": "http://host/v1", "price": {"input": 1.0, "output": 2.0}}
UNPRICED = {"url": "http://host/v1", "price": None}
FREE = {"model": "r0"}

PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "url": st.sampled_from(["http://host/v1", None]),
        "price": st.sampled_from([None, {}, {"input": 1.0}]),
    },
)


def test_the_default_limits_money_with_a_price_and_tokens_without():
    assert default_budget([FREE, PRICED]) == Budget(money=MONEY)
    assert default_budget([UNPRICED]) == Budget(tokens=TOKENS)
    assert default_budget([PRICED, UNPRICED]) == Budget(money=MONEY, tokens=TOKENS)
    assert default_budget([FREE]) == Budget()


def test_a_budget_of_the_user_and_null_stay_as_they_are():
    assert budget_of(Budget(pairs=7), [PRICED]) == Budget(pairs=7)
    assert budget_of(Budget(), [PRICED]) == Budget()
    assert budget_of(None, [PRICED]) == Budget()
    assert budget_of("default", [PRICED]) == Budget(money=MONEY)


@given(st.lists(PARAMETERS))
def test_by_default_no_paid_judge_is_without_a_limit(judges: list[dict]):
    paid = any(one.get("url") or one.get("price") for one in judges)
    assert bool(format_limits(budget_of("default", judges))) == paid


def test_limits_in_words():
    assert format_limits(Budget()) == ""
    limits = Budget(money=1.5, tokens=2000, minutes=3)
    assert format_limits(limits) == "at most 1.5 of money and 2,000 tokens and 3 minutes"


def test_each_endpoint_and_collection_is_a_transfer():
    """Address, price and slots are not in the resolved line but in params.yaml."""
    line = {"name": "strong", "method": "endpoint", "parameters": {"model": "m", "trim": 64}}
    guide = {"name": "guide", "method": "encoder", "parameters": FREE}
    judges = {"strong": {"endpoint": PRICED | {"key": "A_KEY", "slots": 4}}}
    found = judge_transfers([guide, line], judges, ["ours", "theirs"], "at most 5 of money")
    assert [one.collection for one in found] == ["ours", "theirs"]
    assert (found[0].url, found[0].key, found[0].sender) == (
        "http://host/v1",
        "A_KEY",
        "judge strong",
    )
    assert "each cut at 64 tokens; concurrent requests: 4" in found[0].texts
    assert found[0].cost == (
        "1 per million input tokens and 2 per million output tokens; at most 5 of money"
    )


def test_positives_are_sent_only_by_prompts_that_show_them():
    def texts(prompt: str) -> str:
        line = {"name": "one", "method": "endpoint", "parameters": UNPRICED | {"model": "m"}}
        line["parameters"] |= {"prompt": prompt}
        return judge_transfers([line], {}, ["ours"], "")[0].texts

    assert texts("yes-no").startswith("training queries, their positives and the documents")
    assert texts("yes-no-alone").startswith("training queries and the documents")


def test_the_assumed_number_of_requests_is_the_default_of_the_judge():
    assert inspect.signature(endpoint).parameters["slots"].default == transfers.SLOTS
