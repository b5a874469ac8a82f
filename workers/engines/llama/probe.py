"""The texts and labels that a format is measured with; written for this project.

Each text is asked for with two label sets of its language. They are short, as the rows of most
files are, and of every kind a pipeline may drop: whether a tiny model answers them rightly does
not matter, only whether it answers the same in another format.
"""

from typing import Final

from jobs.prompt import Frame, LabelChoice, Prompt

ENGLISH: Final = (
    "Where is my parcel? It should have come on Monday.",
    "The blue cup arrived broken; please send another one.",
    "I was charged twice for order 4711.",
    "Lovely shop, I will come again.",
    "How do I change the address of my delivery?",
    "Please cancel my subscription from next month on.",
    "The app closes itself when I open the camera.",
    "Do you have this jacket in green, size M?",
    "My password does not work any more.",
    "The driver was rude and left the box in the rain.",
    "Thank you, the repair went quickly.",
    "Is the museum open on public holidays?",
    "The invoice lacks our tax number.",
    "The heating has been cold since last night.",
    "We would like to book a table for eight.",
    "The train was forty minutes late again.",
    "I want my money back.",
    "The new version is much faster, great work.",
    "Can I pay by bank transfer?",
    "The lamp flickers after ten minutes.",
    "Nobody answers your telephone.",
    "The seeds came up within a week.",
    "Which cable fits the older model?",
    "The contract ends in March; what happens then?",
)
JAPANESE: Final = (
    "荷物がまだ届きません。いつ届きますか。",
    "届いたお皿が割れていました。",
    "同じ注文で二回請求されています。",
    "とても良いお店でした。また来ます。",
    "配送先を変更したいです。",
    "来月から解約をお願いします。",
    "カメラを開くとアプリが落ちます。",
    "この上着の緑はありますか。",
    "パスワードが使えなくなりました。",
    "配達員の態度が悪かったです。",
    "修理が早くて助かりました。",
    "祝日も開いていますか。",
    "請求書に登録番号がありません。",
    "昨夜から暖房が効きません。",
    "八名で席を予約したいのですが。",
    "また電車が四十分遅れました。",
    "返金してください。",
    "新しい版はとても速いですね。",
    "銀行振込で払えますか。",
    "十分ほどで照明がちらつきます。",
    "電話に誰も出ません。",
    "一週間で芽が出ました。",
    "古い機種に合うケーブルはどれですか。",
    "契約は三月までですが、その後は。",
)
QUESTIONS: Final = (
    (
        ENGLISH,
        Frame("Sort the message of a customer.", before="Message: ", answer_start="Topic:"),
        LabelChoice((" delivery", " payment", " product", " account", " praise"), complete=True),
    ),
    (
        ENGLISH,
        Frame("Tell how the writer feels.", before="Text: ", answer_start="Feeling:"),
        LabelChoice((" happy", " angry", " neutral"), complete=True),
    ),
    (
        JAPANESE,
        Frame("お客様の連絡を分類してください。", before="連絡: ", answer_start="分類: "),
        LabelChoice(("配送", "支払い", "商品", "会員", "お礼"), complete=True),
    ),
    (
        JAPANESE,
        Frame("Is this a question, a complaint or praise?", before="Text: ", answer_start="Kind:"),
        LabelChoice((" question", " complaint", " praise"), complete=True),
    ),
)


def make_prompts() -> list[Prompt]:
    """Return the probe, keyed by its order."""
    asked = [(frame, text, choice) for texts, frame, choice in QUESTIONS for text in texts]
    return [Prompt(key, *question) for key, question in enumerate(asked)]
