"""Answers, a line for a line, what biip (Apache-2.0, PyPI) makes of codes: the oracle of tests/it/codes.

In: {"code": ..., "form": "elements" | "link" | "number", "region": null | "de" | ...}. Out: {"ok": bool, "gtin": ...,
"elements": [[ai, value]], "weight": ..., "price": ..., "count": ...}. For elements and links only these forms are tried.
"""
import json
import sys

from biip import ParseConfig, ParseError
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message
from biip.gtin import Gtin


def elements(message):
    # A wrong check digit of AI 01 is an inner error field there, not a refusal.
    found = list(message.element_strings)
    broken = [each for each in found if each.gtin_error or each.gln_error or each.sscc_error]
    return {"ok": not broken, "elements": [[each.ai.ai, each.value] for each in found]}


def text(value):
    return None if value is None else str(value)


def answer(question):
    code = question["code"]
    try:
        if question["form"] == "elements":
            return elements(GS1Message.parse(code))
        if question["form"] == "link":
            return elements(GS1DigitalLinkURI.parse(code))
        region = question.get("region")
        gtin = Gtin.parse(code, config=ParseConfig(rcn_region=region, rcn_verify_variable_measure=True))
        return {
            "ok": True,
            "gtin": gtin.as_gtin_14(),
            "weight": text(getattr(gtin, "weight", None)),
            "price": text(getattr(gtin, "price", None)),
            "count": text(getattr(gtin, "count", None)),
        }
    except (ParseError, ValueError) as error:
        return {"ok": False, "why": str(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=False)
