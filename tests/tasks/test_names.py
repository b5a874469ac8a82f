"""Names of a summary stand in its source, in some form."""

import pytest
from hypothesis import given

from jobs.tasks.names import lost_names
from tests.tasks.making import ANY_TEXT

ENGLISH = (
    "Kirsty Williams: we met the Canadian minister at the National Gallery with Dr. O'Brien from "
    "IBM, and the CFO showed an M R I scan. I was in the U.S. with Marketing and Suzy in Tokyo."
)
JAPANESE = (
    "係: 田中様、箱根のハイアットリージェンシーはいかがですか。"
    "客: カースティ・ウィリアムズさんと熊本県へ行くので、ﾚﾃﾞｨｰｽﾌﾟﾗﾝと最寄駅の送迎をお願いします。"
)


@pytest.mark.parametrize(
    "summary",
    [
        "Williams's talk, and what Kirsty said.",
        "They met people from Canada and the Canadians.",
        "KIRSTY WILLIAMS: MET THE MINISTER",
        "The Chief Financial Officer showed an MRI.",
        "On Monday, the group from the United States was in Tokyo.",
        "However, patients were not there. Surgery revealed nothing. Participants thought so.",
        "Appendectomy was done.",
        "OBrien came with Mr. Williams.",
        "Key Points From This Meeting\n- met the minister",
        "The PT and the OT were there in part II.",
        "He said that “Marketing” was there.",
        "東京で会った。",
        "",
    ],
)
def test_names_of_the_text_pass(summary: str) -> None:
    """Case, possessives, plurals, initials, other forms, titles and first words are no matter."""
    source = ENGLISH if summary != "The PT and the OT were there in part II." else "we were there"
    assert lost_names(summary, source) == ()


@pytest.mark.parametrize(
    ("summary", "name"),
    [
        ("They met Johansson in Tokyo.", "Johansson"),
        ("Williams and Suzie Bergmann met.", "Bergmann"),
        ("Johansson said that they met.", "Johansson"),
        ("Petra Novak was there.", "Petra"),
        ("It was shown by HAL.", "HAL"),
        ("Kirsty Williamson met them.", "Williamson"),
        ("They were in Osaka's National Gallery.", "Osaka"),
        ("Met in Nestlé's office.", "Nestlé"),
    ],
)
def test_foreign_names_are_found(summary: str, name: str) -> None:
    """Also as the first word of a sentence, where a verb or another name shows it to be one."""
    assert name in lost_names(summary, ENGLISH)


@pytest.mark.parametrize(
    "summary",
    [
        "田中さんは箱根のハイアット・リージェンシーに泊まりたい。",
        "ウィリアムズ氏と熊本へ行く。レディースプランを希望。",
        "お客様は最寄り駅からの送迎を希望している。",
        "スケジュールとサービスのメリットをユーザーに説明。",
        "ビジネスホテルのスタッフがサポートする。",
        "一緒に三重の扉が大分よくなった。",
        "ご両親様と奥様、市、駅",
    ],
)
def test_japanese_names_of_the_text_pass(summary: str) -> None:
    """Honorifics, width, small vowels and loanwords that any summary may use are no matter."""
    assert lost_names(summary, JAPANESE) == ()


@pytest.mark.parametrize(
    ("summary", "name"),
    [
        ("高橋様は箱根に泊まりたい。", "高橋"),
        ("権藤さんは箱根に泊まりたい。", "権藤"),
        ("別府に泊まりたい。", "別府"),
        ("鯖江市に行く。", "鯖江"),
        ("鈴木が行く。", "鈴木"),
        ("カースティ・ジョンソンさんと行く。", "カースティ・ジョンソン"),
        ("ハウステンボスに行く。", "ハウステンボス"),
        ("英国へ行く。", "英国"),
    ],
)
def test_foreign_japanese_names_are_found(summary: str, name: str) -> None:
    """Places, families, what stands before さん or 市, and katakana."""
    assert name in lost_names(summary, JAPANESE)


def test_names_are_compared_within_one_script() -> None:
    """A summary in another language writes names in its own way; German capitals are no names."""
    assert lost_names("Tanaka wants to go to Hakone.", JAPANESE) == ()
    assert lost_names("カースティ・ウィリアムズ氏が東京で会った。", ENGLISH) == ()
    german = "Wir haben die Regale bestellt und der Chef ist mit dem Preis nicht zufrieden."
    assert lost_names("Die Bestellung der Möbel und der Ärger.", german) == ()
    short = "Der Aufzug im Haus ist seit Montag defekt. Die Firma kommt erst am Donnerstag."
    assert lost_names("Aufzug im Haus seit Montag defekt, Reparatur Donnerstag.", short) == ()


def test_what_hangs_on_digits_is_no_name() -> None:
    """It is a matter of numbers: 5Km, 0Aa."""
    assert lost_names("We ran 5Km and 0Aa.", "we ran 5km and 0aa.") == ()
    assert lost_names("We saw 3Pm.", "we saw it") == ()


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_names_or_not(one: str, other: str) -> None:
    """Nothing raises, and a text has its own names."""
    lost_names(one, other)
    assert lost_names(one, one) == ()


def test_a_long_line_of_names_is_soon_read() -> None:
    """A line is looked at once, not once for each of its words."""
    summary = "we met " + " and ".join(
        f"A{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}on" for n in range(3000)
    )
    assert lost_names(summary, "He met Tom in the office. " * 100) == ()
