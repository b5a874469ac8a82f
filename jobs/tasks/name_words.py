"""Words that names are told by, and from: no list of what may be named.

The Japanese places are the prefectures, the large cities and what travellers ask for; the families
are the most frequent ones. A name that is not here is still found by its writing.
"""

import re
import tomllib
from importlib.resources import files
from typing import Final

_WORDS: Final[dict[str, list[str]]] = {
    name: words.split()
    for name, words in tomllib.loads(
        files("jobs.tasks").joinpath("name_words.toml").read_text("utf-8")
    ).items()
}
ORDINARY: Final = frozenset(_WORDS["ordinary"])
OPENERS: Final = frozenset(_WORDS["openers"])
TAILS: Final = frozenset(("", *_WORDS["tails"]))
LOANWORDS: Final = frozenset(_WORDS["loanwords"])
HONORIFICS: Final = (
    "さん|氏|様|さま|君|くん|ちゃん|先生|社長|部長|課長|議員|大臣|首相|大統領|知事|市長|教授"
)
PLACE_ENDS: Final = "県|市|区|町|村|駅|島|湖|温泉|空港|神社|寺|大学|病院|銀行|株式会社"
GENERIC_KANJI: Final = re.compile(
    r"客$|皆$|奥$|旦那|神$|王$|各$|他$|両親|家族|子供|社員|店員|係員|職員|担当|患者|顧客|利用者|参加者"
    r"|最寄|近[隣郊く]|同[県市区町村駅]?$|当[県市区町村駅]?$|隣|都$|地$|露天|天然|日帰|有名|人気|無人|離$"
    r"|半$|全$|観光|地元|主要|中央|総合|国立|市立|県立|私立|大学|地方|出張|到着|出発|周辺|付近|途中|自治"
)
"""Kanji before 様, 市, 駅 and the like that name nobody and no place."""
PLACES: Final = re.compile(
    "|".join(
        sorted(
            (*_WORDS["prefectures"], *_WORDS["cities"], *_WORDS["regions"], *_WORDS["countries"]),
            key=len,
            reverse=True,
        )
    )
)
SURNAMES: Final = re.compile("|".join(_WORDS["surnames"]))
ALIASES: Final = {
    "united": ("u.s", " us ", "america", "u.k", " uk ", "britain", "england", "u s ", "u k "),
    "states": ("u.s", " us ", "america", "u s "),
    "kingdom": ("u.k", " uk ", "britain", "england", "u k "),
    "america": ("u.s", " us ", "united states", "u s "),
    "american": ("u.s", " us ", "united states", "u s "),
    "britain": ("u.k", " uk ", "united kingdom", "england"),
    "british": ("u.k", " uk ", "united kingdom", "england", "english"),
    "日本": ("国内", "和風", "和食"),
    "米国": ("アメリカ", "米"),
    "英国": ("イギリス", "英"),
    "中国": ("中華",),
    "韓国": ("コリア",),
    "東京都": ("東京", "都内"),
    "瀬戸内": ("瀬戸",),
    "首都圏": ("東京", "関東"),
    "三重県": ("三重",),
    "大分県": ("大分",),
    "大分市": ("大分",),
    "由布院": ("湯布院",),
    "湯布院": ("由布院",),
}
